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


class LayerMissingError(ImageError):
    """The node was thought to have a layer, and has it not."""


@dataclass(frozen=True)
class Node:
    """The containerd behind `socket`."""

    socket: Path

    def images(self) -> tuple[str, ...]:
        """Names of the images there. Raises ImageError when nobody answers at the socket."""
        return tuple(self._ctr("images", "ls", "--quiet").split())

    def folder(self) -> Path:
        """The folder that images occupy there, as containerd itself sees it."""
        details = self._ctr("plugins", "ls", "--detailed", "id==content")
        roots = [words[1] for words in map(str.split, details.splitlines()) if words[:1] == ["root"]]
        return Path(roots[0]) if roots else self.socket.parent

    def lacking(self, image: StoredImage) -> tuple[Layer, ...]:
        """Layers of `image` that are neither unpacked there nor stored as they came."""
        blobs = set(self._ctr("content", "ls", "--quiet").split())
        unpacked = self._unpacked()
        chains = _chains(image.diff_ids)
        pairs = zip(image.layers, chains, strict=True)
        return tuple(layer for layer, chain in pairs if layer.digest not in blobs and chain not in unpacked)

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
        unpacked = self._unpacked()
        blobs = set(self._ctr("content", "ls", "--quiet").split())
        pairs = zip(image.layers, _chains(image.diff_ids), strict=True)
        done = [layer.digest for layer, chain in pairs if layer.size > _LIGHT_BYTES and chain in unpacked]
        if spare := [digest for digest in done if digest in blobs]:
            self._ctr("content", "rm", *spare)

    def forget(self, references: Iterable[str]) -> None:
        """Remove the images called `references`; containers that run them go on."""
        rows = [line.split() for line in self._ctr("images", "ls").splitlines()[1:]]
        unwanted = set(references)
        # The kubelet's half of containerd gives each image a second name, which would keep it.
        digests = {row[2] for row in rows if row[0] in unwanted}
        unwanted |= {row[0] for row in rows if row[2] in digests and row[0].startswith("sha256:")}
        if unwanted:
            self._ctr("images", "rm", *sorted(unwanted))

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


def _chains(diff_ids: Iterable[str]) -> tuple[str, ...]:
    """Names of the unpacked layers, each standing on those before it (OCI image specification, ChainID)."""
    chains: list[str] = []
    for diff_id in diff_ids:
        below = f"{chains[-1]} {diff_id}".encode() if chains else b""
        chains.append(f"sha256:{hashlib.sha256(below).hexdigest()}" if below else diff_id)
    return tuple(chains)
