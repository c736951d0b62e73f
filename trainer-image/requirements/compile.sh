#!/bin/sh
# compile.sh: pins every package of the image with its hashes; needs uv. Run it after editing a list (*.in), or to take
# newer versions within it (`compile.sh --upgrade`). Order matters: a family stands on base-torch as pinned.
set -eu
cd "$(dirname "$0")"
for list in installer base-torch trl lerobot; do
  uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header \
    --no-emit-index-url --no-emit-find-links "$@" "$list.in" --output-file "$list.txt"
done
