"""A real LeRobot through the trainer's contract: ACT is prepared, trained, killed, stopped, and gone on with."""

from __future__ import annotations

import json
import random
import shutil
import signal
from pathlib import Path

import jsonschema
import pytest

from tests.support.eventually import wait_until
from tests.trainer.documents import CONTRACT
from tests.trainer.operator_endpoint import OperatorEndpoint
from tests.trainer.real_trainer import WITHIN, Attempt
from tests.trainer.robot_fixtures import STEADY, STEPS
from tests.trainer.robot_jobs import RobotJob, RobotTrainer, complete_steps, kill_at, reached

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]


def check_schema(name: str, document: object) -> None:
    jsonschema.validate(document, json.loads((CONTRACT / name).read_text()))


def test_prepare_reports_what_is_ready(act_job: RobotJob) -> None:
    attempt = act_job.attempt("prepare")
    assert attempt.exit_code == 0, attempt.output
    check_schema("verdict.schema.json", attempt.verdict)
    report = attempt.verdict["report"]
    assert isinstance(report, dict)
    assert (report["episodes"], report["frames"], report["fps"]) == (6, 60, 10)
    assert report["imageKeys"] == ["observation.images.top", "observation.images.wrist"]
    assert any("random weights" in warning for warning in report["warnings"])
    assert any("only 4 steps are planned" in warning for warning in report["warnings"])


def test_an_unknown_setting_is_refused_with_the_nearest_one(act_job: RobotJob) -> None:
    attempt = act_job.attempt("prepare", {"hyperparameters__extra": {"chunk_sise": 8}})
    assert (attempt.exit_code, attempt.verdict["result"]) == (64, "userError"), attempt.output
    assert attempt.verdict["param"] == "spec.hyperparameters.extra.chunk_sise"
    assert "Did you mean 'chunk_size'?" in str(attempt.verdict["message"])


def test_settings_that_lerobot_refuses_together_are_refused_before_a_gpu_is_taken(act_job: RobotJob) -> None:
    attempt = act_job.attempt("prepare", {"hyperparameters__extra__n_action_steps": 9})
    assert (attempt.exit_code, attempt.verdict["result"]) == (64, "userError"), attempt.output
    assert attempt.verdict["param"] == "spec.hyperparameters.extra"
    assert "Got 9 for `n_action_steps` and 8 for `chunk_size`" in str(attempt.verdict["message"])


def test_a_gpu_that_is_not_there_is_not_replaced_by_the_cpu(act_job: RobotJob) -> None:
    attempt = act_job.attempt("train", {"hardware__gpus": 1})
    assert (attempt.verdict["result"], attempt.verdict["code"]) == ("failed", "NoGpuFound"), attempt.output
    assert not act_job.workspace.model.exists()


def test_what_no_stage_prepared_is_looked_at_once_by_the_training(act_job: RobotJob) -> None:
    refused = act_job.attempt("train", {"hyperparameters__extra__n_action_steps": 9})
    assert (refused.exit_code, refused.verdict["param"]) == (64, "spec.hyperparameters.extra"), refused.output
    trained = act_job.attempt("train", {"attempt": 2})
    assert trained.exit_code == 0, trained.output
    assert "nothing was prepared" in trained.output
    assert (act_job.workspace.root / "preflight" / "report.json").is_file()
    act_job.workspace.model_place.record.unlink()
    shutil.rmtree(act_job.workspace.model)
    again = act_job.attempt("train", {"attempt": 3})
    assert "nothing was prepared" not in again.output


def test_what_a_stage_prepared_is_not_looked_at_again(act_job: RobotJob) -> None:
    assert act_job.attempt("prepare").exit_code == 0
    trained = act_job.attempt("train")
    assert trained.exit_code == 0, trained.output
    assert "nothing was prepared" not in trained.output


