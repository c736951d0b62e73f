"""Cameras: from the job's slots to the policy's image keys and the dataset's, or the one thing that is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trainer.contract.robots import Camera
from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.contract.run import Run
    from trainer.recordings.policies import Policy
    from trainer.recordings.recording import Recording

PARAM: Final = "spec.cameraMappings"
COLOURS: Final = 3
HIDDEN: Final = "left_out."
"""Begins the key of a picture of the dataset that no policy looks at."""


@dataclass(frozen=True, slots=True)
class View:
    """One slot: the policy's key and the dataset's. Without a `dataset_key` it is a masked picture."""

    slot: str
    policy_key: str
    dataset_key: str = ""


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """What becomes of each camera, in the policy's order.

    `rename` is LeRobot's rename map, from the dataset's key to the policy's, with what must be hidden from the policy
    under a key that nobody reads; empty when the keys agree. `features` are to be renamed in a copy of the dataset. `unused` are the dataset's cameras that nobody looks at.
    """

    views: tuple[View, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[str, ...]:
        """The dataset's keys that are looked at."""
        return tuple(view.dataset_key for view in self.views if view.dataset_key)

    @property
    def seen_as(self) -> tuple[str, ...]:
        """The policy's keys that get a picture of the dataset, in the order of `used`."""
        return tuple(view.policy_key for view in self.views if view.dataset_key)

    @property
    def masked(self) -> tuple[str, ...]:
        """The policy's keys that get a masked picture."""
        return tuple(view.policy_key for view in self.views if not view.dataset_key)


def cameras_of(run: Run, policy: Policy) -> tuple[Camera, ...]:
    """The slots that a job fills; of a type with one camera the one that the reward model is told to look at."""
    key = run.reward.image_key if run.reward else ""
    return (Camera("cam_1", "", key),) if policy.one_camera and key else run.cameras


def plan_cameras(cameras: Sequence[Camera], policy: Policy, recording: Recording) -> CameraPlan:
    """The plan for a dataset. UserError (CamerasInvalid) names slot, key, what is there and what to do."""
    views = _mapped(cameras, policy, recording) if cameras else _unmapped(policy, recording)
    for view in views:
        if view.dataset_key:
            _check_picture(recording, view.dataset_key)
    used = [view.dataset_key for view in views if view.dataset_key]
    if not used:
        problem = "all slots are left out: a policy needs at least one camera"
        raise _wrong(recording, problem, f"Map a slot to one of {', '.join(recording.image_keys)}.")
    if policy.one_camera and len(used) > 1:
        raise _wrong(recording, f"{policy.name} sees through one camera, and {len(used)} are mapped", "Map one slot.")
    _check_targets(views, recording)
    return CameraPlan(
        views=views,
        rename=_rename_map(views, recording) if policy.renaming == "observations" else {},
        features={key: name for key, name in _pairs(views).items() if key != name}
        if policy.renaming == "features"
        else {},
        unused=tuple(key for key in recording.image_keys if key not in used),
    )


def _mapped(cameras: Sequence[Camera], policy: Policy, recording: Recording) -> tuple[View, ...]:
    if policy.keys and len(cameras) > len(policy.keys):
        problem = f"{len(cameras)} slots are given, and {policy.name} has {len(policy.keys)}: {', '.join(policy.keys)}"
        raise _wrong(recording, problem, "Leave out the slots that the policy does not have.")
    slots: dict[str, str] = {}
    views: list[View] = []
    for camera in cameras:
        if not camera.dataset_key and not policy.keys:
            continue  # A policy without slots of its own has no place for a masked picture.
        _check_known(camera, recording, [each.dataset_key for each in cameras if each is not camera])
        other = slots.setdefault(camera.dataset_key, camera.slot) if camera.dataset_key else camera.slot
        if other != camera.slot:
            problem = f"slots {other} and {camera.slot} are both mapped to {camera.dataset_key}: one picture, one slot"
            raise _wrong(recording, problem, "Leave one of them out: it becomes a masked picture.")
        views.append(View(camera.slot, _policy_key(camera, policy, recording), camera.dataset_key))
    every = (*views, *_slots_left_out(policy, views))
    return tuple(sorted(every, key=lambda view: policy.keys.index(view.policy_key))) if policy.keys else every


def _slots_left_out(policy: Policy, views: Sequence[View]) -> tuple[View, ...]:
    """The policy's own keys that no slot is for."""
    taken = {view.policy_key for view in views}
    return tuple(View(_short(key), key) for key in policy.keys if key not in taken)


def _check_known(camera: Camera, recording: Recording, others: Sequence[str]) -> None:
    key = camera.dataset_key
    if not key or key in recording.image_keys:
        return
    have = ", ".join(recording.image_keys) or "no camera"
    if key in recording.depth_keys:
        problem = f"slot {camera.slot}: {key} is a depth camera, and policies see colours"
        raise _wrong(recording, problem, f"Map it to one of: {have}.")
    if key in recording.features:
        problem = f"slot {camera.slot}: {key} is no camera but {recording.features[key].dtype}"
        raise _wrong(recording, problem, f"Map it to one of: {have}.")
    free = [each for each in recording.image_keys if each not in others]
    problem = f"slot {camera.slot}: the dataset has no camera {key}.{did_you_mean(key, free)} It has: {have}"
    leaving = f"Leave {camera.slot} out: the other slots have all of them."
    raise _wrong(recording, problem, _advice(", ".join(free)) if free else leaving)


