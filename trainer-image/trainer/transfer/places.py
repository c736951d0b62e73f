"""What a URI names outside of the cluster, taken apart; and how it may be shown."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final, Literal, cast
from urllib.parse import unquote, urlsplit

from trainer.failures import UserError, did_you_mean

Scheme = Literal["hf", "s3", "gs", "https"]
RepoType = Literal["model", "dataset"]

SCHEMES: Final[tuple[Scheme, ...]] = ("hf", "s3", "gs", "https")
_URL: Final = re.compile(r"(https?://)(?:[^\s/@'\"]+@)?([^\s?#'\"]+)([?#][^\s'\")]*)?")
_HUB_PARTS: Final = 2


@dataclass(frozen=True, slots=True)
class Place:
    """`root` is a bucket, a repository of the Hub, or scheme and host; `path` what lies in it, empty for all of it.

    `query` is what stands behind the question mark of a URL: a signature, mostly, so it is never shown.
    """

    scheme: Scheme
    root: str
    path: str
    query: str = ""
    repo_type: RepoType = "model"

    @property
    def shown(self) -> str:
        """The URI as it may stand in messages."""
        kind = "datasets/" if self.scheme == "hf" and self.repo_type == "dataset" else ""
        return f"{self.scheme}://{kind}{self.root}{f'/{self.path}' if self.path else ''}{'?…' if self.query else ''}"


def is_elsewhere(uri: str) -> bool:
    """Whether a URI names a place that only the network reaches."""
    return uri.partition("://")[0] in SCHEMES and "://" in uri


def parse_place(uri: str, param: str, repo_type: RepoType) -> Place:
    """The place that `uri` names; UserError (SourceInvalid) when it names none.

    `repo_type` is that of a repository of which the URI does not say it.
    """
    scheme, _, rest = uri.partition("://")
    if scheme not in SCHEMES or not rest:
        allowed = ", ".join(f"{each}://" for each in SCHEMES)
        problem = f"{masked(uri)} names no place that can be fetched from.{did_you_mean(scheme, SCHEMES)}"
        raise UserError("SourceInvalid", f"{problem} Known here: {allowed}", param=param)
    if scheme == "hf":
        return _repository(uri, rest, param, repo_type)
    if scheme == "https":
        parts = urlsplit(uri)
        return Place("https", parts.netloc.rpartition("@")[2], parts.path.lstrip("/"), parts.query)
    root, _, path = rest.partition("/")
    return Place(cast("Scheme", scheme), root, _inside(uri, path, param))


def masked(text: str) -> str:
    """`text` without the parts of URLs that may be secrets: user names, passwords, queries and fragments."""
    return _URL.sub(lambda found: f"{found[1]}{found[2]}{'?…' if found[3] else ''}", text)


def _repository(uri: str, rest: str, param: str, repo_type: RepoType) -> Place:
    kind, _, named = rest.partition("/")
    kinds: dict[str, RepoType] = {"datasets": "dataset", "models": "model"}
    parts = (named if kind in kinds else rest).split("/", _HUB_PARTS)
    if len(parts) < _HUB_PARTS or not all(parts[:_HUB_PARTS]):
        raise UserError("SourceInvalid", f"{uri} is not hf://ORGANISATION/NAME", param=param)
    path = _inside(uri, parts[2], param) if len(parts) > _HUB_PARTS else ""
    return Place("hf", "/".join(parts[:_HUB_PARTS]), path, repo_type=kinds.get(kind, repo_type))


def _inside(uri: str, path: str, param: str) -> str:
    clean = posixpath.normpath(unquote(path)) if path else ""
    if clean == ".." or clean.startswith(("../", "/")):
        raise UserError("SourceInvalid", f"{masked(uri)} leaves its bucket or repository", param=param)
    return "" if clean == "." else clean
