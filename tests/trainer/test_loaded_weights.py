"""A policy that did not start with its base model's weights is found out before its first update."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainer.real_trainer import WITHIN
from tests.trainer.robot_jobs import RobotTrainer

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

LOADED = """
import json, sys, torch
from pathlib import Path
from types import SimpleNamespace
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from trainer.backends.lerobot.loaded_weights import check_loaded
from trainer.failures import Broken
folder = Path(sys.argv[1])

class Policy(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.config = SimpleNamespace(type=kind)
        self.model = torch.nn.Sequential(*(torch.nn.Linear(4, 4, dtype=torch.bfloat16) for _ in range(4)))

def told(kind, rename=lambda key: key, change=0.0, adapted=False, tied=False, rounded=False):
    policy = Policy(kind).to(torch.float32 if rounded else torch.bfloat16)
    for tensor in policy.parameters() if rounded else ():
        torch.nn.init.normal_(tensor)
    if tied:
        policy.model[1].weight = policy.model[3].weight
    kept = {key: tensor for key, tensor in policy.state_dict().items() if not (tied and key == "model.1.weight")}
    save_file({rename(key): (tensor + change).float() for key, tensor in kept.items()}, folder / "model.safetensors")
    if rounded:
        policy.to(torch.bfloat16).to(torch.float32)
    if adapted:
        policy = get_peft_model(policy, LoraConfig(r=2, target_modules=["0"], modules_to_save=["1"]))
    try:
        check_loaded(policy, folder, "base")
    except Broken as broken:
        return broken.code
    return "loaded"

print("LOADED", json.dumps({
    "same": told("pi0"),
    "without the first word": told("pi05", lambda key: key.removeprefix("model.")),
    "beneath an adapter": told("pi0", adapted=True),
    "other values": told("pi0", change=1.0),
    "other values beneath an adapter": told("pi0", change=1.0, adapted=True),
    "other names": told("pi05", lambda key: f"body.{key}"),
    "a type that LeRobot only logs of": told("smolvla", lambda key: f"policy.{key}"),
    "some of the names": told("act", lambda key: key.replace("model.3.", "model.head.")),
    "a type that LeRobot fails with": told("xvla", lambda key: f"policy.{key}"),
    "tied": told("smolvla", tied=True),
    "in fp32 after bf16": told("wall_x", rounded=True),
}))
"""


def test_other_weights_than_the_files_are_found_out(robot_trainer: RobotTrainer, tmp_path: Path) -> None:
    script = tmp_path / "loaded.py"
    script.write_text(LOADED)
    told = json.loads(robot_trainer.script(script, str(tmp_path)).partition("LOADED ")[2])
    refused = {"other values", "other values beneath an adapter", "other names"}
    refused |= {"a type that LeRobot only logs of", "some of the names"}
    assert told == {case: "WeightsNotLoaded" if case in refused else "loaded" for case in told}
    assert len(told) == 11
