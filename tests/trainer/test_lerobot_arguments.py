"""LeRobot's own parser takes what the trainer tells it of each type: model, cameras, precision, adapters, every setting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from finetune_operator.api.finetunejob import Hyperparameters
from finetune_operator.planning.resolving.automatic import Ask, choose_before_data
from tests.trainer.documents import CHECKOUT
from tests.trainer.real_trainer import WITHIN
from tests.trainer.robot_jobs import RobotTrainer
from tests.trainer.test_lerobot_settings import TOP, robot_run, setting_for
from trainer.backends.lerobot.arguments import policy_arguments
from trainer.backends.lerobot.kinds import KINDS, NOT_LEROBOTS, Setting
from trainer.recordings.cameras import CameraPlan, View
from trainer.recordings.policies import POLICIES

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

Told = dict[str, dict[str, Any]]
"""LeRobot's configuration of each type, in its own form."""
TUNED: Final = ("smolvla", "pi0", "pi05", "xvla", "wall_oss")
SCRATCH: Final = ("act",)
VALUES: Final[dict[Setting, object]] = {
    "count": 8,
    "number": 0.5,
    "flag": True,
    "size": [64, 64],
    "texts": ["gripper"],
    "text or null": None,
    "mapping": {"STATE": "MEAN_STD", "ACTION": "MEAN_STD", "VISUAL": "IDENTITY"},
}
"""A value of each form."""
TEXTS: Final = {
    "action_mode": "auto",
    "prediction_mode": "diffusion",
    "vision_attn_implementation": "sdpa",
    "vision_backbone": "resnet18",
    "vlm_model_name": "a/body",
    "tokenizer_name": "a/tokenizer",
}
"""Texts that LeRobot knows."""
ALONE: Final = ("temporal_ensemble_coeff",)
"""Settings that LeRobot refuses beside others."""


@pytest.fixture(scope="module")
def told(robot_trainer: RobotTrainer, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What LeRobot makes of the arguments of each type, with every setting that a job may give."""
    folder = tmp_path_factory.mktemp("arguments")
    cases = {kind: _arguments(folder, kind) for kind in (*SCRATCH, *TUNED)}
    file = folder / "cases.json"
    file.write_text(json.dumps(cases))
    answer = robot_trainer.script(Path(__file__).with_name("robot_arguments.py"), str(file))
    found: Told = json.loads(answer.partition("PARSED ")[2])
    return found


@pytest.mark.parametrize("kind", [*SCRATCH, *TUNED])
def test_every_setting_of_a_type_arrives(told: Told, kind: str) -> None:
    assert "refused" not in told[kind], told[kind]
    policy = told[kind]["policy"]
    assert policy["type"] == KINDS[kind].lerobot
    wanted = {key: value for key, value in _settings(kind).items() if key not in {*NOT_LEROBOTS, KINDS[kind].side}}
    assert {key: policy[key] for key in wanted} == wanted


@pytest.mark.parametrize("kind", TUNED)
def test_base_cameras_rate_and_adapter_arrive(told: Told, kind: str) -> None:
    found, policy = told[kind], told[kind]["policy"]
    assert (found["batch_size"], found["steps"], policy["optimizer_lr"]) == (8, 1000, 0.0001)
    assert policy["scheduler_decay_lr"] == pytest.approx(0.0001 * (KINDS[kind].decay or 0))
    assert (policy["push_to_hub"], policy["device"]) == (False, "cpu")
    if kind == "wall_oss":
        assert Path(str(policy["pretrained_name_or_path"])).name == kind
        assert found["peft"] is None
        return
    assert Path(str(found["path"])).name == kind
    assert found["rename_map"] == {TOP: POLICIES[kind].keys[0]}
    assert (found["peft"]["r"], found["peft"]["lora_alpha"]) == (4, 8)
    assert found["peft"]["target_modules"] == (list(KINDS[kind].adapted) or None)


@pytest.mark.parametrize("kind", ["pi0", "pi05", "xvla"])
def test_precision_arrives_where_a_type_has_it(told: Told, kind: str) -> None:
    assert told[kind]["policy"]["dtype"] == "bfloat16"


@pytest.mark.parametrize("kind", [*SCRATCH, *TUNED])
def test_what_the_catalog_says_of_a_type_is_what_lerobot_trains_it_with(told: Told, kind: str) -> None:
    catalog: dict[str, Any] = yaml.safe_load(
        (CHECKOUT / "charts/finetune-operator/catalog/basemodels.yaml").read_text()
    )
    (entry,) = (each for each in catalog.values() if each["type"] == kind)
    resolved = choose_before_data(
        Ask(Hyperparameters(), Hyperparameters.model_validate(entry["hyperparameters"]), group="robot")
    )
    own = told[kind]["optimizer"]
    assert (resolved.values.weight_decay, resolved.values.max_grad_norm) == (own["weight_decay"], own["grad_clip_norm"])


def _arguments(folder: Path, kind: str) -> list[str]:
    changes: dict[str, object] = {"hyperparameters__precision": "bf16", "hyperparameters__extra": _settings(kind)}
    if kind in SCRATCH:
        run = robot_run(**changes)
        return policy_arguments(run, setting_for(run), folder / "nowhere")
    base = folder / kind
    base.mkdir()
    (base / "config.json").write_text(json.dumps({"type": KINDS[kind].lerobot} if kind != "wall_oss" else {}))
    if KINDS[kind].adapters:
        changes["hyperparameters__lora"] = {"enabled": True, "rank": 4, "alpha": 8}
    run = robot_run(model={"name": kind, "type": kind, "path": str(base)}, **changes)
    key = POLICIES[kind].keys[0] if POLICIES[kind].keys else TOP
    plan = CameraPlan((View("cam_1", key, TOP),), {TOP: key} if key != TOP else {})
    return policy_arguments(run, setting_for(run, base, plan), folder / "nowhere")


def _settings(kind: str) -> dict[str, object]:
    given = {key: form for key, form in KINDS[kind].settings.items() if key not in ALONE}
    return {key: TEXTS[key] if form == "text" else VALUES[form] for key, form in sorted(given.items())}
