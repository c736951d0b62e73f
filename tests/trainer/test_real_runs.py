"""A job is started anew: its runs share a workspace, and each has a budget, a schedule and a model of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.eventually import wait_until
from tests.trainer.operator_endpoint import OperatorEndpoint
from tests.trainer.real_trainer import WITHIN, Attempt, Job, Trainer, children, column, copy_for_trainer
from trainer.workspace.jsonfile import read_json
from trainer.workspace.layout import Workspace

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

RATE = 1e-4


@pytest.fixture
def trained(job: Job, undisturbed: tuple[Job, Attempt]) -> Job:
    """A job whose run 0 has made 60 steps and a model."""
    shutil.rmtree(job.workspace.root)
    copy_for_trainer(undisturbed[0].workspace.root, job.workspace.root)
    return job


def weights(job: Job, run: int) -> bytes:
    """The finished adapter of a run."""
    return (Workspace(job.workspace.root, run).model / "adapter_model.safetensors").read_bytes()


def test_a_run_goes_on_from_the_checkpoint_with_a_schedule_a_budget_and_a_model_of_its_own(trained: Job) -> None:
    before = weights(trained, 0)
    longer = {"hyperparameters__steps": 70, "hyperparameters__learningRate": RATE, "hyperparameters__warmupSteps": 0}
    first = trained.attempt("train", {"attempt": 2, "run": 1, "limits__trainingSeconds": 600, **longer})
    assert (first.exit_code, first.verdict["step"]) == (0, 70), first.output
    assert "training starts again after step 60" in first.output
    assert first.verdict["artifact"]["path"] == "model-1"  # type: ignore[index]
    assert weights(trained, 0) == before != weights(trained, 1)
    rates = column(trained, "learningRate")
    assert [rates[step] for step in (61, 66, 70)] == pytest.approx([RATE * 10 / 70, RATE * 5 / 70, RATE / 70])
    ledger = read_json(trained.workspace.ledger)
    assert (ledger["run"], ledger["budgetSeconds"], ledger["wastedSeconds"]) == (1, 600, 0)
    assert 0 < float(str(ledger["trainingSeconds"])) < float(str(first.verdict["trainingSeconds"])) + 1

    again = trained.attempt("train", {"attempt": 3, "run": 2, **longer})
    assert (again.exit_code, again.verdict["result"], again.verdict["step"]) == (0, "completed", 70), again.output
    assert "training starts" not in again.output
    assert weights(trained, 2) == weights(trained, 1)


def test_a_run_from_scratch_starts_from_the_model_and_replaces_the_checkpoints(trained: Job) -> None:
    first_loss = trained.losses()[1]
    changes = {"attempt": 2, "run": 1, "resumeFrom": 2, "hyperparameters__steps": 3}
    attempt = trained.attempt("train", changes)
    assert (attempt.exit_code, attempt.verdict["step"]) == (0, 3), attempt.output
    assert "training starts from the model" in attempt.output
    assert attempt.verdict["metrics"]["firstLoss"] == pytest.approx(first_loss, rel=1e-6)  # type: ignore[index]
    assert [folder.name for folder in trained.workspace.checkpoints.glob("*/checkpoint-*")] == ["checkpoint-3"]
    assert trained.workspace.model.is_dir()


@pytest.mark.parametrize("stage", ["prepare", pytest.param("train", marks=pytest.mark.exhaustive)])
def test_a_run_of_another_method_is_told_to_start_from_scratch(trained: Job, stage: str) -> None:
    other = {"hyperparameters__lora": {"enabled": True, "rank": 2, "alpha": 32}, "hyperparameters__steps": 90}
    attempt = trained.attempt(stage, {"attempt": 2, "run": 1, **other})
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "MethodChanged"), attempt.output
    assert attempt.verdict["param"] == "spec.hyperparameters.lora.rank"
    assert "lora.rank was 16 when it was taken, and is 2 now" in str(attempt.verdict["message"])
    assert "restartFrom: scratch" in str(attempt.verdict["advice"])


def test_a_job_that_is_stopped_while_no_pod_runs_makes_a_model_of_its_newest_checkpoint(trained: Job) -> None:
    shutil.rmtree(trained.workspace.model)
    lines = trained.workspace.metrics.read_text()
    attempt = trained.attempt("train", {"attempt": 2, "hyperparameters__steps": 90, "finish": True})
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "stopped"), attempt.output
    assert (attempt.verdict["step"], attempt.verdict["totalSteps"]) == (60, 60)
    assert trained.workspace.metrics.read_text() == lines
    saved = next(trained.workspace.checkpoints.glob("*/checkpoint-60")) / "adapter_model.safetensors"
    assert weights(trained, 0) == saved.read_bytes()


def test_a_job_that_is_stopped_before_its_first_checkpoint_has_nothing_to_make_a_model_of(job: Job) -> None:
    attempt = job.attempt("train", {"finish": True})
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "NoCheckpoint"), attempt.output
    assert attempt.verdict["param"] == "spec.stop"


@pytest.mark.exhaustive
def test_what_a_kill_lost_is_charged_and_told_as_wasted(job: Job, trainer: Trainer) -> None:
    if not trainer.shares_loopback:
        pytest.skip("the processes of a container are not this host's to kill")
    process = job.start("train", {"hyperparameters__steps": 100_000})
    wait_until(lambda: used(job) > 0.5, within=WITHIN)
    for worker in children(process.pid):
        os.kill(worker, signal.SIGKILL)
    killed = job.end(process)
    assert (killed.exit_code, killed.verdict["code"]) == (137, "Killed"), killed.output
    lost = used(job)
    attempt = job.attempt("train", {"attempt": 2, "hyperparameters__steps": 3})
    assert attempt.exit_code == 0, attempt.output
    assert attempt.verdict["wastedSeconds"] == pytest.approx(lost, abs=0.002)
    assert float(str(attempt.verdict["trainingSeconds"])) > lost
    mark = read_json(job.workspace.attempt_checkpoints(2) / "checkpoint-3" / "COMPLETE.json")
    assert mark["wastedSeconds"] == attempt.verdict["wastedSeconds"]


def used(job: Job) -> float:
    """Training seconds by the ledger."""
    return float(str(read_json(job.workspace.ledger).get("trainingSeconds", 0)))


def test_hours_that_are_raised_while_the_training_runs_stretch_it_and_its_schedule(
    job: Job, operator: OperatorEndpoint, trainer: Trainer
) -> None:
    if not trainer.shares_loopback:
        pytest.skip("needs a trainer that can reach this process: run it with FINETUNE_TRAINER_PYTHON")
    operator.reply = {"budgetSeconds": 8}
    (job.folder / "progress-url").write_text(operator.url)
    asked = {"hyperparameters__epochs": 100_000, "hyperparameters__warmupSteps": 0, "limits__trainingSeconds": 2}
    attempt = job.attempt("train", asked)
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "deadline"), attempt.output
    assert 8 <= float(str(attempt.verdict["trainingSeconds"])) < 60
    assert "the budget is 8 training seconds now, and was 2" in attempt.output
    assert read_json(job.workspace.ledger)["budgetSeconds"] == 8
    seconds, rates = column(job, "trainingSeconds"), column(job, "learningRate")
    late = [rates[step] for step in rates if 2 < seconds[step] < 8]
    assert len(late) > 1
    assert late == sorted(late, reverse=True)
    assert 0 < late[-1] < late[0] < 2e-4


@pytest.mark.exhaustive
def test_half_the_rows_at_once_train_the_same_model(job: Job, undisturbed: tuple[Job, Attempt]) -> None:
    attempt = job.attempt("train", {"hyperparameters__steps": 60, "hardware__halvings": 1})
    assert attempt.exit_code == 0, attempt.output
    state = json.loads(next(job.workspace.checkpoints.rglob("trainer_state.json")).read_text())
    assert state["train_batch_size"] == 4
    assert attempt.verdict["trainedTokens"] == undisturbed[1].verdict["trainedTokens"]
    assert job.losses() == pytest.approx(undisturbed[0].losses(), rel=1e-4)


def test_an_adapter_is_merged_into_a_model_that_answers_as_it_did(
    trained: Job, trainer: Trainer, tiny_model: Path
) -> None:
    merged = {"output": {"merge": "merged"}}
    train = trained.attempt("train", {"attempt": 2, "run": 1, "hyperparameters__steps": 62, **merged})
    assert train.exit_code == 0, train.output
    assert train.verdict["artifact"]["path"] == "adapter-1"  # type: ignore[index]
    places = Workspace(trained.workspace.root, 1)
    assert not places.model.exists()

    process = trained.start("publish", {"run": 1, **merged})
    wait_until(places.publish_fence.exists, within=WITHIN)
    process.send_signal(signal.SIGTERM)
    cut_off = trained.end(process)
    assert (cut_off.exit_code, cut_off.verdict["code"]) == (75, "Terminated"), cut_off.output
    half = places.staging("publish", 1)
    half.mkdir(exist_ok=True)
    half.chmod(0o777)  # a trainer in its image is another user
    (half / "model.safetensors").write_bytes(b"half")

    attempt = trained.attempt("publish", {"attempt": 2, "run": 1, **merged})
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "completed"), attempt.output
    assert attempt.verdict["artifact"]["path"] == "model-1"  # type: ignore[index]
    assert attempt.verdict["artifact"]["kind"] == "model"  # type: ignore[index]
    assert not half.exists()
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in places.model.iterdir()}
    assert trained.attempt("publish", {"attempt": 3, "run": 1, **merged}).verdict == {**attempt.verdict, "attempt": 3}

    question = "How heavy is the Quillby lamp?"
    asked = ("--model", str(tiny_model), "--adapter", str(places.adapter_place.folder), question)
    tuned = json.loads(trainer.run("trainer.ask", trained.folder.parent, *asked))[0]["tuned"]
    alone = json.loads(trainer.run("trainer.ask", trained.folder.parent, "--model", str(places.model), question))
    assert alone[0]["base"] == tuned


def test_there_is_nothing_to_publish_before_an_adapter_is_finished(job: Job) -> None:
    attempt = job.attempt("publish", {"run": 0})
    assert (attempt.exit_code, attempt.verdict["code"]) == (1, "AdapterMissing"), attempt.output
