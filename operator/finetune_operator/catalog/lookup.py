"""Look-ups by name that answer a wrong name with the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

Entry = TypeVar("Entry")

MOST_NAMED = 10
"""Offers that a sentence names; more would bury the hint."""


class UnknownNameError(LookupError):
    """A name that the catalog does not have. The text says what was given, what is nearest and what there is."""


def find(kind: str, name: str, entries: Mapping[str, Entry]) -> Entry:
    """The entry of that name. Raises UnknownNameError with a did-you-mean."""
    if name in entries:
        return entries[name]
    raise UnknownNameError(f"no {kind} is named {name!r}{did_you_mean(name, entries)}{_offered(kind, entries)}")


def did_you_mean(given: str, allowed: Mapping[str, object]) -> str:
    """``; did you mean 'x'?`` for a near miss, nothing otherwise."""
    near = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _offered(kind: str, entries: Mapping[str, object]) -> str:
    if not entries:
        return f"; this cluster offers none: an administrator creates them (kubectl get {kind.lower()}s)"
    shown = ", ".join(sorted(entries)[:MOST_NAMED])
    more = len(entries) - MOST_NAMED
    return f"; offered: {shown}{f' and {more} more' if more > 0 else ''}"
