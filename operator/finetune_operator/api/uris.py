"""The one place that parses where models and data lie.

``pvc://claim/path`` names a path in a PersistentVolumeClaim of the job's namespace, ``configmap://name/key`` one key of
a ConfigMap, for data small enough to live in git beside the job.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

PVC_PATTERN = r"^pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[^\\s]*)?$"
DATASET_PATTERN = (
    r"^(pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[^\\s]+|configmap://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-._a-zA-Z0-9]+)$"
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


Source = ClaimPath | ConfigMapKey


def parse(uri: str) -> Source:
    """What a URI names. Raises ValueError with a sentence that says what was given and what is allowed."""
    scheme, _, rest = uri.partition("://")
    owner, _, path = rest.partition("/")
    if scheme == "pvc" and owner:
        return ClaimPath(owner, _inside(uri, path))
    if scheme == "configmap" and owner and re.fullmatch(r"[-._a-zA-Z0-9]+", path):
        return ConfigMapKey(owner, path)
    raise ValueError(f"{uri!r} is neither pvc://CLAIM/PATH nor configmap://NAME/KEY")


def _inside(uri: str, path: str) -> str:
    """The path, normalised; one that leaves the claim is refused: it would read other mounts of the pod."""
    clean = posixpath.normpath(path) if path else ""
    if clean == ".." or clean.startswith(("../", "/")):
        raise ValueError(f"{uri!r} leaves its claim")
    return "" if clean == "." else clean
