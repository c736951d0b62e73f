"""What a type of policy asks of a dataset: cameras, sizes, statistics. From LeRobot 0.6.1's configurations, and the policy's own.

Sizes: https://github.com/huggingface/lerobot, src/lerobot/policies/*/configuration_*.py at v0.6.1; image keys: the
published base models' config.json.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from trainer.failures import UserError
from trainer.neighbours import listing
from trainer.recordings.permissions import ADVICE as PERMIT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.contract.sources import Model

Renaming = Literal["observations", "features", "never"]
"""How a dataset's camera comes to a policy's key: by LeRobot's rename map, by features that are renamed in a copy of the dataset, or not at all."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A type of policy: `name` is ours, `lerobot` what `config.json` calls it.

    `keys` are the image keys that it was trained with; none: it takes the dataset's. `most_state` and `most_action` are numbers; None: any.
    `quantiles` are the statistics of states and actions that it normalizes by beside the plain ones, and `picture_quantiles` those of pictures.
    `takes_all`: it prepares every camera of a dataset as it does its own.
    """

    name: str
    lerobot: str
    renaming: Renaming = "never"
    keys: tuple[str, ...] = ()
    most_state: int | None = None
    most_action: int | None = None
    needs_state: bool = True
    quantiles: tuple[str, ...] = ()
    picture_quantiles: tuple[str, ...] = ()
    weighs: bool = False
    one_camera: bool = False
    takes_all: bool = False


MAPPING: Final = "normalization_mapping"
"""The setting that says by which statistics a policy normalizes."""
_BY_QUANTILES: Final[Mapping[str, tuple[str, ...]]] = {"QUANTILES": ("q01", "q99"), "QUANTILE10": ("q10", "q90")}
"""LeRobot's ways to normalize by quantiles, and which it takes."""
_IMAGES: Final = "observation.images."
_PI_KEYS: Final = tuple(_IMAGES + name for name in ("base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb"))

POLICIES: Final[Mapping[str, Policy]] = {
    each.name: each
    for each in (
        Policy("act", "act", needs_state=False),
        Policy(
            "smolvla",
            "smolvla",
            "observations",
            tuple(_IMAGES + name for name in ("camera1", "camera2", "camera3")),
            32,
            32,
            weighs=True,
        ),
        Policy("pi0", "pi0", "observations", _PI_KEYS, 32, 32, weighs=True),
        Policy("pi05", "pi05", "observations", _PI_KEYS, 32, 32, quantiles=_BY_QUANTILES["QUANTILES"], weighs=True),
        Policy(
            "xvla",
            "xvla",
            "observations",
            tuple(_IMAGES + name for name in ("image", "image2", "image3")),
            32,
            20,
            takes_all=True,
        ),
        Policy("wall_oss", "wall_x", "features", (), 20, 20),
        Policy("gr00t_n1_5", "groot", "never", (), 64, 32),
        Policy("gr00t_n1_6", "groot", "never", (), None, None),
        Policy("sarm", "sarm", "never", (), 32, None, one_camera=True),
    )
}
"""By the type that a job names."""


def policy_of(model: Model, extra: Mapping[str, object] = MappingProxyType({})) -> Policy | None:
    """What the model asks of a dataset, its own config.json and the job's settings counted; None when it is no policy.

    UserError (ModelUnsupported) when its folder holds a policy of another type, (ModelNotFound) when it holds none.
    """
    policy = POLICIES.get(model.type)
    if policy is None:
        return None
    if model.path is not None:
        config = _config(model, model.path, policy)
        policy = _configured(policy, config) if config.get("type") == policy.lerobot else policy
    return _normalizing(policy, extra.get(MAPPING))


def _config(model: Model, folder: Path, policy: Policy) -> Mapping[str, object]:
    file = folder / "config.json"
    if not file.is_file():
        there = listing(folder) if folder.is_dir() else ""
        advice = "Name the folder pretrained_model of a LeRobot checkpoint, or the base model's own."
        raise UserError(
            "ModelNotFound", f"{model.name} has no config.json.{there}", param="spec.model.uri", advice=advice
        )
    try:
        config: object = json.loads(file.read_text(encoding="utf-8"))
    except PermissionError as error:
        problem = f"{model.name}: config.json cannot be read by user id {os.getuid()}"
        raise UserError("ModelUnsupported", problem, param="spec.model.uri", advice=PERMIT) from error
    except ValueError as error:
        advice = "Copy the model again, completely."
        raise UserError(
            "ModelUnsupported",
            f"{model.name}: config.json is not valid JSON: {error}",
            param="spec.model.uri",
            advice=advice,
        ) from error
    found = config.get("type") if isinstance(config, dict) else None
    if isinstance(config, dict) and (found == policy.lerobot or (found is None and _is_foreign(policy))):
        return config
    other = next((each.name for each in POLICIES.values() if each.lerobot == found), None)
    kind = f"a policy of type {found}" if found else "no policy of LeRobot's"
    raise UserError(
        "ModelUnsupported",
        f"{model.name}: config.json describes {kind}, and the job says {policy.name} (type {policy.lerobot})",
        param="spec.model.type",
        advice=f"Set spec.model.type to {other}." if other else f"Name a folder with a {policy.lerobot} policy.",
    )


def _is_foreign(policy: Policy) -> bool:
    """Whether its base model comes as its makers keep it, without LeRobot's config.json."""
    return policy.lerobot in {"wall_x", "groot"}


def _configured(policy: Policy, config: Mapping[str, object]) -> Policy:
    """The policy with what its own configuration says: a model fine-tuned elsewhere may have other cameras."""
    features = config.get("input_features")
    keys = tuple(
        key
        for key, each in (features.items() if isinstance(features, dict) else ())
        if isinstance(each, dict) and each.get("type") == "VISUAL" and ".empty_camera_" not in key
    )
    configured = replace(
        policy,
        renaming="features" if policy.renaming == "features" else "observations",
        keys=keys or policy.keys,
        most_state=_number(config, "max_state_dim", policy.most_state),
        most_action=_number(config, "max_action_dim", policy.most_action),
    )
    return _normalizing(configured, config.get(MAPPING))


def _number(config: Mapping[str, object], key: str, absent: int | None) -> int | None:
    value = config.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else absent


def _normalizing(policy: Policy, mapping: object) -> Policy:
    """The policy when a mapping, where there is one, takes the place of the one that it had: LeRobot mixes none."""
    if not isinstance(mapping, dict):
        return policy
    ways = {str(kind): _BY_QUANTILES.get(str(way), ()) for kind, way in mapping.items()}
    numbers = dict.fromkeys(name for kind in ("STATE", "ACTION") for name in ways.get(kind, ()))
    return replace(policy, quantiles=tuple(numbers), picture_quantiles=ways.get("VISUAL", ()))
