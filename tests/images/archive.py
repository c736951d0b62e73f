"""An image on its way to a node: an OCI archive with only those layers that the node lacks."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tarfile
from typing import IO, TYPE_CHECKING

from tests.images.failure import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.images.storage import Layer, Storage, StoredImage

_BLOCK = tarfile.BLOCKSIZE
_PIPE_BYTES = 1 << 20


def send(storage: Storage, image: StoredImage, layers: Sequence[Layer], sink: IO[bytes]) -> None:
    """Write `image` with only `layers` to `sink`, a pipe, as an OCI archive.

    Raises ImageError when a layer comes out of the store shorter or longer than it went in.
    """
    fcntl.fcntl(sink, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    _add(sink, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
    for blob in (image.manifest, image.configuration):
        _add(sink, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
    for layer in layers:
        _write(sink, _header(_path(layer), layer.size))
        with storage.content(layer) as content:
            _move(content, sink, layer)
        _write(sink, _padding(layer.size))
    _add(sink, "index.json", _index(image))
    _write(sink, bytes(2 * _BLOCK))


def _index(image: StoredImage) -> bytes:
    manifest = {
        "mediaType": json.loads(image.manifest)["mediaType"],
        "digest": f"sha256:{hashlib.sha256(image.manifest).hexdigest()}",
        "size": len(image.manifest),
        "annotations": {"io.containerd.image.name": image.reference},
    }
    return json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()


def _path(layer: Layer) -> str:
    return f"blobs/{layer.digest.replace(':', '/')}"


def _add(sink: IO[bytes], path: str, content: bytes) -> None:
    _write(sink, _header(path, len(content)) + content + _padding(len(content)))


def _header(path: str, size: int) -> bytes:
    entry = tarfile.TarInfo(path)
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _write(sink: IO[bytes], content: bytes) -> None:
    sink.write(content)
    sink.flush()


def _move(content: IO[bytes], sink: IO[bytes], layer: Layer) -> None:
    # From pipe to pipe within the kernel: gigabytes do not pass through Python.
    moved = 0
    while count := os.splice(content.fileno(), sink.fileno(), _PIPE_BYTES):
        moved += count
    if moved != layer.size:
        raise ImageError(
            f"Layer {layer.digest} is damaged in the store ({moved} of {layer.size} bytes): "
            "run `python -m tests.images clean`, then build again."
        )
