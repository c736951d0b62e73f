"""What single types of policy have of their own: X-VLA's action spaces, WALL-OSS's makers' model, layers for adapters, weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.trainer.documents import Json, run_document, write_safetensors
from tests.trainer.test_lerobot_settings import TOP, robot_run, setting_for
from trainer.backends.lerobot.abilities import check_abilities
from trainer.backends.lerobot.adapters import adapter_arguments, check_targets
from trainer.backends.lerobot.arguments import policy_arguments, resuming
from trainer.backends.lerobot.kinds import KINDS
from trainer.backends.lerobot.setting_up import with_weights
from trainer.backends.lerobot.side_models import side_models
from trainer.backends.lerobot.start import Start, name_of_base, published_name
from trainer.backends.lerobot.xvla import action_mode, warnings_of_xvla
from trainer.contract.run import Run, parse_run
from trainer.contract.sources import CheckpointSource, Model
from trainer.failures import UserError
from trainer.recordings.cameras import CameraPlan, View

WALL = KINDS["wall_oss"]


def base(folder: Path, config: Json, weights: str = "model.safetensors") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(folder / weights, {"model.encoder.q_proj.weight": (4, 4), "model.encoder.norm.weight": (4,)})
    return folder


def xvla_run(**changes: object) -> Run:
    return robot_run(model={"name": "x", "type": "xvla", "path": "/m"}, **changes)


@pytest.mark.parametrize(
    ("own", "numbers", "told"),
    [
        ({}, 20, None),
        ({}, 6, "auto"),
        ({"action_mode": "joint"}, 14, None),
        ({"action_mode": "joint"}, 6, "auto"),
        ({"action_mode": "auto"}, 6, None),
        ({"action_mode": "of_another_version"}, 6, "auto"),
    ],
)
def test_an_action_space_that_does_not_fit_the_dataset_is_replaced(
    tmp_path: Path, own: Json, numbers: int, told: str | None
) -> None:
    folder = base(tmp_path, {"type": "xvla", **own})
    assert action_mode(xvla_run(), folder, numbers) == told
    warned = warnings_of_xvla(xvla_run(), folder, CameraPlan((View("cam_1", TOP, TOP),)), numbers)
    assert len(warned) == (1 if told else 0)


def test_an_action_space_that_the_job_names_is_kept(tmp_path: Path) -> None:
    folder = base(tmp_path, {"type": "xvla"})
    run = xvla_run(hyperparameters__extra={"action_mode": "ee6d"})
    assert action_mode(run, folder, 10) is None
    told = policy_arguments(run, setting_for(run, folder), Path("/nowhere"))
    assert [each for each in told if "action_mode" in each] == ["--policy.action_mode=ee6d"]


@pytest.mark.parametrize(
    ("mode", "numbers", "said"),
    [("ee6", 6, "Did you mean 'ee6d'?"), ("joint", 20, "have 14 numbers, and those of the dataset have 20")],
)
def test_an_action_space_that_cannot_be_is_refused(tmp_path: Path, mode: str, numbers: int, said: str) -> None:
    with pytest.raises(UserError) as refused:
        action_mode(xvla_run(hyperparameters__extra={"action_mode": mode}), tmp_path, numbers)
    assert refused.value.param == "spec.hyperparameters.extra.action_mode"
    assert said in refused.value.message


def test_adapters_go_to_the_layers_that_a_job_names_else_to_the_types_own() -> None:
    named = xvla_run(hyperparameters__lora={"enabled": True, "targetModules": ["q_proj", "action_encoder"]})
    told = adapter_arguments(KINDS["xvla"], named.hyperparameters.lora)
    assert '--peft.target_modules=["q_proj", "action_encoder"]' in told
    assert '--peft.full_training_modules=["soft_prompt_hub", "action_decoder"]' in told
    silent = robot_run(hyperparameters__lora={"enabled": True})
    assert not any("modules" in each for each in adapter_arguments(KINDS["smolvla"], silent.hyperparameters.lora))


def test_a_layer_that_the_base_has_not_is_refused_with_the_nearest(tmp_path: Path) -> None:
    folder = base(tmp_path, {"type": "pi0"})
    for target, good in (("q_proj", True), ("encoder.q_proj", True), ("q_prog", False), ("norm", False)):
        lora = xvla_run(hyperparameters__lora={"enabled": True, "targetModules": [target]}).hyperparameters.lora
        if good:
            check_targets(lora, folder, "base")
            continue
        with pytest.raises(UserError, match=f"targetModules names '{target}', which base has not") as refused:
            check_targets(lora, folder, "base")
        assert refused.value.param == "spec.hyperparameters.lora.targetModules"


def test_weights_in_several_files_are_refused_since_lerobot_would_leave_them_random(tmp_path: Path) -> None:
    folder = base(tmp_path, {"type": "pi05"}, "model-00001-of-00002.safetensors")
    run = robot_run(model={"name": "pi", "type": "pi05", "path": str(folder)})
    with pytest.raises(UserError, match=r"pi has no model\.safetensors.*model-00001-of-00002\.safetensors") as refused:
        with_weights(run)
    assert refused.value.code == "ModelUnsupported"


def test_wall_oss_starts_from_its_makers_form_and_goes_on_from_lerobots(tmp_path: Path) -> None:
    makers = base(tmp_path / "makers", {"model_type": "qwen2_5_vl"})
    tuned = base(tmp_path / "tuned", {"type": "wall_x", "pretrained_name_or_path": "makers/wall"})
    run = robot_run(model={"name": "wall", "type": "wall_oss", "path": str(makers)})
    told = policy_arguments(run, setting_for(run, makers), Path("/nowhere"))
    assert {"--policy.type=wall_x", f"--policy.pretrained_name_or_path={makers}"} <= set(told)
    again = resuming(told, WALL, Path("/c"))
    assert f"--policy.pretrained_name_or_path={makers}" in again
    later = robot_run(
        model={
            "name": "wall",
            "type": "wall_oss",
            "path": str(makers),
            "fromCheckpoint": {"name": "job-a", "path": str(tuned)},
        }
    )
    _, _, start = with_weights(later)
    assert (start.folder, start.body) == (tuned, makers)
    assert side_models(later, WALL, start) == {}


def test_what_lies_beneath_a_tuned_wall_oss_is_found_by_its_name_or_asked_for(tmp_path: Path) -> None:
    tuned = base(tmp_path / "tuned", {"type": "wall_x", "pretrained_name_or_path": "makers/wall"})
    base(tuned / "makers/wall", {"model_type": "qwen2_5_vl"})
    run = robot_run(
        model={"name": "job-a", "type": "wall_oss", "fromCheckpoint": {"name": "job-a", "path": str(tuned)}}
    )
    assert side_models(run, WALL, Start(tuned, "job-a", base=tuned)) == {"makers/wall": tuned / "makers/wall"}
    base(tuned, {"type": "wall_x", "pretrained_name_or_path": "/of/another/pod"})
    with pytest.raises(UserError, match=r"config\.json names /of/another/pod") as refused:
        side_models(run, WALL, Start(tuned, "job-a", base=tuned))
    assert refused.value.param == "spec.model.name"


def test_wall_oss_runs_no_code_of_a_tokenizer() -> None:
    run = robot_run(
        model={"name": "wall", "type": "wall_oss", "path": "/m"}, hyperparameters__extra={"prediction_mode": "fast"}
    )
    with pytest.raises(UserError) as refused:
        check_abilities(run)
    assert refused.value.param == "spec.hyperparameters.extra.prediction_mode"


def test_what_is_published_names_its_base_where_lerobot_finds_it(tmp_path: Path) -> None:
    cataloged = Model("smolvla", tmp_path, "smolvla", "hf://lerobot/smolvla_base")
    assert published_name(cataloged) == "lerobot/smolvla_base"
    assert published_name(replace(cataloged, uri="hf://models/lerobot/smolvla_base")) == "lerobot/smolvla_base"
    for uri in ("", "pvc://models/smolvla", "hf://org/many/a-folder"):
        assert published_name(replace(cataloged, uri=uri)) == "smolvla"


def test_an_adapter_names_what_it_was_put_on(tmp_path: Path) -> None:
    earlier = CheckpointSource("pick-1", tmp_path, "hf://org/pick")
    model = Model("smolvla", tmp_path, "smolvla", "hf://lerobot/smolvla_base", from_checkpoint=earlier)
    run = parse_run(run_document("train.robot"))
    whole, adapter = (Start(tmp_path, "pick-1", base=tmp_path, adapter=each) for each in (False, True))
    assert name_of_base(replace(run, model=model), whole) == "org/pick"
    assert name_of_base(replace(run, model=model), adapter) == "lerobot/smolvla_base"
    assert name_of_base(replace(run, model=replace(model, from_checkpoint=None)), whole) == "lerobot/smolvla_base"
