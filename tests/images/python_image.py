"""The image that ours stand on: Debian's own minimal system and its Python, made from Debian packages alone.

It takes the place of `python:3.13-slim`, the default of our Dockerfiles, where no image registry is at hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING

from tests.images.progress import step

if TYPE_CHECKING:
    from pathlib import Path

    from tests.images.progress import Say
    from tests.images.storage import Storage

_SUITE = "trixie"
_PACKAGES = ("ca-certificates", "python3", "python3-venv")
_DOCKERFILE = 'FROM scratch\nCOPY . /\nCMD ["python3"]\n'
# Nobody reads manuals in a container; package lists are stale the next day; devices are the runtime's to make.
_USELESS = (
    "dev/*",
    "usr/share/doc/*",
    "usr/share/info/*",
    "usr/share/lintian",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/cache/*",
    "var/lib/apt/lists/*",
    "var/log/*",
)
_SECONDS = 45


def reference() -> str:
    """Name the image, by the content of its recipe."""
    recipe = json.dumps([_SUITE, _PACKAGES, _DOCKERFILE, _USELESS])
    return f"localhost/finetune-operator/python:{hashlib.sha256(recipe.encode()).hexdigest()[:8]}"


def ensure(storage: Storage, say: Say) -> str:
    """Make the image unless the store has it, and give its name. Needs the Debian package archive."""
    name = reference()
    if name not in storage.references():
        with step(say, f"Python on Debian {_SUITE}, the image that ours stand on", _SECONDS):
            _make(storage, name)
    return name


def _make(storage: Storage, name: str) -> None:
    scratch = storage.workshop.scratch
    tree = scratch / "python"
    mirror = [os.environ["DEBIAN_MIRROR"]] if os.environ.get("DEBIAN_MIRROR") else []
    storage.workshop.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", _SUITE, str(tree), *mirror],
        storage.workshop.log("python.debootstrap.log"),
    )
    _strip(tree)
    dockerfile = scratch / "python.Dockerfile"
    dockerfile.write_text(_DOCKERFILE)
    storage.build(["--file", str(dockerfile), "--tag", name, str(tree)], storage.workshop.log("python.build.log"))


def _strip(tree: Path) -> None:
    for pattern in _USELESS:
        for path in tree.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
