"""A policy made without memory, on torch's meta device: what only its making refuses, and a base that does not fit it.

LeRobot's configurations check little of what they hold: which backbone there is and how its heads divide only shows when the
layers are made. On the meta device that takes a second and no memory, so stage prepare tries it before a GPU is taken.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.backbone import SETTING as BACKBONE
from trainer.backends.lerobot.kinds import STRICT
from trainer.backends.lerobot.loaded_weights import check_names, shared_names, tensors_of
from trainer.backends.lerobot.parsing import LONGEST
from trainer.backends.lerobot.start import MAKERS_OWN, WEIGHTS
from trainer.contract.shortening import shorten
from trainer.failures import Broken, UserError
from trainer.workspace.soundness import read_safetensors_header

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.backends.lerobot.foreign import Foreign
    from trainer.backends.lerobot.start import Start

META: Final = "meta"
LOADS: Final = ("compile_model", "load_vlm_weights")
"""Settings that have a policy do more than be made."""
_OF_META: Final = re.compile(rf"\b{META}\b")
OF_SETTINGS: Final = (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError, ZeroDivisionError)
"""What comes of settings that a policy cannot be made of; memory, volumes and devices fail in other ways."""
OF_SIZES: Final = "Error(s) in loading state_dict"
"""How torch begins when weights have other sizes than the policy, or where all names must be there other names."""


def check_built(config: Foreign, dataset: Path, start: Start) -> None:
    """Make the policy of LeRobot's parsed `config` for a dataset, and hold its tensors against the base's file.

    UserError: HyperparameterUnsupported when it cannot be made, WeightsNotLoaded and ModelUnsupported when the base has other
    names or sizes. A type that loads its makers' model while it is made is not tried here.
    """
    if config.policy.type in MAKERS_OWN:
        return
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata  # noqa: PLC0415 - there where LeRobot is

    metadata = LeRobotDatasetMetadata(config.dataset.repo_id, root=dataset)
    try:
        policy = _built(config, metadata)
    except Exception as error:
        refusal = refusal_of(error, start)
        if refusal is None or _OF_META.search(str(error)):
            # Nothing of the settings: the training will tell.
            print(f"the policy could not be tried: {type(error).__name__}: {error}", flush=True)
            return
        raise refusal from error
    if start.model is not None:
        _check_base(policy, start.model, start.name)


def refusal_of(error: BaseException, start: Start) -> UserError | None:
    """What an error says to the user that came of making a policy; None when that is not settled by settings and base."""
    if isinstance(error, OF_SETTINGS):
        return UserError(
            "HyperparameterUnsupported",
            f"LeRobot cannot make a policy of these settings: {shorten(f'{type(error).__name__}: {error}', LONGEST)}",
            param="spec.hyperparameters.extra",
            advice="Change what it names, or leave the setting out: then the type's own default is used.",
        )
    if isinstance(error, RuntimeError) and str(error).startswith(OF_SIZES):
        return _does_not_fit(start.name, " ".join(str(error).split()))
    return None


def _built(config: Foreign, metadata: Foreign) -> Foreign:
    import torch  # noqa: PLC0415 - heavy
    from lerobot.policies.factory import make_policy  # noqa: PLC0415

    tried = copy.deepcopy(config.policy)
    tried.device, tried.pretrained_path, tried.use_peft = META, None, False
    for name in LOADS:
        if hasattr(tried, name):
            setattr(tried, name, False)
    if hasattr(tried, BACKBONE):
        setattr(tried, BACKBONE, None)
    with torch.device(META):
        return make_policy(tried, ds_meta=metadata, rename_map=config.rename_map)


def _check_base(policy: Foreign, folder: Path, name: str) -> None:
    header = read_safetensors_header(folder / WEIGHTS)
    own = tensors_of(policy)
    shared = shared_names(own, set(header))
    if policy.config.type not in STRICT:
        try:
            check_names(own, shared, name)
        except Broken as broken:
            # The file will be the same at every attempt.
            raise UserError(broken.code, broken.message, param=broken.param, advice=broken.advice) from broken
    for key, there in shared.items():
        wanted, given = list(own[key].shape), header[there].get("shape")
        if wanted != given:
            raise _does_not_fit(name, f"{key} has the shape {given} there, and must have {wanted}")


def _does_not_fit(name: str, problem: str) -> UserError:
    return UserError(
        "ModelUnsupported",
        f"the weights of {name} do not fit the policy that these settings and this dataset make: {shorten(problem, LONGEST)}",
        param="spec.model.name",
        advice="Leave out what extra says of the policy's size, and take a base whose actions have as many numbers as the"
        " dataset's; or train from scratch where the type can.",
    )
