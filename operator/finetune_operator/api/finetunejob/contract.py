"""What of a pod is not a job's to set: it belongs to the operator, the container runtime, Kubernetes or the image.

Each pattern is one of CEL (RE2) and of Python: the API server refuses by it, and the renderer leaves out by it.
"""

from __future__ import annotations

import re
from typing import Final

CONTRACT_VARIABLES: Final = (
    "^(FINETUNE_|KUBEFLOW_TRAINER_|MASTER_|((LOCAL|GROUP|ROLE)_)?(RANK|WORLD_SIZE)$|NODE_RANK$|JOB_COMPLETION_INDEX$|"
    "PET_|TORCHELASTIC_|ACCELERATE_|FSDP_|"
    "NVIDIA_(VISIBLE_DEVICES|DRIVER_CAPABILITIES|REQUIRE_|DISABLE_REQUIRE|MIG_|IMEX_)|(CUDA|HIP|ROCR)_VISIBLE_DEVICES$|"
    "GPU_DEVICE_ORDINAL$|LD_|GLIBC_TUNABLES$|PATH$|VIRTUAL_ENV$|"
    "PYTHON(PATH|HOME|STARTUP|USERBASE|EXECUTABLE|PLATLIBDIR|INSPECT|UNBUFFERED)$|HOME$|TMPDIR$|TEMP$|TMP$)"
)
"""What the trainer finds its work, its peers, its GPUs and its own code by. NVIDIA_VISIBLE_DEVICES would give a pod every
GPU of its node, uncounted."""
TAKEN_PATHS: Final = (
    "^/((app|workspace|cache|inputs|dev|tmp|proc|sys|usr|lib|lib32|lib64|libx32|bin|sbin|boot|root|etc|run|"
    "opt/(venv|conda|requirements)|var/(run|lib|tmp))(/|$)|(var|opt)$)"
)
"""The operator's mounts, the system's and the image's folders, what lies under them, and the folders over them."""
FREE_PATHS: Final = "^/(etc/(ssl|pki|ca-certificates)|(var/)?run/secrets/[^/]+)(/|$)"
"""Below taken folders, and a job's all the same: where certificates and credentials are looked for."""
OWN_SECRETS: Final = "^/(var/)?run/secrets/(finetune|kubernetes[.]io)(/|$)"
CROOKED_PATHS: Final = "/[.]{0,2}(/|$)"
CLIMBING_PATHS: Final = "(^|/)[.][.](/|$)"
OWN_KEYS: Final = "^(([-a-z0-9.]*[.])?(finetune[.]dev|kubernetes[.]io|(x-)?k8s[.]io)/|(job-name|controller-uid)$)"
FREE_KEYS: Final = (
    "^(app[.]kubernetes[.]io/(name|instance|version|component|part-of)|"
    "cluster-autoscaler[.]kubernetes[.]io/safe-to-evict)$"
)
"""Of Kubernetes' domains, and meant for whoever owns the pod."""


def cel_path_taken(variable: str) -> str:
    """The CEL expression that is true for a path that is not a job's."""
    return (
        f"(({variable}.matches('{TAKEN_PATHS}') && !{variable}.matches('{FREE_PATHS}')) || "
        f"{variable}.matches('{OWN_SECRETS}'))"
    )


def cel_key_taken(variable: str) -> str:
    """The CEL expression that is true for the key of a label or annotation that is not a job's."""
    return f"({variable}.matches('{OWN_KEYS}') && !{variable}.matches('{FREE_KEYS}'))"


def variable_taken(name: str) -> bool:
    """Whether a variable is not a job's."""
    return re.search(CONTRACT_VARIABLES, name) is not None


def path_taken(path: str) -> bool:
    """Whether a mount there would hide what the trainer needs, or is no plain path."""
    taken = re.search(TAKEN_PATHS, path) and not re.search(FREE_PATHS, path)
    return bool(taken or re.search(OWN_SECRETS, path) or re.search(CROOKED_PATHS, path))


def key_taken(key: str) -> bool:
    """Whether the key of a label or annotation is not a job's."""
    return re.search(OWN_KEYS, key) is not None and re.search(FREE_KEYS, key) is None
