"""The termination message: a verdict as JSON in at most 4096 bytes, shortened until it fits and valid always."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trainer.contract.shortening import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LARGEST: Final = 4096
"""Bytes that the kubelet reads of a termination message."""

FEW: Final = 4
"""Lines, warnings and files that are left when the whole does not fit."""


def termination_message(verdict: Mapping[str, object]) -> bytes:
    """The verdict in UTF-8, at most LARGEST bytes: what matters least is left out first."""
    return next(encoded for encoded in map(_encode, _shorter_and_shorter(verdict)) if len(encoded) <= LARGEST)


def _shorter_and_shorter(verdict: Mapping[str, object]) -> Iterator[dict[str, object]]:
    document = dict(verdict)
    yield document
    document = _cut(document, FEW)
    yield document
    document = _cut(document, 1)
    yield document
    document = {key: value for key, value in _cut(document, 0).items() if key != "lines"}
    yield document
    document |= {key: shorten(str(document[key]), 128) for key in ("message", "advice", "param") if key in document}
    yield document
    document = _without_cameras(document)
    yield document
    # Only parts of bounded size are left here, so this one always fits.
    kept = ("contractVersion", "stage", "attempt", "result", "message", "code", "param")
    yield {key: document[key] for key in kept if key in document}


def _without_cameras(document: dict[str, object]) -> dict[str, object]:
    """A copy whose report keeps its numbers, for which stages are waiting, and names no camera."""
    report = document.get("report")
    return (
        document | {"report": report | {"imageKeys": []}}
        if isinstance(report, dict) and "imageKeys" in report
        else document
    )


def _cut(document: dict[str, object], longest: int) -> dict[str, object]:
    """A copy whose lists have at most `longest` items: the last lines, the first warnings, faults and files."""
    shorter = dict(document)
    lines = document.get("lines")
    if isinstance(lines, list):
        shorter["lines"] = lines[len(lines) - min(longest, len(lines)) :]
    for part, key in (("report", "warnings"), ("report", "faults"), ("artifact", "files")):
        inner = shorter.get(part)
        if isinstance(inner, dict) and isinstance(inner.get(key), list):
            shorter[part] = inner | {key: inner[key][:longest]}
    return shorter


def _encode(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
