"""A node's image store: containerd, reached by its socket."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.images.failure import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.images.storage import Layer, StoredImage

_KUBERNETES = "k8s.io"  # the containerd namespace that the kubelet looks into
_LIGHT_BYTES = 10_000_000
_LOADED = "finetune.dev/loaded"


class LayerMissingError(ImageError):
    """The node was thought to have a layer, and has it not."""


@dataclass(frozen=True)
class _Row:
    """An image as containerd lists it; `loaded` is 0 for one that we did not load."""

    name: str
    digest: str
    loaded: float


@dataclass(frozen=True)
class Node:
    """The containerd behind `socket`."""

    socket: Path

    def images(self) -> tuple[str, ...]:
        """Names of the images that we loaded there, to the end. Raises ImageError when nobody answers at the socket."""
        return tuple(row.name for row in self._rows() if row.loaded)

    def folder(self) -> Path:
        """The folder that images occupy there, as containerd itself sees it."""
        details = self._ctr("plugins", "ls", "--detailed", "id==content")
        roots = [words[1] for words in map(str.split, details.splitlines()) if words[:1] == ["root"]]
        return Path(roots[0]) if roots else self.socket.parent

    def blobs(self) -> set[str]:
        """Digests of what is stored there as it came: manifests, configurations, packed layers."""
        return set(self._ctr("content", "ls", "--quiet").split())

    def lacking(self, image: StoredImage) -> tuple[Layer, ...]:
        """Layers of `image` that are neither unpacked there nor stored as they came."""
        blobs, unpacked = self.blobs(), self._unpacked()
        pairs = zip(image.layers, chains(image.diff_ids), strict=True)
        return tuple(layer for layer, chain in pairs if layer.digest not in blobs and chain not in unpacked)

    def stamp(self, reference: str, now: float) -> None:
        """Note that the image called `reference` was loaded at `now`, in seconds since the epoch."""
        self._ctr("images", "label", reference, f"{_LOADED}={now:.3f}")

    def receive(self, write: Callable[[IO[bytes]], None]) -> None:
        """Import the archive that `write` writes, and unpack it.

        Raises LayerMissingError when a layer that was left out is not there, ImageError for whatever else containerd
        has against it.
        """
        command = self._command("images", "import", "-")
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise AssertionError
            try:
                with process.stdin as sink:
                    write(sink)
            except BrokenPipeError:
                pass  # containerd gave up; what it said follows
            said = process.stdout.read().decode(errors="replace").strip()
        if process.returncode and "not found" in said:
            raise LayerMissingError(said)
        if process.returncode:
            raise ImageError(f"containerd did not take the image: {said}")

    def lighten(self, image: StoredImage) -> None:
        """Drop the packed copy of each heavy layer of `image` that is unpacked: containers need only the latter."""
        blobs, unpacked = self.blobs(), self._unpacked()
        pairs = zip(image.layers, chains(image.diff_ids), strict=True)
        done = [layer.digest for layer, chain in pairs if layer.size > _LIGHT_BYTES and chain in unpacked]
        if spare := [digest for digest in done if digest in blobs]:
            self._ctr("content", "rm", *spare)

    def keep_newest(self, repository: str, count: int) -> None:
        """Remove all but the `count` last loaded images of `repository`; containers that run them go on."""
        rows = self._rows()
        ours = [row for row in rows if row.name.startswith(f"{repository}:")]
        ours.sort(key=lambda row: row.loaded)
        older = ours[: max(len(ours) - count, 0)]
        # The kubelet's half of containerd gives each image a second name, its digest, which would keep it.
        digests = {row.digest for row in older}
        names = [row.name for row in rows if row in older or (row.digest in digests and row.name.startswith("sha256:"))]
        if names:
            self._ctr("images", "rm", *names)

    def _rows(self) -> tuple[_Row, ...]:
        return tuple(_row(line) for line in self._ctr("images", "ls").splitlines()[1:])

    def _unpacked(self) -> set[str]:
        lines = self._ctr("snapshots", "ls").splitlines()[1:]
        return {words[0] for words in map(str.split, lines) if words and words[-1] == "Committed"}

    def _ctr(self, *arguments: str) -> str:
        done = subprocess.run(self._command(*arguments), capture_output=True, text=True, check=False)
        if done.returncode:
            raise ImageError(
                f"containerd does not answer at {self.socket}: {done.stderr.strip()}. "
                "Is the cluster up? `make cluster` starts it."
            )
        return done.stdout

    def _command(self, *arguments: str) -> list[str]:
        return ["ctr", "--address", str(self.socket), "--namespace", _KUBERNETES, *arguments]


def chains(diff_ids: Iterable[str]) -> tuple[str, ...]:
    """Names of the unpacked layers, each standing on those before it (OCI image specification, ChainID)."""
    names: list[str] = []
    for diff_id in diff_ids:
        pair = f"{names[-1]} {diff_id}" if names else ""
        names.append(f"sha256:{hashlib.sha256(pair.encode()).hexdigest()}" if pair else diff_id)
    return tuple(names)


def _row(line: str) -> _Row:
    words = line.split()
    labels = dict(label.partition("=")[::2] for label in words[-1].split(","))
    return _Row(words[0], words[2], float(labels.get(_LOADED, 0)))