def test_act_is_trained_to_its_last_step_and_can_be_loaded(
    undisturbed_act: tuple[RobotJob, Attempt], robot_trainer: RobotTrainer
) -> None:
    job, attempt = undisturbed_act
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "completed"), attempt.output
    check_schema("verdict.schema.json", attempt.verdict)
    assert (attempt.verdict["step"], attempt.verdict["totalSteps"]) == (STEPS, STEPS)
    losses = job.losses()
    assert list(losses) == list(range(1, STEPS + 1))
    assert losses[STEPS] < losses[1]
    assert complete_steps(job.workspace) == [STEPS - 2, STEPS]
    told = json.loads((job.workspace.model / "inference.json").read_text())
    assert [camera["datasetKey"] for camera in told["cameras"]] == [
        "observation.images.top",
        "observation.images.wrist",
    ]
    assert told["action"] == {"key": "action", "size": 4, "names": ["joint_0", "joint_1", "joint_2", "joint_3"]}
    card = (job.workspace.model / "README.md").read_text()
    assert f"after step {STEPS}" in card
    assert "![Cameras and slots](cameras.png)" in card
    assert (job.workspace.model / "cameras.png").read_bytes().startswith(b"\x89PNG")
    assert [camera["policyServerCamera"] for camera in told["cameras"]] == ["top", "wrist"]
    assert robot_trainer.served(job.workspace.model, job.folder) == [8, 4]
    program = Path(__file__).with_name("robot_card.py")
    assert "ACTION [1, 4]" in robot_trainer.script(program, str(job.workspace.model))


def test_killed_three_times_it_ends_with_the_very_weights_of_an_undisturbed_training(
    act_job: RobotJob, undisturbed_act: tuple[RobotJob, Attempt]
) -> None:
    seed = random.randrange(1_000_000)  # noqa: S311 - printed, to be repeated
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311 - moments of kills
    moments = sorted(chance.sample(range(2, STEPS), 3))
    for number, moment in enumerate(moments, start=1):
        kill_at(act_job, {**STEADY, "attempt": number}, moment, chance.uniform(0, 0.5))
    last = act_job.attempt("train", {**STEADY, "attempt": 4})
    assert (last.exit_code, last.verdict["result"]) == (0, "completed"), last.output
    whole, _ = undisturbed_act
    assert last.verdict["step"] == STEPS
    assert act_job.losses() == whole.losses()
    assert act_job.weights() == whole.weights()


def test_sigterm_saves_and_the_next_attempt_goes_on_to_the_same_weights(
    act_job: RobotJob, undisturbed_act: tuple[RobotJob, Attempt]
) -> None:
    process = act_job.start("train", STEADY)
    wait_until(lambda: reached(act_job, 3), WITHIN)
    process.send_signal(signal.SIGTERM)
    ended = act_job.end(process)
    assert (ended.exit_code, ended.verdict["result"]) == (75, "retry"), ended.output
    saved = max(complete_steps(act_job.workspace))
    assert ended.verdict["step"] == saved < STEPS
    last = act_job.attempt("train", {**STEADY, "attempt": 2})
    assert (last.exit_code, last.verdict["step"]) == (0, STEPS), last.output
    assert f"training starts again after step {saved}" in last.output
    whole, _ = undisturbed_act
    assert act_job.weights() == whole.weights()


def test_hours_alone_end_with_a_model_that_says_how_many_steps_they_held(act_job: RobotJob) -> None:
    hours = {"hyperparameters__steps": None, "limits__trainingSeconds": 12}
    attempt = act_job.attempt("train", hours)
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "deadline"), attempt.output
    step = attempt.verdict["step"]
    assert isinstance(step, int)
    assert attempt.verdict["totalSteps"] == step
    card = (act_job.workspace.model / "README.md").read_text()
    assert f"| training | {step} steps in " in card
    assert "; the hours bounded it |" in card
    # How many steps fit is told after twenty of them, if the machine makes that many.
    assert step < 22 or "steps fit into the remaining" in attempt.output
    assert complete_steps(act_job.workspace)[-1] == step


def test_held_out_episodes_are_measured_and_the_best_becomes_the_model(act_job: RobotJob) -> None:
    changes = {
        "hyperparameters__steps": 6,
        "evaluation": {"fraction": 0.3, "everySteps": 2},
        "output": {"select": "best"},
        "checkpoints": {"everySeconds": 1800, "keepLast": 2, "keepBest": 1},
    }
    attempt = act_job.attempt("train", changes)
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "completed"), attempt.output
    measured = act_job.metric("evalLoss")
    assert list(measured) == [2, 4, 6]
    best = min(measured, key=lambda step: measured[step])
    assert f"the model is that of step {best}" in str(attempt.verdict["message"])
    assert act_job.weights() == act_job.weights(checkpoint_of(act_job, best) / "pretrained_model")


