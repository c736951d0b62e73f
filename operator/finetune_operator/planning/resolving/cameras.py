"""Camera slots: the job's mapping in the policy's own order, each slot that is left out at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finetune_operator.api.basemodel import CameraSlot
from finetune_operator.api.status import MappedCamera
from finetune_operator.catalog.lookup import did_you_mean
from finetune_operator.planning.rejection import Rejection, invalid
from finetune_operator.planning.resolving.model_choice import ModelChoice

PARAM = "spec.cameraMappings"


@dataclass(frozen=True)
class Cameras:
    """The slots with the dataset's keys."""

    mapped: tuple[MappedCamera, ...]
    warnings: tuple[str, ...] = ()


def map_cameras(mappings: Mapping[str, str] | None, chosen: ModelChoice) -> Cameras | Rejection:
    """The slots of the policy with the dataset's keys. A policy without slots of its own takes the job's as they are.

    So does one that the catalog does not list: its makers may have named its cameras otherwise than its type does.
    """
    given = dict(mappings or {})
    slots = chosen.entry.camera_slots if chosen.entry else None
    if not slots:
        return Cameras(_as_given(given))
    if not given and not any(slot.required for slot in slots):
        names = ", ".join(slot.name for slot in slots)
        return Cameras((), (f"{PARAM}: none: the policy takes the dataset's keys as they are; its slots: {names}",))
    allowed = {slot.name: slot for slot in slots}
    unknown = [name for name in given if name not in allowed]
    if unknown and not chosen.model.listed:
        known = f"{chosen.model.type} has {', '.join(allowed)}"
        return Cameras(_as_given(given), (f"{PARAM}: {', '.join(unknown)}: taken for keys of the policy; {known}",))
    if unknown:
        hint = did_you_mean(unknown[0], allowed)
        return invalid(PARAM, f"the model has no slot {unknown[0]!r}{hint}; slots: {', '.join(allowed)}")
    return _in_order(given, slots)


def _as_given(given: Mapping[str, str]) -> tuple[MappedCamera, ...]:
    return tuple(MappedCamera(slot=slot, dataset_key=given[slot]) for slot in sorted(given))


def _in_order(given: Mapping[str, str], slots: Sequence[CameraSlot]) -> Cameras | Rejection:
    for slot in slots:
        if slot.required and slot.name not in given:
            names = ", ".join(each.name for each in slots)
            return invalid(PARAM, f"the model needs the slot {slot.name!r}; slots: {names}")
    return Cameras(tuple(MappedCamera(slot=s.name, policy_key=s.key, dataset_key=given.get(s.name)) for s in slots))
