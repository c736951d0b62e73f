"""Looks at the installed LeRobot: prints as JSON what the trainer holds on to in it. Run by a Python that has it."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import tempfile
from typing import cast

import wandb
from lerobot import __version__
from lerobot.configs.policies import PreTrainedConfig
from lerobot.configs.rewards import RewardModelConfig
from lerobot.policies.pi0 import modeling_pi0
from lerobot.policies.pi05 import modeling_pi05
from lerobot.policies.smolvla import modeling_smolvla
from lerobot.policies.xvla import modeling_xvla
from lerobot.policies.xvla.action_hub import ACTION_REGISTRY
from lerobot.scripts import lerobot_train

from trainer.backends.lerobot.kinds import KINDS, NOT_LEROBOTS
from trainer.backends.lerobot.loop import HELD, Seam, _Held
from trainer.backends.lerobot.parsing import parsed
from trainer.failures import UserError


def facts() -> dict[str, object]:
    """Signatures of the held functions, the order of their calls in the loop, and settings that no type has."""
    source = inspect.getsource(lerobot_train)
    names = "|".join(HELD)
    # One call each, in the order in which the training goes through them.
    called = re.findall(rf"(?<![\w.])({names})\(", source[source.index("def train(") :])
    methods = {
        "smolvla": modeling_smolvla.SmolVLAPolicy.prepare_images,
        "pi0": modeling_pi0.PI0Policy._preprocess_images,
        "pi05": modeling_pi05.PI05Policy._preprocess_images,
        "xvla": modeling_xvla.XVLAPolicy._prepare_images,
    }
    return {
        "version": __version__,
        "signatures": {name: list(inspect.signature(getattr(lerobot_train, name)).parameters) for name in HELD},
        "called": called,
        "loop": inspect.getsource(lerobot_train.train),
        "images": {name: inspect.getsource(method) for name, method in methods.items()},
        "unknownSettings": _unknown_settings(),
        "refusals": {name: _refusal(kind.lerobot) for name, kind in KINDS.items() if "n_action_steps" in kind.settings},
        "actionSpaces": {name: getattr(each, "REAL_DIM", each.dim_action) for name, each in ACTION_REGISTRY.items()},
        "reported": _reported(),
        "loadsStrictly": {"xvla": inspect.getsource(modeling_xvla.XVLAPolicy.from_pretrained)},
    }


def _unknown_settings() -> list[str]:
    unknown = []
    for name, kind in KINDS.items():
        family = RewardModelConfig if name == "sarm" else PreTrainedConfig
        known = set(family.get_choice_class(kind.lerobot).__dataclass_fields__) | {*NOT_LEROBOTS}
        unknown += [f"{name}.{key}" for key in kind.settings if key not in known]
    return unknown


def _refusal(policy: str) -> str:
    """What is said of more actions to take than there are in a chunk."""
    settings = [f"--policy.{name}" for name in (f"type={policy}", "chunk_size=8", "n_action_steps=9", "device=cpu")]
    try:
        parsed(["--dataset.repo_id=tests/none", "--policy.push_to_hub=false", "--output_dir=/nowhere", *settings])
    except UserError as error:
        return error.message
    return ""


def _reported() -> dict[str, str]:
    """How a run that goes on from a checkpoint is announced to Weights & Biases, which is not reached."""
    folder = tempfile.mkdtemp()
    target = ["--wandb.enable=true", "--wandb.project=tests", "--wandb.run_id=a-run", "--wandb.mode=offline"]
    policy = ["--policy.type=act", "--policy.device=cpu", "--policy.push_to_hub=false"]
    config = parsed(["--dataset.repo_id=tests/none", f"--output_dir={folder}/out", *target, *policy])
    config.resume = True
    _Held(lerobot_train, cast("Seam", None)).WandBLogger(config)
    run = wandb.run
    assert run is not None
    told = {"id": run.id, "project": run.project, "resume": run.settings.resume}
    run.finish()
    shutil.rmtree(folder)
    return told


if __name__ == "__main__":
    print("FACTS " + json.dumps(facts()))
