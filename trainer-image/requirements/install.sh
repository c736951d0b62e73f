#!/bin/sh
# install.sh LIST...: installs compiled lists of packages into /opt/venv, while an image is built.
# uv comes and goes within the step, so that no layer keeps it.
set -eu
cd "$(dirname "$0")"
python3 -m venv /tmp/installer
trap 'rm -rf /tmp/installer' EXIT
/tmp/installer/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r installer.txt
# A house with a certificate authority of its own mounts its bundle over the system's for the build.
export UV_SYSTEM_CERTS=1 UV_HTTP_TIMEOUT=180
# The root file system is read-only in a pod: bytecode is written now, and trusted unseen at the start (checking it
# would read every source file).
export PYC_INVALIDATION_MODE=UNCHECKED_HASH
[ -d /opt/venv ] || /tmp/installer/bin/uv venv --python "$(command -v python3)" /opt/venv
for list in "$@"; do
  /tmp/installer/bin/uv pip install --python /opt/venv --no-cache --compile-bytecode --require-hashes -r "$list"
done
