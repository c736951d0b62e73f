"""Look-ups by name that answer a wrong name with the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

Entry = TypeVar("Entry")

MOST_NAMED = 10
"""Offers that a sentence names; more would bury the hint."""


class UnknownNameError(LookupError):
    """A name that the catalog does not have. The text says what was given, what is nearest and what there is."""


def find(kind: str, name: str, entries: Mapping[str, Entry], aliases: Collection[str] = ()) -> Entry:
    """The entry of that name. Raises UnknownNameError with a did-you-mean, for which ``aliases`` count as well."""
    if name in entries:
        return entries[name]
    hint = did_you_mean(name, (*entries, *aliases))
    raise UnknownNameError(f"no {kind} is named {name!r}{hint}{_offered(kind, entries)}")


def did_you_mean(given: str, allowed: Iterable[str], likeness: float = 0.6) -> str:
    """``; did you mean 'x'?`` for a near miss, nothing otherwise. Capitals are no difference; a likeness of 1 is equal."""
    folded: dict[str, str] = {}
    for name in allowed:
        folded.setdefault(name.casefold(), name)
    near = difflib.get_close_matches(given.casefold(), folded, n=1, cutoff=likeness)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def _offered(kind: str, entries: Mapping[str, object]) -> str:
    if not entries:
        return f"; this cluster offers none: an administrator creates them (kubectl get {kind.lower()}s)"
    shown = ", ".join(sorted(entries)[:MOST_NAMED])
    more = len(entries) - MOST_NAMED
    return f"; offered: {shown}{f' and {more} more' if more > 0 else ''}"
