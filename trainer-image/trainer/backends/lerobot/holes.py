"""Cameras that are left out, each a masked picture at its own place among the policy's; and proof of what it received.

LeRobot's policies that were trained with several cameras put those that are there first and masked pictures, if any,
after them: with the second of three left out, the third stands in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from trainer.failures import Broken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.backends.lerobot.foreign import Foreign
    from trainer.recordings.cameras import CameraPlan

IN_LISTS: Final[Mapping[str, str]] = {
    "smolvla": "prepare_images",
    "pi0": "_preprocess_images",
    "pi05": "_preprocess_images",
}
"""The method of each type that answers lists of pictures and of masks, one of each for a camera."""
STACKED: Final[Mapping[str, str]] = {"xvla": "_prepare_images"}
"""The same for types that answer them stacked: [rows, cameras, …]."""


def keep_places(policy: Foreign) -> None:
    """Let a policy have a masked picture at the place of each camera that a batch lacks."""
    bare = policy.get_base_model() if hasattr(policy, "get_base_model") else policy
    kind = bare.config.type
    if kind in IN_LISTS:
        name = IN_LISTS[kind]
        original = getattr(bare, name)
        setattr(bare, name, lambda batch: _listed(original, bare.config.image_features, batch))
    elif kind in STACKED:
        name = STACKED[kind]
        stacking = getattr(bare, name)
        setattr(bare, name, lambda batch: _stacked(stacking, bare.config.image_features, batch))


def check_cameras(
    plan: CameraPlan, fetched: Mapping[str, Foreign], batch: Mapping[str, Foreign], policy: Foreign
) -> None:
    """Broken (CameraMismatch) when the policy does not get exactly the pictures that were planned."""
    wanted = dict(zip(plan.seen_as, plan.used, strict=True))
    got = [key for key in policy.config.image_features if key in batch]
    if sorted(got) != sorted(wanted):
        raise _mismatch(f"it gets pictures for {', '.join(got) or 'no camera'}, planned were {', '.join(wanted)}")
    for key, source in wanted.items():
        # In stage prepare features may have been renamed, so that the dataset's key is the policy's.
        original = fetched[key] if source not in fetched else fetched[source]
        if batch[key].shape != original.shape:
            raise _mismatch(f"{key} has the shape {tuple(batch[key].shape)}, {source} {tuple(original.shape)}")
        if not _same_picture(batch[key], original):
            raise _mismatch(f"{key} does not show what {source} recorded")


def _listed(
    original: Foreign, features: Sequence[str], batch: Mapping[str, Foreign]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    images, masks = original(batch)
    places = _places([key in batch for key in features])
    empty, unseen = torch.ones_like(images[0]) * -1, torch.zeros_like(masks[0])
    return (
        [empty if at is None else images[at] for at in places],
        [unseen if at is None else masks[at] for at in places],
    )


def _stacked(
    original: Foreign, features: Sequence[str], batch: Mapping[str, Foreign]
) -> tuple[torch.Tensor, torch.Tensor]:
    images, masks = original(batch)
    places = _places([key in batch for key in features])
    empty, unseen = torch.zeros_like(images[:, 0]), torch.zeros_like(masks[:, 0])
    behind = range(len(places), images.size(1))
    return (
        torch.stack([*(empty if at is None else images[:, at] for at in places), *(empty for _ in behind)], dim=1),
        torch.stack([*(unseen if at is None else masks[:, at] for at in places), *(unseen for _ in behind)], dim=1),
    )


def _places(present: Sequence[bool]) -> list[int | None]:
    """For each camera its number among those that are there; None when it is not."""
    return [sum(present[:index]) if here else None for index, here in enumerate(present)]


def _same_picture(seen: torch.Tensor, recorded: torch.Tensor) -> bool:
    """Whether one is the other, but for a factor and an offset of each channel: normalization may have been there."""
    one, other = (each.detach().float().cpu().movedim(-3, 0).flatten(1) for each in (seen, recorded))
    for first, second in zip(one, other, strict=True):
        spread = second - second.mean()
        if spread.abs().max() < 1e-6:  # noqa: PLR2004 - one plain colour says nothing
            continue
        factor = ((first - first.mean()) * spread).sum() / (spread * spread).sum()
        if (first - first.mean() - factor * spread).abs().max() > 1e-3 * max(1.0, float(factor.abs())):
            return False
        if factor <= 0:
            return False
    return True


def _mismatch(problem: str) -> Broken:
    return Broken(
        "CameraMismatch",
        f"the first batch shows the policy something else than was planned: {problem}",
        param="spec.cameraMappings",
        advice="The trainer and the installed LeRobot do not agree about cameras; this is a defect of the trainer image.",
    )
