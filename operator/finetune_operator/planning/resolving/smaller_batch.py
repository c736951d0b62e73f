"""What to do when a GPU ran out of memory under a trainer that cannot accumulate: a smaller batch, with the arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from finetune_operator.api.resolved import Resolved
from finetune_operator.planning.resolving.subject import world_size
from finetune_operator.planning.sizing.words import plural

ACCUMULATING: Final = "trl"
"""The family whose trainer takes fewer rows at once and keeps the batch."""

NAMES: Final[Mapping[str, str]] = {
    "lerobot": "LeRobot",
    "groot-n15": "the trainer of GR00T N1.5",
    "groot-n16": "the trainer of GR00T N1.6",
}
"""What users know the other families' trainers by."""


def smaller_batch(resolved: Resolved) -> str | None:
    """Half the batch that did not fit, as a sentence; None for a trainer that accumulates, or a batch that is not known."""
    batch, model = resolved.hyperparameters.batch_size, resolved.model
    if batch is None or model is None or model.family == ACCUMULATING:
        return None
    world = world_size(resolved.nodes, resolved.instance_type)
    rows = max(1, batch // world)
    reckoned = f"; reckoned beforehand: {resolved.fit.message}" if resolved.fit else ""
    remedy = f"set hyperparameters.batchSize to {rows // 2 * world}, now {batch}, or choose" if rows > 1 else "choose"
    return (
        f"{NAMES.get(model.family, model.family)} accumulates no gradients, so that each GPU holds its share of the batch at once, {plural(rows, 'row')}: "
        f"{remedy} an instance type with more GPU memory{reckoned}"
    )
