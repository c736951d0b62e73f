"""kopf without a memory of objects: it would copy and compare each one, for handlers that we do not have."""

from __future__ import annotations

from collections.abc import Iterable

import kopf
from typing_extensions import override


class NoHistory(kopf.DiffBaseStorage):
    """Every object looks the same to kopf's search for changes, and nothing is ever stored."""

    @override
    def build(self, *, body: kopf.Body, extra_fields: Iterable[object] | None = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    @override
    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return None

    @override
    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        raise AssertionError("kopf has nothing to store: there are no handlers that change objects")
