"""The Python of a built image, for programs of this host: what tests start, signal and kill as their own processes.

Each start makes a mount namespace of its own, puts the image's layers together there and enters them, so that nothing is
left behind, whatever ends the program. What it starts keeps the process id that the caller has.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.images.recipes import CHECKOUT
from tests.images.workshop import folder

if TYPE_CHECKING:
    from pathlib import Path

SHARED = ("/dev", "/proc", "/sys", "/tmp", "/etc/hosts", "/etc/resolv.conf", str(CHECKOUT))
_SCRIPT = """#!/bin/sh
# Python of {reference}, on this host.
exec unshare --mount --propagation private sh -euc '
  top={place}; mount -t tmpfs none "$top"; mkdir "$top/new" "$top/work" "$top/root"
  cd {layers}
  mount -t overlay none -o lowerdir={lower},upperdir="$top/new",workdir="$top/work" "$top/root"
  for place in {shared}; do
    [ -e "$place" ] || continue
    if [ -d "$place" ]; then mkdir -p "$top/root$place"; else mkdir -p "$(dirname "$top/root$place")"; : > "$top/root$place"; fi
    mount --rbind "$place" "$top/root$place"
  done
  cd "$top/root"
  exec chroot "$top/root" /opt/venv/bin/python "$@"' sh "$@"
"""


def borrowed_python(reference: str) -> Path | None:
    """A program that is the Python of the image called `reference`; None when the store does not have that image.

    Needs root. It sees the checkout and /tmp, and only those, as this host has them.
    """
    layers = _layers(folder() / "storage", reference)
    if not layers:
        return None
    overlay = folder() / "storage" / "overlay"
    lower = ":".join(f"l/{(overlay / layer / 'link').read_text(encoding='utf-8')}" for layer in layers)
    program = folder() / "python" / reference.rpartition(":")[2]
    place = program.parent / "root"
    place.mkdir(parents=True, exist_ok=True)
    text = _SCRIPT.format(reference=reference, layers=overlay, lower=lower, place=place, shared=" ".join(SHARED))
    unfinished = program.with_suffix(".new")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.chmod(0o755)
    unfinished.rename(program)
    return program


def _layers(storage: Path, reference: str) -> list[str]:
    """The image's layers from the top down."""
    try:
        images = json.loads((storage / "overlay-images" / "images.json").read_text(encoding="utf-8"))
        known = json.loads((storage / "overlay-layers" / "layers.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    parents = {layer["id"]: layer.get("parent", "") for layer in known}
    found = []
    layer = next((image["layer"] for image in images if reference in (image.get("names") or ())), "")
    while layer:
        found.append(layer)
        layer = parents[layer]
    return found
