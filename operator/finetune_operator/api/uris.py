"""The one place that parses where models, data and results lie.

``pvc://claim/path`` names a path in a PersistentVolumeClaim of the job's namespace, ``configmap://name/key`` one key of
a ConfigMap, for data small enough to live in git beside the job; the others are places outside of the cluster.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

_NAME = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_REPOSITORY = "[A-Za-z0-9][-._A-Za-z0-9]*/[A-Za-z0-9][-._A-Za-z0-9]*"
_REST = r"(/[^\\s]*)?"
_ELSEWHERE = (
    rf"hf://(datasets/|models/)?{_REPOSITORY}{_REST}|(s3|gs)://[a-z0-9][-.a-z0-9]+{_REST}|https://[^/\\s@]+/[^\\s]*"
)

PVC_PATTERN: Final = rf"^pvc://{_NAME}{_REST}$"
STORED_PATTERN: Final = rf"^(pvc://{_NAME}{_REST}|{_ELSEWHERE})$"
STORED_WORDS: Final = (
    "pvc://CLAIM/PATH, hf://ORGANISATION/NAME, s3://BUCKET/PATH, gs://BUCKET/PATH or https://HOST/PATH"
)
DATASET_PATTERN: Final = rf"^(pvc://{_NAME}{_REST}|configmap://{_NAME}/[-._a-zA-Z0-9]+|file:///[^\\s]+|{_ELSEWHERE})$"
DATASET_WORDS: Final = (
    "pvc://CLAIM or pvc://CLAIM/PATH, configmap://NAME/KEY, hf://ORGANISATION/NAME, s3://BUCKET/PATH, gs://BUCKET/PATH or "
    "https://HOST/PATH"
)
OUTPUT_PATTERN: Final = rf"^(pvc://{_NAME}{_REST}|hf://{_REPOSITORY}|(s3|gs)://[a-z0-9][-.a-z0-9]+{_REST})$"
OUTPUT_WORDS: Final = "pvc://CLAIM or pvc://CLAIM/PATH, hf://ORGANISATION/NAME, s3://BUCKET/PATH or gs://BUCKET/PATH"
MODEL_PATTERN: Final = (
    rf"^(pvc://{_NAME}{_REST}|{_ELSEWHERE}|[A-Za-z0-9][-._A-Za-z0-9]*(::?[-._A-Za-z0-9]+)*|{_REPOSITORY})$"
)
MODEL_WORDS: Final = (
    "the name of a BaseModel, ORGANISATION/NAME of the Hugging Face Hub, or pvc://CLAIM/PATH, hf://ORGANISATION/NAME, "
    "s3://BUCKET/PATH, gs://BUCKET/PATH or https://HOST/PATH"
)


@dataclass(frozen=True)
class ClaimPath:
    """A path inside a PersistentVolumeClaim; ``path`` is relative and may be empty (the claim's root)."""

    claim: str
    path: str


@dataclass(frozen=True)
class ConfigMapKey:
    """One key of a ConfigMap."""

    name: str
    key: str


@dataclass(frozen=True)
class HubRepository:
    """A repository of the Hugging Face Hub, and a path in it (empty: all of it)."""

    repository: str
    path: str = ""


@dataclass(frozen=True)
class StoredObject:
    """An object, or all objects below a prefix, of an object store. ``scheme`` is s3 or gs."""

    scheme: str
    bucket: str
    path: str


@dataclass(frozen=True)
class WebFile:
    """A file on a web server."""

    url: str


@dataclass(frozen=True)
class LocalFile:
    """A path of the machine that the trainer runs on: for runs without a cluster."""

    path: str


Source = ClaimPath | ConfigMapKey | HubRepository | StoredObject | WebFile | LocalFile
Mounted = ClaimPath | ConfigMapKey
"""What a pod sees as files without fetching anything."""


@lru_cache(maxsize=4096)
def parse(uri: str) -> Source:
    """What a URI names. Raises ValueError with a sentence that says what was given and what is allowed."""
    scheme, _, rest = uri.partition("://")
    owner, _, path = rest.partition("/")
    if scheme == "pvc" and owner:
        return ClaimPath(owner, _inside(uri, path))
    if scheme == "configmap" and owner and re.fullmatch(r"[-._a-zA-Z0-9]+", path):
        return ConfigMapKey(owner, path)
    if scheme == "hf":
        return _hub(uri, rest)
    if scheme in {"s3", "gs"} and owner:
        return StoredObject(scheme, owner, _inside(uri, path))
    if scheme == "https" and owner and path and not urlsplit(uri).username:
        return WebFile(uri)
    if scheme == "file" and not owner and path:
        return LocalFile(f"/{_inside(uri, path)}")
    raise ValueError(f"{uri!r} is none of {DATASET_WORDS}")


def is_repository(name: str) -> bool:
    """Whether a name without a scheme is one of the Hub's, ORGANISATION/NAME."""
    return re.fullmatch(_REPOSITORY, name) is not None


def _hub(uri: str, rest: str) -> HubRepository:
    parts = rest.removeprefix("datasets/").removeprefix("models/").split("/", 2)
    if len(parts) < 2 or not is_repository("/".join(parts[:2])):  # noqa: PLR2004 - organisation and name
        raise ValueError(f"{uri!r} is not hf://ORGANISATION/NAME")
    return HubRepository("/".join(parts[:2]), _inside(uri, parts[2]) if len(parts) > 2 else "")  # noqa: PLR2004 - and a path


def _inside(uri: str, path: str) -> str:
    """The path, normalised; one that leaves its root is refused: it would read other mounts of the pod."""
    clean = posixpath.normpath(path) if path else ""
    if clean == ".." or clean.startswith(("../", "/")):
        raise ValueError(f"{uri!r} leaves its claim or bucket")
    return "" if clean == "." else clean
