"""What a robot's run becomes in LeRobot's words: abilities, settings by type, batch, steps, learning rate, cameras."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainer.documents import Json, put
from trainer.backends.lerobot.abilities import check_abilities
from trainer.backends.lerobot.arguments import (
    NEVER,
    Setting,
    optimizer_settings,
    policy_arguments,
    resuming,
    tracker_arguments,
    tracker_environment,
)
from trainer.backends.lerobot.fitting import Fitting, fitting, is_news, measured_pace
from trainer.backends.lerobot.kinds import KINDS
from trainer.backends.lerobot.model_card import Told, curve, drawn, training_of
from trainer.backends.lerobot.parsing import reason_of
from trainer.backends.lerobot.planning import method_of_policy, plan_steps, plan_warnings, warmup_warnings
from trainer.backends.lerobot.schedule import SCALE, Schedule
from trainer.backends.lerobot.side_models import side_models
from trainer.backends.lerobot.start import Start, config_of
from trainer.contract.run import Run, parse_run
from trainer.contract.sources import Dataset
from trainer.contract.verdict import Position
from trainer.failures import UserError
from trainer.recordings.cameras import CameraPlan, View
from trainer.recordings.gathering import Gathered
from trainer.recordings.recording import Episode, Feature, Recording
from trainer.training.course import StopReason

TOP, WRIST = "observation.images.top", "observation.images.wrist"


def robot_run(**changes: object) -> Run:
    document: Json = {
        "contractVersion": 1,
        "stage": "train",
        "job": {"namespace": "team-a", "name": "pick", "uid": "u"},
        "attempt": 1,
        "jobType": "vla",
        "model": {"name": "act", "type": "act"},
        "datasets": [{"name": "d", "split": "train", "uri": "pvc://d", "path": "/d", "format": "lerobot"}],
        "hyperparameters": {
            "steps": 1000,
            "batchSize": 8,
            "learningRate": 0.0001,
            "seed": 1,
            "lora": {"enabled": False},
            "extra": {},
        },
        "hardware": {"gpus": 0, "nodes": 1, "cpus": 4},
        "limits": {"trainingSeconds": 3600},
        "checkpoints": {"everySeconds": 1800, "keepLast": 2},
        "paths": {"workspace": "/w"},
    }
    for place, value in changes.items():
        put(document, place.split("__"), value)
    return parse_run(document)


def setting_for(run: Run, base: Path | None = None, cameras: CameraPlan | None = None) -> Setting:
    picture = ("height", "width", "channels")
    features = {
        "observation.state": Feature("observation.state", "float32", (4,)),
        "action": Feature("action", "float32", (4,)),
        **{key: Feature(key, "image", (48, 64, 3), picture) for key in (TOP, WRIST)},
    }
    episodes = tuple(Episode(n, 10, 10 * n, "data") for n in range(4))
    dataset = Dataset("d", "train", "pvc://d", Path("/d"), "spec.datasets[0]")
    plan = plan_steps(run, 40)
    return Setting(
        kind=KINDS[run.model.type],
        base=base,
        gathered=Gathered(Path("/d"), (0, 1, 2), (3,)),
        recording=Recording(dataset, Path("/d"), "v3.0", 10, "arm", 40, features, episodes, (), {}),
        cameras=cameras or CameraPlan((View("top", TOP, TOP),)),
        episodes=(0, 1, 2),
        schedule=plan.schedule,
        rows=plan.rows,
        total_steps=plan.total_steps,
        log_every=plan.log_every,
    )


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"hyperparameters__quantization": "nf4"}, "spec.hyperparameters.quantization"),
        ({"hyperparameters__packing": True}, "spec.hyperparameters.packing"),
        ({"hyperparameters__contextLength": 128}, "spec.hyperparameters.contextLength"),
        ({"hyperparameters__lora": {"enabled": True}}, "spec.hyperparameters.lora.enabled"),
        ({"hyperparameters__extra": {"chunk_size": "many"}}, "spec.hyperparameters.extra.chunk_size"),
        ({"hyperparameters__extra": {"use_vae": 1}}, "spec.hyperparameters.extra.use_vae"),
        (
            {"jobType": "reward", "model": {"name": "sarm", "type": "sarm"}, "hyperparameters__precision": "bf16"},
            "spec.hyperparameters.precision",
        ),
        ({"model__type": "gr00t_n1_5"}, "spec.model.type"),
        ({"model__type": "smolvla"}, "spec.model.name"),
        ({"model__trustRemoteCode": True}, "spec.model.trustRemoteCode"),
        ({"model": {"name": "sarm", "type": "sarm", "path": "/m"}}, "spec.model.uri"),
        (
            {"model": {"name": "sarm", "type": "sarm", "fromCheckpoint": {"name": "job-a", "path": "/w"}}},
            "spec.model.fromCheckpoint",
        ),
        ({"evaluation": {"prompts": ["hello"]}}, "spec.evaluation.prompts"),
        ({"integrations": [{"type": "tensorboard"}]}, "integrations[0]"),
        ({"output": {"select": "best"}}, "spec.output.select"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_field(changes: dict[str, object], param: str) -> None:
    with pytest.raises(UserError) as refused:
        check_abilities(robot_run(**changes))
    assert param in refused.value.param


def test_a_base_model_that_is_yet_to_be_fetched_counts_as_one() -> None:
    base = {"name": "lerobot/smolvla_base", "type": "smolvla", "uri": "hf://lerobot/smolvla_base"}
    assert check_abilities(robot_run(model=base)).lerobot == "smolvla"
    with pytest.raises(UserError) as refused:
        check_abilities(robot_run(model={"name": "sarm", "type": "sarm", "uri": "hf://org/sarm"}))
    assert refused.value.param == "spec.model.uri"


def test_a_setting_of_another_type_is_refused_and_the_nearest_one_named() -> None:
    with pytest.raises(
        UserError, match=r"extra.chunk_sise is not known for act. Did you mean 'chunk_size'\?"
    ) as refused:
        check_abilities(robot_run(hyperparameters__extra={"chunk_sise": 8}))
    assert refused.value.param == "spec.hyperparameters.extra.chunk_sise"


def test_act_from_scratch_is_told_its_cameras_and_no_rename_map() -> None:
    run = robot_run()
    told = policy_arguments(run, setting_for(run), Path("/nowhere"))
    assert "--policy.type=act" in told
    features = next(each for each in told if each.startswith("--policy.input_features="))
    assert json.loads(features.partition("=")[2]) == {
        "observation.state": {"type": "STATE", "shape": [4]},
        TOP: {"type": "VISUAL", "shape": [3, 48, 64]},
    }
    assert "--policy.pretrained_backbone_weights=null" in told
    assert not any(each.startswith("--rename_map") for each in told)
    assert "--dataset.episodes=[0, 1, 2]" in told
    assert {"--policy.push_to_hub=false", "--policy.device=cpu", "--env_eval_freq=0", "--save_freq=0"} <= set(told)
    assert len({each.partition("=")[0] for each in told}) == len(told), "nothing is said twice"


def test_a_base_model_is_told_by_its_path_with_the_rename_map(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"type": "pi05"}')
    run = robot_run(model={"name": "pi", "type": "pi05", "path": str(tmp_path)}, hardware__gpus=1)
    plan = CameraPlan((View("a", "observation.images.base_0_rgb", TOP),), {TOP: "observation.images.base_0_rgb"})
    told = policy_arguments(run, setting_for(run, tmp_path, plan), Path("/nowhere"))
    assert f"--policy.path={tmp_path}" in told
    assert f"--rename_map={json.dumps({TOP: 'observation.images.base_0_rgb'})}" in told
    assert {"--policy.dtype=bfloat16", "--policy.device=cuda"} <= set(told)
    assert not any(each.startswith(("--policy.type", "--policy.input_features")) for each in told)
    again = resuming(told, KINDS["pi05"], Path("/w/checkpoints/attempt-1/checkpoint-5"))
    assert "--policy.type=pi05" in again
    assert not any(each.startswith("--policy.path") for each in again)
    config = "/w/checkpoints/attempt-1/checkpoint-5/pretrained_model/train_config.json"
    assert {"--resume=true", f"--config_path={config}"} <= set(again)


@pytest.mark.parametrize(
    ("precision", "gpus", "told"), [("auto", 0, "float32"), ("bf16", 0, "bfloat16"), ("fp32", 1, "float32")]
)
def test_precision_is_never_fp16(tmp_path: Path, precision: str, gpus: int, told: str) -> None:
    (tmp_path / "config.json").write_text('{"type": "pi0"}')
    changes: dict[str, object] = {"hyperparameters__precision": precision, "hardware__gpus": gpus}
    run = robot_run(model={"name": "pi", "type": "pi0", "path": str(tmp_path)}, **changes)
    assert f"--policy.dtype={told}" in policy_arguments(run, setting_for(run, tmp_path), Path("/nowhere"))


def test_a_run_in_wandb_has_the_name_and_the_tags_that_the_job_gives_it() -> None:
    wandb: Json = {"project": "arms", "name": "third try", "tags": ["lamp", "new"]}
    run = robot_run(integrations=[{"type": "wandb", "wandb": wandb}], tags=["lamp", "blue"])
    assert {"--job_name=third try", "--wandb.project=arms", "--wandb.add_tags=false"} <= set(tracker_arguments(run))
    assert tracker_environment(run) == {"WANDB_TAGS": "lamp,new,blue"}


def test_a_run_in_wandb_without_name_and_tags_is_called_as_the_job_and_keeps_lerobots_tags() -> None:
    run = robot_run(integrations=[{"type": "wandb", "wandb": {"project": "arms"}}])
    assert "--job_name=pick" in tracker_arguments(run)
    assert "--wandb.add_tags=false" not in tracker_arguments(run)
    assert (tracker_environment(run), tracker_environment(robot_run(tags=["lamp"]))) == ({}, {})


def test_the_words_of_lerobots_parser_come_to_the_last_error() -> None:
    tried = "`policy`: Could not decode the value into any of the given types:\n    PreTrainedConfig: "
    said = f"WARNING nothing of this\nerror: {tried}`dim_model`: Couldn't parse 'abc' into an int\n\n"
    assert reason_of(said) == "`dim_model`: Couldn't parse 'abc' into an int"
    usage = "usage: lerobot-train\nlerobot-train: error: unrecognized arguments: --x=1\n"
    assert reason_of(usage) == "lerobot-train: error: unrecognized arguments: --x=1"
    assert reason_of(" \n") == "it did not say why"


def test_the_batch_is_global_and_refused_when_it_cannot_be_split() -> None:
    assert plan_steps(robot_run(hardware__gpus=4), 100).rows == 2
    with pytest.raises(UserError, match="batchSize 8 is global") as refused:
        plan_steps(robot_run(hardware__gpus=3), 100)
    assert refused.value.param == "spec.hyperparameters.batchSize"


def test_what_the_job_does_not_say_of_the_optimizer_stays_the_types_own() -> None:
    assert optimizer_settings(robot_run()) == {"lr": 0.0001}
    said = optimizer_settings(robot_run(hyperparameters__maxGradNorm=0, hyperparameters__weightDecay=0.5))
    assert said == {"lr": 0.0001, "weight_decay": 0.5, "grad_clip_norm": 0}


def test_given_steps_alone_decide_the_learning_rate() -> None:
    schedule = plan_steps(robot_run(), 100).schedule
    assert (schedule.decay_steps, schedule.warmup_steps, schedule.follows_hours) == (1000, 30, False)
    assert schedule.place(400, share=0.9) == 400


def test_without_steps_the_learning_rate_falls_with_the_hours_or_the_epochs_whichever_is_further() -> None:
    run = robot_run(
        hyperparameters={"epochs": 10, "batchSize": 8, "learningRate": 1e-4, "seed": 1, "lora": {"enabled": False}}
    )
    plan = plan_steps(run, 80)
    assert plan.total_steps == 100
    schedule = plan.schedule
    assert schedule.place(50, share=0.1) == 50
    assert schedule.place(50, share=0.75) == 75
    assert schedule.place(50, share=1.5) == 100


@pytest.mark.parametrize("epochs", [0.1, 10, 100_000])
def test_a_schedule_is_never_longer_than_the_steps_for_lerobot_would_shorten_it(epochs: float) -> None:
    run = robot_run(
        hyperparameters={"epochs": epochs, "batchSize": 8, "learningRate": 1e-4, "seed": 1, "lora": {"enabled": False}}
    )
    plan = plan_steps(run, 80)
    assert plan.total_steps is not None
    assert plan.schedule.decay_steps == plan.total_steps


def test_with_neither_steps_nor_epochs_the_hours_alone_decide() -> None:
    run = robot_run(hyperparameters={"batchSize": 8, "learningRate": 1e-4, "seed": 1, "lora": {"enabled": False}})
    plan = plan_steps(run, 80)
    assert plan.total_steps is None
    assert plan.schedule.place(50, share=0.25) == SCALE / 4
    (kept,), (falling,) = plan_warnings(run, plan, KINDS["act"]), plan_warnings(run, plan, KINDS["smolvla"])
    assert "the 3600 training seconds decide how many steps are made; the learning rate stays what it is" in kept
    assert "are made, and the learning rate falls with them" in falling
    assert f"--steps={NEVER}" in policy_arguments(run, setting_for(run), Path("/nowhere"))


def test_steps_of_warmup_are_warned_of_where_the_learning_rate_never_changes_and_a_ratio_is_not() -> None:
    given = robot_run(hyperparameters__warmupSteps=100)
    (told,) = warmup_warnings(given, KINDS["act"])
    assert "warmupSteps 100 without effect: act keeps one learning rate" in told
    assert "leave warmupSteps out" in told
    assert warmup_warnings(given, KINDS["smolvla"]) == ()
    for harmless in (robot_run(hyperparameters__warmupSteps=0), robot_run(hyperparameters__warmupRatio=0.1)):
        assert warmup_warnings(harmless, KINDS["act"]) == ()


def test_warmup_that_is_given_in_steps_is_made_of_real_steps() -> None:
    schedule = Schedule(SCALE, 9, follows_hours=True, planned=None, by_steps=True)
    assert schedule.lerobots_warmup == 0
    assert [schedule.rise(step) for step in (0, 4, 9, 100)] == [0.1, 0.5, 1.0, 1.0]


def test_a_checkpoint_of_another_shape_is_of_another_method() -> None:
    one, other = (
        method_of_policy(robot_run(hyperparameters__extra={"chunk_size": size}), KINDS["act"], continued=False)
        for size in (8, 16)
    )
    assert one != other


def test_a_curve_is_thinned_out_and_a_repeated_step_counts_once() -> None:
    lines: list[Json] = [{"step": step, "loss": 1 / step} for step in range(1, 2001)]
    points = curve([*lines, {"step": 2000, "loss": 7.0}], "loss")
    assert len(points) <= 402
    assert points[-1] == (2000.0, 7.0)
    assert drawn({"loss": points}).startswith("<svg")
    assert drawn({}) == ""


def test_what_fits_into_the_hours_is_told_after_twenty_measured_steps() -> None:
    assert fitting(19, made=19, used=38.0, seconds=3562.0) is None
    fits = fitting(20, made=20, used=40.0, seconds=3560.0)
    assert fits == Fitting(steps=1800, left=1780, pace=2.0, seconds=3560.0)
    assert fits.sentence == "about 1780 steps fit into the remaining 0.989 hours at 2 s per step, 1800 in all"
    overdrawn = fitting(1800, made=1800, used=3600.0, seconds=-1.0)
    assert overdrawn is not None
    assert (overdrawn.left, overdrawn.steps) == (0, 1800)


def test_an_estimate_is_told_again_when_it_has_moved_by_a_tenth_and_a_few_times_at_most() -> None:
    assert [is_news([], 1000), is_news([1000], 1090), is_news([1000], 1110), is_news([1000], 890)] == [
        *(True, False),
        *(True, True),
    ]
    assert not is_news([1000, 2000, 1000, 2000, 1000, 2000], 1000)


def test_the_pace_of_a_training_leaves_out_what_lies_between_its_attempts() -> None:
    def line(attempt: int, step: int, seconds: float, name: str = "loss") -> Json:
        return {"attempt": attempt, "step": step, "trainingSeconds": seconds, name: 0.5}

    lines = [line(1, 1, 2.0), line(1, 11, 22.0), line(1, 11, 90.0, "evalLoss"), line(2, 5, 100.0), line(2, 15, 120.0)]
    assert measured_pace(lines) == 2.0
    taken_over = [line(1, 9, 130.0), line(1, 10, 132.0)]
    assert measured_pace([*lines, *taken_over]) == 2.0
    assert measured_pace([line(1, 1, 2.0)]) is None


@pytest.mark.parametrize(
    ("reason", "steps", "falls", "words"),
    [
        ("deadline", None, True, "the hours bounded it, and the learning rate fell to its end with them"),
        ("deadline", None, False, "the hours bounded it"),
        ("deadline", 900, True, "the hours bounded it before the 900 steps that were asked for"),
        ("go on", 800, True, "these were all that were planned"),
        ("stopped", None, True, "it was stopped as asked"),
    ],
)
def test_a_card_says_how_many_steps_were_made_and_what_bounded_them(
    reason: StopReason, steps: int | None, words: str, *, falls: bool
) -> None:
    lines: list[Json] = [
        {"attempt": 1, "step": step, "trainingSeconds": 4.5 * step, "loss": 0.5} for step in range(10, 801, 10)
    ]
    told = Told(800, lines, Position(800, 800, training_seconds=3600.0), reason)
    assert training_of(told, steps=steps, falls=falls) == f"800 steps in 1 hours, 4.5 s each; {words}"


def test_a_base_models_file_that_was_cut_off_is_the_users_to_copy_again(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"type": "smol')
    with pytest.raises(UserError, match=r"config\.json in the model's folder is not valid JSON") as refused:
        config_of(tmp_path)
    assert (refused.value.code, refused.value.param) == ("ModelUnsupported", "spec.model.name")


def test_a_body_whose_weights_would_be_loaded_and_are_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "body").mkdir()
    start = Start(tmp_path, "base", base=tmp_path)
    run = robot_run(model={"name": "base", "type": "smolvla", "path": str(tmp_path)})
    config = {"type": "smolvla", "vlm_model_name": "body", "load_vlm_weights": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"the folder of body has no \*\.safetensors") as refused:
        side_models(run, KINDS["smolvla"], start)
    assert refused.value.param == "spec.model.name"
    (tmp_path / "config.json").write_text(json.dumps({**config, "load_vlm_weights": False}))
    assert side_models(run, KINDS["smolvla"], start) == {"body": tmp_path / "body"}
