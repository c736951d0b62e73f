"""The built images: a store of buildah's own format, read layer by layer.

A layer is given out as the very tar stream that its digest was taken of, straight from the store: no second copy of
gigabytes is written on the way to a node.
"""

from __future__ import annotations

import json
import resource
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from tests.images.failure import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.images.workshop import Workshop


@dataclass(frozen=True)
class Layer:
    """One layer: its name in the store, the digest and the size in bytes of its tar stream."""

    identifier: str
    digest: str
    size: int


@dataclass(frozen=True)
class StoredImage:
    """An image of the store: its manifest and configuration as they were written, layers from the bottom up."""

    reference: str
    manifest: bytes
    configuration: bytes
    layers: tuple[Layer, ...]

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """Digests of the uncompressed layers, from the bottom up."""
        return tuple(json.loads(self.configuration)["rootfs"]["diff_ids"])


@dataclass(frozen=True)
class Storage:
    """The store in a workshop."""

    workshop: Workshop

    def build(self, arguments: Sequence[str], log: Path) -> None:
        """Run `buildah bud` with `arguments`; its output goes to the file `log`."""
        command = ["buildah", *self._place("--root", "--runroot"), "bud", "--isolation=chroot", *_limits()]
        self.workshop.run([*command, *arguments], log)

    def forget(self, arguments: Sequence[str]) -> None:
        """Run `buildah rm` or `buildah rmi` with `arguments`."""
        self.workshop.run(["buildah", *self._place("--root", "--runroot"), *arguments], self.workshop.log("forget.log"))

    def references(self) -> tuple[str, ...]:
        """Names of all images in the store, in order of their making, the newest first."""
        images = self._ask("images")
        images.sort(key=lambda image: str(image["created"]), reverse=True)
        return tuple(name for image in images for name in image.get("names") or ())

    def image(self, reference: str) -> StoredImage:
        """Read the image called `reference`. Raises ImageError when the store has none, or half of one."""
        image = self._ask("image", reference)[0]
        layers = {layer["id"]: layer for layer in self._ask("layers")}
        chain: list[Layer] = []
        identifier = image.get("layer")
        while identifier:
            layer = layers[identifier]
            chain.insert(0, Layer(identifier, layer["diff-digest"], layer["diff-size"]))
            identifier = layer.get("parent")
        manifest = self._data(reference, "manifest")
        configuration = self._data(reference, json.loads(manifest)["config"]["digest"])
        found = StoredImage(reference, manifest, configuration, tuple(chain))
        if tuple(layer.digest for layer in chain) != found.diff_ids:
            raise ImageError(
                f"The stored image {reference} is damaged: run `python -m tests.images clean`, build again."
            )
        return found

    @contextmanager
    def content(self, layer: Layer) -> Iterator[IO[bytes]]:
        """Give the tar stream of `layer`."""
        command = ["containers-storage", *self._place("--graph", "--run"), "diff", "--uncompressed", layer.identifier]
        with self.workshop.stream(command) as output:
            yield output

    def _ask(self, verb: str, *arguments: str) -> list[dict[str, Any]]:
        command = ["containers-storage", *self._place("--graph", "--run"), verb, "--json", *arguments]
        answer: list[dict[str, Any]] | None = json.loads(self.workshop.answer(command))
        return answer or []

    def _data(self, reference: str, key: str) -> bytes:
        command = ["containers-storage", *self._place("--graph", "--run"), "get-image-data", reference, key]
        return self.workshop.answer(command)

    def _place(self, root: str, run: str) -> tuple[str, ...]:
        place = self.workshop.folder
        return (root, str(place / "storage"), run, str(place / "run"), "--storage-driver", "overlay")


def names_in(folder: Path) -> tuple[str, ...]:
    """Names of the images in the store below `folder`, a workshop's, without asking its programs; none without a store."""
    listing = folder / "storage" / "overlay-images" / "images.json"
    try:
        images = json.loads(listing.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # none was built, or it is being written
        return ()
    return tuple(name for image in images for name in image.get("names") or ())


def _limits() -> list[str]:
    # buildah would raise them to its own defaults, which not every root may do.
    limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    hard = {name: resource.getrlimit(limit)[1] for name, limit in limits.items()}
    return [f"--ulimit={name}={limit}:{limit}" for name, limit in hard.items() if limit != resource.RLIM_INFINITY]
