"""Camera slots: the job's mapping in the policy's own order, each slot that is left out at its place."""

from __future__ import annotations

from collections.abc import Mapping

from finetune_operator.api.basemodel import BaseModelSpec
from finetune_operator.api.status import MappedCamera
from finetune_operator.catalog.lookup import did_you_mean
from finetune_operator.planning.rejection import Rejection, invalid


def map_cameras(
    mappings: Mapping[str, str] | None, entry: BaseModelSpec | None
) -> tuple[MappedCamera, ...] | Rejection:
    """The slots of the policy with the dataset's keys. A policy without slots of its own takes the job's as they are."""
    given = dict(mappings or {})
    slots = entry.camera_slots if entry else None
    if not slots:
        return tuple(MappedCamera(slot=slot, dataset_key=given[slot]) for slot in sorted(given))
    allowed = {slot.name: slot for slot in slots}
    for name in given:
        if name not in allowed:
            message = f"the model has no slot {name!r}{did_you_mean(name, allowed)}; slots: {', '.join(allowed)}"
            return invalid("spec.cameraMappings", message)
    for slot in slots:
        if slot.required and slot.name not in given:
            return invalid(
                "spec.cameraMappings", f"the model needs the slot {slot.name!r}; slots: {', '.join(allowed)}"
            )
    return tuple(MappedCamera(slot=s.name, policy_key=s.key, dataset_key=given.get(s.name)) for s in slots)
