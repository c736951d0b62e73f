"""How much a job says: all of it goes to the pods as annotations, which hold 256 KiB together."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.resolved import ResolvedDataset
from finetune_operator.planning.rejection import Rejection, invalid

MOST_BYTES: Final = 180_000
"""Of a spec as JSON with the datasets that it refers to. The rest is for what the operator adds."""


def too_long(spec: FineTuneJobSpec, datasets: Iterable[ResolvedDataset]) -> Rejection | None:
    """A job that its pods could not be told, with its longest part: no single bound keeps free-form settings short."""
    referred = {(each.name, each.split) for each in spec.datasets if each.dataset_ref}
    looked_up = [each.wire() for each in datasets if (each.name, each.split) in referred]
    wire = spec.wire()
    parts = wire | {"datasets": [*wire["datasets"], *looked_up]}
    total = _bytes(parts)
    if total <= MOST_BYTES:
        return None
    longest = max(parts, key=lambda field: _bytes(parts[field]))
    advice = "name a folder in place of its files" if longest == "datasets" else "shorten it"
    message = f"{_bytes(parts[longest])} of the {total} bytes of this job, which may have {MOST_BYTES}: {advice}"
    return invalid(f"spec.{longest}", message)


def _bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
