"""What the status of a catalog entry says: whether jobs can use it, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import ValidationError

from finetune_operator.api.catalogstatus import CatalogStatus
from finetune_operator.api.model import Json
from finetune_operator.catalog.catalog import Broken
from finetune_operator.planning.kstatus import Word, conditions_of


def entry_status(body: Json, broken: Broken | None, gaps: Iterable[str], now: datetime) -> Json:
    """The status of an InstanceType or BaseModel, as it should be stored. Equal to the old one without news."""
    generation = body["metadata"].get("generation", 1)
    conditions = conditions_of(_word(broken, gaps), generation, _stored(body).conditions, now)
    return CatalogStatus(observed_generation=generation, conditions=conditions).wire()


def _word(broken: Broken | None, gaps: Iterable[str]) -> Word:
    if broken is None:
        return Word("Ready", "Usable", "; ".join(["jobs can use it", *gaps]))
    if broken.readable:
        return Word("Stalled", "Contradiction", broken.why)
    return Word("Stalled", "Unreadable", broken.why)


def _stored(body: Json) -> CatalogStatus:
    """A status that somebody else wrote in other words is written anew."""
    try:
        return CatalogStatus.model_validate(body.get("status") or {})
    except ValidationError:
        return CatalogStatus()
