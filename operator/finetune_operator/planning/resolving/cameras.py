"""Camera slots: the job's mapping in the policy's own order, each slot that is left out at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finetune_operator.api.basemodel import CameraSlot
from finetune_operator.api.resolved import MappedCamera
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
        known = _listed(slots)
        return Cameras((), (f"{PARAM}: none: the policy takes the dataset's keys as they are; its slots: {known}",))
    names = _names(slots)
    unknown = [name for name in given if name not in names]
    if unknown and not chosen.model.listed:
        known = f"{chosen.model.type} has {_listed(slots)}"
        return Cameras(_as_given(given), (f"{PARAM}: {', '.join(unknown)}: taken for keys of the policy; {known}",))
    if unknown:
        hint = did_you_mean(unknown[0], names)
        return invalid(PARAM, f"the model has no slot {unknown[0]!r}{hint}; slots: {_listed(slots)}")
    return _by_slot(given, names) or _in_order({names[name]: key for name, key in given.items()}, slots)


def _names(slots: Sequence[CameraSlot]) -> dict[str, str]:
    """Every word for a slot, and the slot's name: that name, the policy's own image key, and the last part of that."""
    keys = {word: slot.name for slot in slots if slot.key for word in (_short(slot.key), slot.key)}
    return keys | {slot.name: slot.name for slot in slots}


def _listed(slots: Sequence[CameraSlot]) -> str:
    return ", ".join(f"{slot.name} ({_short(slot.key)})" if slot.key else slot.name for slot in slots)


def _short(key: str) -> str:
    return key.rsplit(".", 1)[-1]


def _by_slot(given: Mapping[str, str], names: Mapping[str, str]) -> Rejection | None:
    """One slot under two of its names would have two cameras."""
    first: dict[str, str] = {}
    for name in given:
        other = first.setdefault(names[name], name)
        if other != name:
            return invalid(PARAM, f"{other} and {name} are names of one slot, {names[name]}: give one of them")
    return None


def _as_given(given: Mapping[str, str]) -> tuple[MappedCamera, ...]:
    return tuple(MappedCamera(slot=slot, dataset_key=given[slot]) for slot in sorted(given))


def _in_order(given: Mapping[str, str], slots: Sequence[CameraSlot]) -> Cameras | Rejection:
    for slot in slots:
        if slot.required and slot.name not in given:
            return invalid(PARAM, f"the model needs the slot {slot.name!r}; slots: {_listed(slots)}")
    return Cameras(tuple(MappedCamera(slot=s.name, policy_key=s.key, dataset_key=given.get(s.name)) for s in slots))
