"""What a job says about its training shows in the training: each setting by what it changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trainer.documents import SAMPLE, Json, chat, write_lines
from tests.trainer.real_trainer import WITHIN, Attempt, Job, column

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]


def report_of(attempt: Attempt) -> Any:
    assert attempt.exit_code == 0, attempt.output
    return attempt.verdict["report"]


def test_the_check_reports_what_automatic_rules_need_before_batch_and_length_are_chosen(job: Job) -> None:
    asked = {"hyperparameters": {"learningRate": 2e-4, "seed": 1, "lora": {"enabled": True}, "packing": True}}
    report = report_of(job.attempt("prepare", asked))
    assert (report["rows"], report["tokens"], report["format"], report["warnings"]) == (48, 4056, "chat", [])
    assert report["sequences"] == 9  # of 512 tokens at most


def test_a_layer_that_the_model_has_not_is_refused_by_the_check_before_anything_waits_for_a_gpu(job: Job) -> None:
    asked = {"hyperparameters__lora": {"enabled": True, "targetModules": ["v_proj", "q_prj"]}}
    attempt = job.attempt("prepare", asked)
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "HyperparameterUnsupported"), attempt.output
    assert attempt.verdict["param"] == "spec.hyperparameters.lora.targetModules"
    assert "'q_prj', which pvc://models/tiny-chat has not. Did you mean 'q_proj'?" in str(attempt.verdict["message"])
    asked["hyperparameters__lora"]["targetModules"] = ["v_proj", "self_attn.q_proj"]
    assert report_of(job.attempt("prepare", asked))["rows"] == 48


def test_packed_rows_train_in_as_many_sequences_as_the_check_reported(job: Job) -> None:
    packed = {"hyperparameters__packing": True, "hyperparameters__batchSize": 3, "hyperparameters__epochs": 4}
    report = report_of(job.attempt("prepare", packed))
    attempt = job.attempt("train", packed)
    assert attempt.exit_code == 0, attempt.output
    assert attempt.verdict["totalSteps"] == 4 * report["sequences"] / 3
    assert attempt.verdict["trainedTokens"] == 4 * report["tokens"]
    assert attempt.verdict["metrics"]["loss"] < attempt.verdict["metrics"]["firstLoss"]  # type: ignore[index]


def test_the_learning_rate_rises_and_gradients_and_precision_are_as_asked(job: Job) -> None:
    asked = {
        "hyperparameters__steps": 10,
        "hyperparameters__warmupSteps": 4,
        "hyperparameters__weightDecay": 0.1,
        "hyperparameters__maxGradNorm": 0,
        "hyperparameters__precision": "bf16",
        "hyperparameters__extra": {"adamBeta2": 0.95, "neftuneNoiseAlpha": 5},
    }
    attempt = job.attempt("train", asked)
    assert attempt.exit_code == 0, attempt.output
    rates = column(job, "learningRate")
    assert [rates[step] for step in range(1, 6)] == pytest.approx([4e-5, 8e-5, 1.2e-4, 1.6e-4, 2e-4], rel=1e-6)
    assert rates[10] == pytest.approx(2e-4 / 6, rel=1e-6)


def test_the_best_evaluated_weights_are_kept_and_published(job: Job) -> None:
    asked = {
        "hyperparameters__steps": 40,
        "hyperparameters__learningRate": 0.02,
        "evaluation": {"everySteps": 5, "fraction": 0.25, "earlyStopping": {"patience": 3}},
        "output": {"select": "best"},
        "checkpoints__keepBest": 1,
    }
    assert report_of(job.attempt("prepare", asked))["validationRows"] == 12
    attempt = job.attempt("train", asked)
    assert attempt.exit_code == 0, attempt.output
    losses = column(job, "evalLoss")
    assert list(losses)[:2] == [5, 10]
    best = min(losses, key=lambda step: losses[step])
    assert f"the model is that of step {best}, which the evaluation found best" in str(attempt.verdict["message"])
    assert (job.workspace.attempt_checkpoints(1) / f"checkpoint-{best}" / "COMPLETE.json").is_file()
    weights = "adapter_model.safetensors"
    kept = job.workspace.attempt_checkpoints(1) / f"checkpoint-{best}" / weights
    assert (job.workspace.model / weights).read_bytes() == kept.read_bytes()
    ended = max(losses)
    assert ended == attempt.verdict["step"]
    assert ended == 40 or "the evaluation no longer became better" in str(attempt.verdict["message"])


def test_an_adapter_goes_on_from_another_jobs_checkpoint(job: Job, undisturbed: tuple[Job, Attempt]) -> None:
    earlier = undisturbed[0].workspace.root
    source = {"name": "earlier", "path": str(earlier), "step": 60}
    asked = {
        "model__fromCheckpoint": source,
        "hyperparameters__steps": 5,
        "hyperparameters__learningRate": 1e-6,
    }
    warnings = report_of(job.attempt("prepare", asked))["warnings"]
    assert "goes on with its own rank 16" in warnings[0]
    attempt = job.attempt("train", asked)
    assert attempt.exit_code == 0, attempt.output
    reached: Any = undisturbed[1].verdict["metrics"]
    metrics: Any = attempt.verdict["metrics"]
    assert metrics["firstLoss"] == pytest.approx(reached["loss"], abs=0.6)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"name": "earlier", "step": 7}, "earlier has no complete checkpoint of step 7; there are: 60"),
        ({"name": "earlier", "path": "/nowhere"}, "earlier does not exist"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_named_with_those_that_are(
    job: Job, undisturbed: tuple[Job, Attempt], source: Json, expected: str
) -> None:
    asked = {"model__fromCheckpoint": {"path": str(undisturbed[0].workspace.root), **source}}
    attempt = job.attempt("prepare", asked)
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "ModelNotFound"), attempt.output
    assert expected in str(attempt.verdict["message"])


def test_whole_weights_go_on_from_a_finished_model(job: Job) -> None:
    full = {"hyperparameters__lora": {"enabled": False}, "hyperparameters__steps": 20}
    first = job.attempt("train", full)
    assert first.exit_code == 0, first.output
    later = Job(job.trainer, job.folder.with_name(f"{job.folder.name}-later"), job.model, job.dataset)
    for each in (later.folder, later.workspace.root):
        each.chmod(0o777)
    source = {"name": "first", "path": str(job.workspace.root)}
    attempt = later.attempt("train", {**full, "model__fromCheckpoint": source})
    assert attempt.exit_code == 0, attempt.output
    begun: Any = attempt.verdict["metrics"]
    fresh: Any = first.verdict["metrics"]
    assert begun["firstLoss"] < fresh["firstLoss"]


def test_a_chat_template_of_the_jobs_own_is_used_and_published(job: Job) -> None:
    template = (
        "{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}"
        "{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}"
    )
    attempt = job.attempt("train", {"model__chatTemplate": template, "hyperparameters__steps": 2})
    assert attempt.exit_code == 0, attempt.output
    assert (job.workspace.model / "chat_template.jinja").read_text() == template
    broken = job.attempt("prepare", {"model__chatTemplate": "{% for %}"})
    assert (broken.exit_code, broken.verdict["param"]) == (64, "spec.model.chatTemplate"), broken.output


@pytest.mark.parametrize("train_on", ["completion", "all"])
def test_what_is_trained_on_is_the_jobs_choice(job: Job, train_on: str) -> None:
    file = write_lines(job.folder / "talk.jsonl", [chat("One?", "1"), chat("Two?", "2")])
    asked = {"datasets__0__path": str(file), "hyperparameters__trainOn": train_on, "hyperparameters__steps": 2}
    assert report_of(job.attempt("prepare", asked))["rows"] == 2
    attempt = job.attempt("train", asked)
    assert attempt.exit_code == 0, attempt.output


def test_a_registered_dataset_is_counted_with_the_tokenizer_of_the_model_that_it_names(job: Job) -> None:
    attempt = job.attempt("inspect", {"datasets__0__path": str(SAMPLE.parent)})
    report = report_of(attempt)
    assert (report["rows"], report["tokens"], report["longestRowTokens"]) == (48, 4056, 103)
