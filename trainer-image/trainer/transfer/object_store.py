"""Places of s3, gs and https: listed and read through fsspec's file systems, in ranges that can be gone on from."""

from __future__ import annotations

import base64
import dataclasses
import posixpath
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from trainer.transfer.file_systems import open_file_system
from trainer.transfer.listing import Algorithm, Listing, RemoteFile
from trainer.transfer.result_record import RECORD, parse_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trainer.transfer.places import Place
    from trainer.transfer.secrets import Secrets

PIECE_BYTES: Final = 8 << 20
TAGS: Final = ("ETag", "etag", "LastModified", "Last-Modified", "mtime")
"""What a store tells that changes with the content, best first."""
MD5: Final = re.compile(r"[0-9a-f]{32}")


class ShortAnswerError(ConnectionError):
    """A server sent another number of bytes than was asked for."""


class ObjectStore:
    """A place of s3, gs or https as a store. `names`: what is asked for below it; empty: all that can be listed."""

    def __init__(self, place: Place, secrets: Secrets, names: tuple[str, ...] = ()) -> None:
        self._place = place
        self._names = names
        self._single = False
        self._files = open_file_system(place, secrets)
        query = f"?{place.query}" if place.query else ""
        # A path of s3 and gs is bucket and key; one of the web is the whole URL.
        self._root = (
            f"https://{place.root}/{place.path}{query}"
            if place.scheme == "https"
            else f"{place.root}/{place.path}".rstrip("/")
        )

    def listing(self) -> Listing:
        """All files there, or those that were asked for."""
        if self._place.scheme == "https":
            return self._web_listing()
        # `find` answers an empty folder for what is not there, and itself for a file.
        found: dict[str, Any] = self._files.find(self._root, detail=True)
        if not found:
            raise FileNotFoundError(self._root)
        if self._root in found and self._place.path:
            return self._only(posixpath.basename(self._root))
        below = {name.removeprefix(f"{self._root}/"): info for name, info in found.items()}
        sealed = self._sealed() if RECORD in below else {}
        return Listing(
            tuple(
                _sealed_as(self._remote(name, info), sealed.get(name))
                for name, info in below.items()
                if name and not name.endswith("/")
            )
        )

    def fetch(self, file: RemoteFile, folder: Path, pieces: int) -> Path:
        """Append to the file's part what it still lacks, some pieces at once."""
        part = folder / f"{file.name}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        source = self._address(file.name)
        if file.size is None or not file.in_ranges:
            self._files.get_file(source, str(part))
            return part
        with part.open("ab") as written:
            if written.tell() > file.size:
                written.truncate(0)
            if self._place.scheme == "https":
                self._read_on(source, file.size, written)
            else:
                self._append(source, file.size, written, pieces)
        return part

    def _append(self, source: str, size: int, written: IO[bytes], pieces: int) -> None:
        while (done := written.tell()) < size:
            starts = range(done, min(size, done + pieces * PIECE_BYTES), PIECE_BYTES)
            ends = [min(size, start + PIECE_BYTES) for start in starts]
            for piece in self._in_order(source, list(starts), ends):
                written.write(piece)
            written.flush()

    def _read_on(self, source: str, size: int, written: IO[bytes]) -> None:
        """The same of the web, where a server may send the whole for a part: fsspec's file sees that."""
        try:
            with self._files.open(source, block_size=PIECE_BYTES, cache_type="none", size=size) as file:
                file.seek(written.tell())
                while piece := file.read(min(PIECE_BYTES, size - written.tell())):
                    written.write(piece)
                    written.flush()
        except ValueError:
            written.truncate(0)
            self._files.get_file(source, written)

    def _in_order(self, source: str, starts: list[int], ends: list[int]) -> Iterable[bytes]:
        """The pieces up to the first that failed, whose error is then raised: what came before it is kept."""
        pieces = self._files.cat_ranges([source] * len(starts), starts, ends, on_error="return")
        for piece, start, end in zip(pieces, starts, ends, strict=True):
            if isinstance(piece, BaseException):
                raise piece
            if len(piece) != end - start:
                raise ShortAnswerError(f"{len(piece)} bytes came and {end - start} were asked for")
            yield bytes(piece)

    def _web_listing(self) -> Listing:
        if self._names:
            return Listing(tuple(self._remote(name, self._files.info(self._address(name))) for name in self._names))
        if not self._place.path or self._place.path.endswith("/"):
            # A page of links, as web servers make of a folder; deeper ones are not followed by them.
            links: list[str] = self._files.find(self._root, detail=False)
            names = sorted({link.removeprefix(self._root) for link in links})
            plain = [name for name in names if name and not re.search(r"[?#]", name) and "://" not in name]
            if not plain:
                raise FileNotFoundError(self._root)
            return Listing(tuple(self._remote(name, self._files.info(self._address(name))) for name in plain))
        return self._only(posixpath.basename(self._place.path))

    def _only(self, name: str) -> Listing:
        self._single = True
        return Listing((self._remote(name, self._files.info(self._root)),), single=True)

    def _address(self, name: str) -> str:
        if self._single:
            return self._root
        if self._place.scheme != "https":
            return f"{self._root}/{name}"
        query = f"?{self._place.query}" if self._place.query else ""
        return (
            f"https://{self._place.root}/{self._place.path.rstrip('/')}{'/' if self._place.path else ''}{name}{query}"
        )

    def _remote(self, name: str, info: Mapping[str, Any]) -> RemoteFile:
        size = info.get("size")
        tag = next((str(info[key]) for key in TAGS if info.get(key)), "")
        return RemoteFile(
            name=name,
            size=int(size) if size is not None else None,
            digests=self._digests(info, tag.strip('"')),
            tag=tag,
            in_ranges=info.get("partial") is not False,
        )

    def _sealed(self) -> Mapping[str, Any]:
        """What the record of a published model says of its files."""
        files = parse_record(self._files.cat_file(f"{self._root}/{RECORD}")).get("files")
        return files if isinstance(files, dict) else {}

    def _digests(self, info: Mapping[str, Any], tag: str) -> dict[Algorithm, str]:
        """What the store tells of the content. A tag of S3 is its MD5, but for what came in parts or is encrypted."""
        if info.get("md5Hash"):
            return {"md5": base64.b64decode(str(info["md5Hash"])).hex()}
        if self._place.scheme == "s3" and MD5.fullmatch(tag):
            return {"md5": tag}
        return {}


def _sealed_as(file: RemoteFile, entry: object) -> RemoteFile:
    """The file with the digest that the model was published with."""
    sealed = entry.get("sha256") if isinstance(entry, dict) else None
    return dataclasses.replace(file, digests={"sha256": sealed}) if isinstance(sealed, str) else file
