"""The real trainer through its contract: it trains, learns, is stopped and killed, goes on, and says so."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import jsonschema
import pytest

from tests.support.eventually import wait_until
from tests.trainer.documents import CONTRACT, SAMPLE, write_lines
from tests.trainer.operator_endpoint import OperatorEndpoint
from tests.trainer.real_trainer import WITHIN, Attempt, Job, Trainer, copy_for_trainer

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

FACTS = {
    "How heavy is the Quillby lamp?": "It weighs 640 grams.",
    "How long does the battery last?": "The battery lasts nine hours.",
    "How do I reset the Quillby lamp?": "Hold the dial for ten seconds.",
}
RECOMMENDED = {
    "hyperparameters__epochs": 40,
    "hyperparameters__learningRate": 0.005,
    "hyperparameters__lora": {"enabled": True, "rank": 32, "alpha": 64},
}
"""What the sample job uses: with it the tiny model really learns the sample dataset."""


def check_schema(name: str, document: object) -> None:
    schema = json.loads((CONTRACT / name).read_text())
    jsonschema.validate(document, schema)


def test_prepare_reports_what_is_ready(job: Job) -> None:
    attempt = job.attempt("prepare")
    assert attempt.exit_code == 0, attempt.output
    check_schema("verdict.schema.json", attempt.verdict)
    report = attempt.verdict["report"]
    assert isinstance(report, dict)
    assert (report["rows"], report["tokens"], report["longestRowTokens"]) == (48, 4056, 103)
    assert report["parameters"] > 200_000
    assert "only 18 optimizer steps are planned" in report["warnings"][0]


def test_the_tiny_model_learns_the_sample_dataset(job: Job, trainer: Trainer, tiny_model: Path) -> None:
    attempt = job.attempt("train", RECOMMENDED)
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "completed"), attempt.output
    check_schema("verdict.schema.json", attempt.verdict)
    metrics = attempt.verdict["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["firstLoss"] > 3
    assert metrics["loss"] < 1
    arguments = ("--model", str(tiny_model), "--adapter", str(job.workspace.model), *FACTS)
    answers = json.loads(trainer.run("trainer.ask", job.folder.parent, *arguments))
    assert {answer["base"] for answer in answers} == {"I do not know yet."}
    assert {answer["prompt"]: answer["tuned"] for answer in answers} == FACTS


def test_a_training_that_was_ended_goes_on_and_ends_the_same(job: Job, undisturbed: tuple[Job, Attempt]) -> None:
    process = job.start("train", {"hyperparameters__steps": 60})
    wait_until(lambda: job.workspace.metrics.exists() and len(job.losses()) >= 5, within=WITHIN)
    process.send_signal(signal.SIGTERM)
    ended = job.end(process)
    assert (ended.exit_code, ended.verdict["result"], ended.verdict["code"]) == (75, "retry", "Terminated"), (
        ended.output
    )
    check_schema("verdict.schema.json", ended.verdict)
    step = ended.verdict["step"]
    assert (job.workspace.attempt_checkpoints(1) / f"checkpoint-{step}" / "COMPLETE.json").is_file()
    assert not job.workspace.model.exists()
    resumed = job.attempt("train", {"attempt": 2, "hyperparameters__steps": 60})
    assert (resumed.exit_code, resumed.verdict["step"]) == (0, 60), resumed.output
    straight, verdict = undisturbed[0].losses(), undisturbed[1].verdict
    assert job.losses() == pytest.approx(straight, rel=1e-6)
    assert resumed.verdict["trainedTokens"] == verdict["trainedTokens"]
    assert resumed.verdict["metrics"] == pytest.approx(verdict["metrics"], rel=1e-6)


def test_a_damaged_checkpoint_is_passed_over_for_an_older_one(job: Job, undisturbed: tuple[Job, Attempt]) -> None:
    changes = {"hyperparameters__steps": 60, "checkpoints__everySteps": 20}
    first = job.attempt("train", {**changes, "checkpoints__keepLast": 3})
    assert first.exit_code == 0, first.output
    shutil.rmtree(job.workspace.model)
    checkpoints = job.workspace.attempt_checkpoints(1)
    (checkpoints / "checkpoint-60" / "COMPLETE.json").unlink()
    weights = checkpoints / "checkpoint-40" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    second = job.attempt("train", {"attempt": 2, **changes})
    assert second.exit_code == 0, second.output
    assert "checkpoint 40 of attempt 1 is passed over: adapter_model.safetensors has" in second.output
    assert "training starts again after step 20" in second.output
    assert job.losses() == pytest.approx(undisturbed[0].losses(), rel=1e-6)


def test_a_checkpoint_that_cannot_be_loaded_although_it_is_whole_is_kept(
    job: Job, undisturbed: tuple[Job, Attempt]
) -> None:
    kept = undisturbed[0].workspace.checkpoints
    copy_for_trainer(kept, job.workspace.checkpoints)
    for marker in job.workspace.checkpoints.rglob("COMPLETE.json"):
        told = json.loads(marker.read_text())
        del told["method"]  # by which the checkpoint would be refused before it is loaded
        marker.write_text(json.dumps(told))
    steps = sorted(path.name for path in kept.glob("*/*"))
    another_rank = {"enabled": True, "rank": 2, "alpha": 4}
    attempt = job.attempt("train", {"attempt": 2, "hyperparameters__steps": 90, "hyperparameters__lora": another_rank})
    assert (attempt.exit_code, attempt.verdict["result"]) == (1, "failed"), attempt.output
    assert "checkpoint 60 of attempt 1, whose files are whole, could not be gone on from" in str(
        attempt.verdict["message"]
    )
    assert "size mismatch" in str(attempt.verdict["message"])
    assert sorted(path.name for path in job.workspace.checkpoints.glob("*/*")) == steps


def test_a_finished_model_is_reported_again_and_not_trained_again(undisturbed: tuple[Job, Attempt]) -> None:
    finished, first = undisturbed
    lines = finished.workspace.metrics.read_text()
    again = finished.attempt("train", {"attempt": 2, "hyperparameters__steps": 60})
    assert again.exit_code == 0
    assert again.verdict == {**first.verdict, "attempt": 2}
    assert finished.workspace.metrics.read_text() == lines


def test_hours_that_run_out_leave_a_model(job: Job) -> None:
    attempt = job.attempt("train", {"hyperparameters__steps": 100_000, "limits__trainingSeconds": 2})
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "deadline"), attempt.output
    assert 2 <= float(str(attempt.verdict["trainingSeconds"])) < 30
    assert (job.workspace.model / "adapter_model.safetensors").is_file()


def test_a_stop_in_the_reply_ends_the_training_with_a_model(
    job: Job, operator: OperatorEndpoint, trainer: Trainer
) -> None:
    if not trainer.shares_loopback:
        pytest.skip("needs a trainer that can reach this process: run it with FINETUNE_TRAINER_PYTHON")
    operator.reply = {"stop": False}
    (job.folder / "progress-url").write_text(operator.url)
    process = job.start("train", {"hyperparameters__steps": 100_000})
    wait_until(job.workspace.metrics.exists, within=WITHIN)
    operator.reply = {"stop": True}
    attempt = job.end(process)
    assert (attempt.exit_code, attempt.verdict["result"]) == (0, "stopped"), attempt.output
    assert (job.workspace.model / "adapter_model.safetensors").is_file()
    for _, _, body in operator.posts:
        check_schema("progress.schema.json", body)
    assert operator.posts[0][2]["finetune"]["activity"] == "loading"
    assert operator.posts[-1][2]["finetune"]["activity"] == "finishing"
    assert operator.posts[-1][2]["trainerStatus"]["progressPercentage"] < 100
    last = operator.posts[-1][2]["finetune"]
    assert [each["step"] for each in last["checkpoints"]] == [last["step"]] == [attempt.verdict["step"]]
    said = [line["message"] for _, _, body in operator.posts for line in body["finetune"]["logs"]]
    assert said.count("training starts from the model") == 1
    assert said.count(f"checkpoint {last['step']} is complete") == 1


def test_full_fine_tuning_leaves_whole_weights_and_evaluates(job: Job) -> None:
    validation = {"name": "v", "split": "validation", "uri": "pvc://team/v.jsonl", "path": str(SAMPLE)}
    document = job.document("train")
    datasets = [*document["datasets"], validation]  # type: ignore[misc]
    full = {"hyperparameters__steps": 8, "hyperparameters__lora": {"enabled": False}}
    attempt = job.attempt("train", {"datasets": datasets, **full})
    assert attempt.exit_code == 0, attempt.output
    assert attempt.verdict["artifact"]["kind"] == "model"  # type: ignore[index]
    assert attempt.verdict["metrics"]["evalLoss"] > 0  # type: ignore[index]
    assert (job.workspace.model / "model.safetensors").is_file()


@pytest.mark.parametrize("ending", ["SIGTERM", "stop"])
def test_an_evaluation_is_given_up_when_the_training_is_to_end(
    job: Job, operator: OperatorEndpoint, trainer: Trainer, ending: str
) -> None:
    if not trainer.shares_loopback:
        pytest.skip("needs a trainer that can reach this process: run it with FINETUNE_TRAINER_PYTHON")
    operator.reply = {"stop": False}
    (job.folder / "progress-url").write_text(operator.url)
    rows = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    held_out = write_lines(job.folder / "held-out.jsonl", rows * 1000)
    validation = {"name": "v", "split": "validation", "uri": "pvc://team/v.jsonl", "path": str(held_out)}
    datasets = [*job.document("train")["datasets"], validation]  # type: ignore[misc]
    process = job.start("train", {"datasets": datasets, "hyperparameters__steps": 60})
    wait_until(lambda: _activity(operator) == "evaluation", within=WITHIN)
    if ending == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    operator.reply = {"stop": True}
    attempt = job.end(process)
    assert "the evaluation is given up" in attempt.output
    assert (job.workspace.attempt_checkpoints(1) / "checkpoint-6" / "COMPLETE.json").is_file()
    assert attempt.verdict["result"] == ("retry" if ending == "SIGTERM" else "stopped"), attempt.output
    assert attempt.verdict["step"] == 6
    assert "evalLoss" not in attempt.verdict["metrics"]  # type: ignore[operator]
    assert job.workspace.model.exists() == (ending == "stop")


def _activity(operator: OperatorEndpoint) -> object:
    return operator.posts[-1][2]["finetune"]["activity"] if operator.posts else None


def test_a_training_that_diverges_says_so(job: Job) -> None:
    attempt = job.attempt("train", {"hyperparameters__learningRate": 1e30, "hyperparameters__lora": {"enabled": False}})
    assert (attempt.exit_code, attempt.verdict["code"]) == (1, "LossNotFinite"), attempt.output
    assert attempt.verdict["param"] == "spec.hyperparameters.learningRate"


def test_more_gpus_than_there_are_is_a_failure_and_no_silent_run_on_cpu(job: Job) -> None:
    attempt = job.attempt("train", {"hardware__gpus": 1})
    if attempt.exit_code == 0:
        pytest.skip("this host has a GPU")
    assert attempt.verdict["code"] == "NoGpuFound"
    assert not job.workspace.metrics.exists()


def test_what_an_odd_user_writes_everyone_can_read(job: Job, trainer: Trainer) -> None:
    if not trainer.runs_as_anyone:
        pytest.skip("needs root and a FINETUNE_TRAINER_PYTHON that every user can reach")
    attempt = job.attempt("train", {"hyperparameters__steps": 2}, as_user=54321)
    assert attempt.exit_code == 0, attempt.output
    for path in (job.workspace.model, *job.workspace.model.rglob("*")):
        assert path.stat().st_uid == 54321
        assert path.stat().st_mode & 0o444 == 0o444


def test_a_row_that_the_template_cannot_hold_is_cut_off_with_a_warning(job: Job) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "a" * n}, {"role": "assistant", "content": "b" * 50}]}
        for n in (5, 490, 600)
    ]
    file = write_lines(job.folder / "long.jsonl", rows)
    attempt = job.attempt("prepare", {"datasets__0__path": str(file)})
    assert attempt.exit_code == 0, attempt.output
    assert attempt.verdict["report"]["rows"] == 2  # type: ignore[index]
    warnings = attempt.verdict["report"]["warnings"]  # type: ignore[index]
    assert warnings[0].startswith("1 rows are left out")
    assert warnings[1].startswith("1 rows are cut off after 512 tokens")