def test_what_the_hours_end_is_measured_once_more_and_that_costs_none_of_them(act_job: RobotJob) -> None:
    changes = {
        "hyperparameters__steps": None,
        "limits__trainingSeconds": 5,
        "evaluation": {"fraction": 0.3},
        "output": {"select": "best"},
        "checkpoints": {"everySeconds": 1800, "keepLast": 2, "keepBest": 1},
    }
    attempt = act_job.attempt("train", changes)
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "deadline"), attempt.output
    step = attempt.verdict["step"]
    assert isinstance(step, int)
    assert max(act_job.metric("evalLoss")) == step
    *_, measured = map(json.loads, act_job.workspace.metrics.read_text().splitlines())
    assert measured["evalLoss"] == act_job.metric("evalLoss")[step]
    # The clock stood from then on.
    assert attempt.verdict["trainingSeconds"] == pytest.approx(measured["trainingSeconds"], abs=0.001)
    assert "which the evaluation found best" in str(attempt.verdict["message"])


def test_to_measure_does_not_change_what_is_trained(act_job: RobotJob) -> None:
    often = {"hyperparameters__steps": 4, "evaluation": {"fraction": 0.3, "everySteps": 1}}
    seldom = {**often, "evaluation": {"fraction": 0.3, "everySteps": 4}}
    other = act_job.again(f"{act_job.folder.name}-seldom")
    for job, changes in ((act_job, often), (other, seldom)):
        attempt = job.attempt("train", changes)
        assert attempt.exit_code == 0, attempt.output
    assert list(act_job.metric("evalLoss")) == [1, 2, 3, 4]
    assert act_job.metric("evalLoss")[4] == other.metric("evalLoss")[4]
    assert act_job.weights() == other.weights()


def test_another_jobs_workspace_is_started_from(act_job: RobotJob, undisturbed_act: tuple[RobotJob, Attempt]) -> None:
    whole, _ = undisturbed_act
    source = {"name": "undisturbed", "path": str(whole.workspace.root)}
    attempt = act_job.attempt("train", {"hyperparameters__steps": 2, "model__fromCheckpoint": source})
    assert (attempt.exit_code, attempt.verdict["step"]) == (0, 2), attempt.output
    assert act_job.losses()[1] < whole.losses()[1] / 1.5


def test_a_stopped_job_becomes_the_model_of_its_newest_checkpoint(act_job: RobotJob) -> None:
    kill_at(act_job, {**STEADY}, 4, 0)
    newest = max(complete_steps(act_job.workspace))
    attempt = act_job.attempt("train", {**STEADY, "attempt": 2, "finish": True})
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "stopped"), attempt.output
    assert attempt.verdict["step"] == newest
    assert act_job.weights() == act_job.weights(checkpoint_of(act_job, newest) / "pretrained_model")


def test_a_stop_in_the_reply_to_a_report_ends_the_training_with_a_model(
    act_job: RobotJob, operator: OperatorEndpoint
) -> None:
    operator.reply = {"stop": False}
    (act_job.folder / "progress-url").write_text(operator.url)
    process = act_job.start("train", {"hyperparameters__steps": 100_000})
    wait_until(lambda: reached(act_job, 3) or process.poll() is not None, WITHIN)
    operator.reply = {"stop": True}
    attempt = act_job.end(process)
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "stopped"), attempt.output
    step = attempt.verdict["step"]
    assert isinstance(step, int)
    assert complete_steps(act_job.workspace)[-1] == step < 100_000
    assert act_job.weights() == act_job.weights(checkpoint_of(act_job, step) / "pretrained_model")
    assert "; it was stopped as asked |" in (act_job.workspace.model / "README.md").read_text()


def test_a_training_whose_evaluation_no_longer_becomes_better_ends_early(act_job: RobotJob) -> None:
    changes = {
        "hyperparameters__steps": 40,
        "hyperparameters__learningRate": 1e-12,  # too little to change any weight that is not zero
        "evaluation": {"fraction": 0.3, "everySteps": 1, "earlyStopping": {"patience": 2}},
    }
    attempt = act_job.attempt("train", changes)
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "completed"), attempt.output
    assert "the evaluation no longer became better" in str(attempt.verdict["message"])
    step = attempt.verdict["step"]
    assert isinstance(step, int)
    assert 3 <= step < 40
    assert list(act_job.metric("evalLoss")) == list(range(1, step + 1))
    assert complete_steps(act_job.workspace)[-1] == step


def checkpoint_of(job: RobotJob, step: int) -> Path:
    """The folder of a complete checkpoint."""
    return next(job.workspace.checkpoints.glob(f"*/checkpoint-{step}"))
