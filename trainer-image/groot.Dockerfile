# The trainers of GR00T. They need NVIDIA's compiler while they are built and its GPUs while they run, so that neither target
# is built or run by this project's tests: docs/groot.md says what that means.
#
#   docker build -f groot.Dockerfile --target groot-n15 -t finetune-operator/trainer-groot-n15 .
#   docker build -f groot.Dockerfile --target groot-n16 --build-arg GROOT_REVISION=<commit> -t finetune-operator/trainer-groot-n16 .
#
# Two Pythons: /opt/venv runs our half (contract, checks, datasets), GROOT_PYTHON the makers' trainer, its child.
ARG BASE=nvidia/cuda:12.8.1-devel-ubuntu24.04


FROM ${BASE} AS groot-worker
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates ffmpeg git python3 python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 65532 finetune \
 && useradd --uid 65532 --gid 65532 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin finetune \
 && install -d -o 65532 -g 65532 /workspace /cache
# Only /tmp, /workspace and /cache can be written to in a pod: what libraries want to keep goes there.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/cache \
    HF_HOME=/cache/huggingface \
    TRITON_CACHE_DIR=/cache/triton \
    TORCHINDUCTOR_CACHE_DIR=/cache/inductor \
    GROOT_PYTHON=/opt/groot/bin/python
COPY requirements/install.sh requirements/installer.txt requirements/groot-worker.txt /opt/requirements/
RUN sh /opt/requirements/install.sh groot-worker.txt


# N1.5: LeRobot 0.5.1, all packages pinned with their hashes; flash-attn, which has no wheels, is built against torch.
FROM groot-worker AS groot-n15-packages
COPY requirements/groot-n15.txt /opt/requirements/
RUN python3 -m venv /opt/groot \
 && /opt/groot/bin/pip install --no-cache-dir --require-hashes -r /opt/requirements/installer.txt \
 && sed '/^flash-attn==/,/^[a-z]/{/^flash-attn==/d;/^ /d}' /opt/requirements/groot-n15.txt > /tmp/first.txt \
 && /opt/groot/bin/uv pip install --python /opt/groot --no-cache --require-hashes --no-deps -r /tmp/first.txt \
 && /opt/groot/bin/uv pip install --python /opt/groot --no-cache --require-hashes --no-build-isolation-package flash-attn \
      -r /opt/requirements/groot-n15.txt \
 && rm /tmp/first.txt


# N1.6: NVIDIA's repository at the commit that GROOT_REVISION names, with its own lock file. Read it before you name it.
FROM groot-worker AS groot-n16-packages
ARG GROOT_REVISION
ARG GROOT_REPOSITORY=https://github.com/NVIDIA/Isaac-GR00T
RUN test -n "$GROOT_REVISION" || { echo "name a commit: --build-arg GROOT_REVISION=" >&2; exit 1; }
RUN git init --quiet /opt/isaac \
 && git -C /opt/isaac fetch --quiet --depth 1 "$GROOT_REPOSITORY" "$GROOT_REVISION" \
 && git -C /opt/isaac checkout --quiet FETCH_HEAD
RUN python3 -m venv /tmp/installer \
 && /tmp/installer/bin/pip install --no-cache-dir --require-hashes -r /opt/requirements/installer.txt \
 && UV_PROJECT_ENVIRONMENT=/opt/groot UV_PYTHON_INSTALL_DIR=/opt/python \
    /tmp/installer/bin/uv sync --project /opt/isaac --frozen --no-cache --python 3.10 --extra gpu \
 && rm -rf /tmp/installer


# Compiled beside the family's image, so that all of our code arrives there as one small layer.
FROM ${BASE} AS code
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY trainer /app/trainer
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app


FROM groot-n15-packages AS groot-n15
COPY --from=code /app /app
ENV PYTHONPATH=/app
WORKDIR /workspace
USER 65532:65532
ENTRYPOINT ["/opt/venv/bin/python", "-m", "trainer"]


FROM groot-n16-packages AS groot-n16
COPY --from=code /app /app
ENV PYTHONPATH=/app
WORKDIR /workspace
USER 65532:65532
ENTRYPOINT ["/opt/venv/bin/python", "-m", "trainer"]
