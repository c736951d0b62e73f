#!/bin/sh
# compile.sh: pins every package of the image with its hashes; needs uv. Run it after editing a list (*.in), or to take
# newer versions within it (`compile.sh --upgrade`). Order matters: a family stands on base-torch as pinned.
set -eu
cd "$(dirname "$0")"
for list in installer base-torch trl lerobot; do
  uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header \
    --no-emit-index-url --no-emit-find-links "$@" "$list.in" --output-file "$list.txt"
done
# GR00T's trainers need Python 3.12 on CUDA; flash-attn says what it needs only to who can build it.
uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header \
  --no-emit-index-url --no-emit-find-links "$@" groot-worker.in --output-file groot-worker.txt
uv pip compile --quiet --config-file groot.toml --python-platform x86_64-manylinux_2_28 --python-version 3.12 \
  --generate-hashes --no-header --no-emit-index-url --no-emit-find-links "$@" groot-n15.in --output-file groot-n15.txt