def _policy_key(camera: Camera, policy: Policy, recording: Recording) -> str:
    if not policy.keys:
        return _free_key(camera, policy, recording)
    words = {key: key for key in policy.keys} | {_short(key): key for key in policy.keys}
    for word in (camera.policy_key,) if camera.policy_key else (camera.slot, camera.dataset_key):
        if word in words:
            return words[word]
    given = camera.policy_key or camera.slot
    hint = did_you_mean(given, words)
    problem = f"slot {camera.slot}: the policy has no camera {given}.{hint} It has: {', '.join(policy.keys)}"
    raise _wrong(recording, problem, "Name a slot of the model: kubectl get basemodel NAME -o yaml lists them.")


def _free_key(camera: Camera, policy: Policy, recording: Recording) -> str:
    """Of a policy without keys of its own: it learns the dataset's, but for one that reads the slot's name as a word."""
    if policy.renaming == "features":
        name = camera.policy_key or camera.slot
        return name if name.startswith("observation.") else f"observation.images.{name}"
    if camera.policy_key and camera.policy_key != camera.dataset_key:
        problem = (
            f"slot {camera.slot}: a {policy.name} policy takes the dataset's keys, it cannot have {camera.policy_key}"
        )
        raise _wrong(recording, problem, f"Leave the key out, or say {camera.dataset_key}.")
    return camera.dataset_key


def _unmapped(policy: Policy, recording: Recording) -> tuple[View, ...]:
    """Without mappings: the keys that agree. They must, on one side completely, else a camera would be lost in silence."""
    have = recording.image_keys
    if not have:
        problem = f"the dataset has no camera; its features: {', '.join(recording.features)}"
        raise _wrong(recording, problem, "Policies see: record with at least one camera.")
    if not policy.keys:
        if policy.one_camera and len(have) > 1:
            problem = f"{policy.name} sees through one camera, none is named, and there are {', '.join(have)}"
            raise _wrong(recording, problem, "Map its slot to one of them.")
        return tuple(View(_short(key), key, key) for key in have)
    shared = [key for key in policy.keys if key in have]
    if not shared or (len(shared) < len(policy.keys) and len(shared) < len(have)):
        problem = f"no cameras are mapped, the policy has {', '.join(policy.keys)}, the dataset {', '.join(have)}"
        raise _wrong(recording, problem, "Map the slots of the model to keys of the dataset.")
    return tuple(View(_short(key), key, key if key in shared else "") for key in policy.keys)


def _check_picture(recording: Recording, key: str) -> None:
    """Three colours, at the place where LeRobot looks for them."""
    feature = recording.features[key]
    height, width, channels = feature.size
    if channels == COLOURS:
        return
    where = f"meta/info.json, feature {key}: the shape is {feature.shown}, by its names {', '.join(feature.names)}"
    if COLOURS in (height, width):
        order = "channels, height, width" if feature.shape[0] == COLOURS else "height, width, channels"
        problem = f"{where}: that makes {channels} channels; the order seems to be {order}"
        raise _wrong(recording, problem, "Let names and shape have one order, height, width, channels being LeRobot's.")
    kinds = {1: "one channel, grey or depth", 4: "four channels, with transparency or depth"}
    problem = f"{where}: it has {kinds.get(channels, f'{channels} channels')}, and policies see three colours"
    raise _wrong(recording, problem, f"Convert {key} to RGB, or map another camera.")


def _check_targets(views: Sequence[View], recording: Recording) -> None:
    """A dataset's own camera of the same key as a slot would win over the one that is mapped, in silence."""
    mapped = {view.dataset_key for view in views if view.dataset_key}
    taken: dict[str, str] = {}
    for view in views:
        if taken.setdefault(view.policy_key, view.slot) != view.slot:
            problem = f"slots {taken[view.policy_key]} and {view.slot} both mean the policy's {view.policy_key}"
            raise _wrong(recording, problem, "Give each camera of the policy one slot.")
        clash = view.policy_key in recording.features and view.policy_key not in mapped
        if view.dataset_key and view.dataset_key != view.policy_key and clash:
            problem = (
                f"slot {view.slot}: {view.dataset_key} is to become {view.policy_key}, and the dataset has a feature of"
                " that very name, which would be taken instead"
            )
            raise _wrong(recording, problem, f"Map {view.policy_key} to a slot too, or map this slot to it.")


def _rename_map(views: Sequence[View], recording: Recording) -> dict[str, str]:
    """The map, empty when there is nothing to do. A slot that is left out must not find a camera of its own name.

    Names that agree are mapped too where LeRobot, without a map, would refuse what the two sides have each for itself.
    """
    hidden = {
        view.policy_key: HIDDEN + view.policy_key
        for view in views
        if not view.dataset_key and view.policy_key in recording.features
    }
    pairs = _pairs(views)
    ours, theirs = {view.policy_key for view in views}, set(recording.image_keys)
    if not hidden and all(given == wanted for given, wanted in pairs.items()) and (ours <= theirs or theirs <= ours):
        return {}
    mapped = set(pairs)
    return pairs | {key: name for key, name in hidden.items() if key not in mapped}


def _pairs(views: Sequence[View]) -> dict[str, str]:
    return {view.dataset_key: view.policy_key for view in views if view.dataset_key}


def _short(key: str) -> str:
    return key.rsplit(".", 1)[-1]


def _advice(have: str) -> str:
    return f"Write one of the dataset's own keys: {have}."


def _wrong(recording: Recording, problem: str, advice: str) -> UserError:
    advice = f"{advice} Then raise restartGeneration."
    return UserError("CamerasInvalid", f"{recording.dataset.uri}: {problem}", param=PARAM, advice=advice)
