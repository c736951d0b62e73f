"""The contract's golden examples keep its schemas, and the trainer understands and speaks what they show."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from trainer.contract.progress import CheckpointEntry, LogLine, Progress, Reply, parse_reply, progress_body
from trainer.contract.report import Fault, Report
from trainer.contract.run import parse_run
from trainer.contract.verdict import EXIT_CODES, Artifact, Position, Verdict
from trainer.failures import UserError

CONTRACT = Path(__file__).parents[2] / "trainer-image" / "contract"
EXAMPLES = sorted(path.name for path in (CONTRACT / "examples").glob("*.json"))
RUNS = [name for name in EXAMPLES if name.startswith("run.")]
FREE_FORM = ("hyperparameters.extra", "reward.hyperparameters")
"""Objects whose keys the contract leaves to the trainers."""


def read(place: str) -> Any:
    return json.loads((CONTRACT / place).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_keeps_its_schema(name: str) -> None:
    schema = read(f"{name.partition('.')[0]}.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(read(f"examples/{name}"), schema)


@pytest.mark.parametrize("name", RUNS)
def test_the_trainer_understands_a_golden_run(name: str) -> None:
    assert parse_run(read(f"examples/{name}")).stage == name.split(".")[1]


def test_the_golden_runs_show_every_key_that_the_schema_knows() -> None:
    """And the trainer understands them all, so it knows every property, with a value that is allowed."""
    document = read("examples/run.train.json")
    document["limits"]["graceSeconds"] = 30
    shown = set().union(*(leaves(read(f"examples/{name}")) for name in RUNS)) | leaves(document)
    assert shown == properties(read("run.schema.json"))
    assert parse_run(document).limits.grace_seconds == 30


@pytest.mark.parametrize("name", RUNS)
def test_a_key_that_the_schema_does_not_know_is_refused_at_every_depth(name: str) -> None:
    """The trainer knows no more than the schema."""
    schema = read("run.schema.json")
    for place in objects(read(f"examples/{name}")):
        document = read(f"examples/{name}")
        inner = document
        for key in place:
            inner = inner[key]
        inner["surprise"] = 1
        with pytest.raises(UserError, match="surprise is not known"):
            parse_run(document)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema)


def test_a_full_verdict_of_the_trainer_keeps_the_schema() -> None:
    verdict = Verdict(
        stage="train",
        attempt=1,
        result="completed",
        message="m" * 5000,
        code="X",
        param="spec.model.name",
        advice="a" * 5000,
        position=Position(18, 18, 3.0, 12.5, 5796, {"loss": 0.31, "gradNorm": float("inf")}, wasted_seconds=2.5),
        report=Report(
            rows=48,
            tokens=1932,
            longest_row_tokens=61,
            parameters=90752,
            sequences=6,
            format="chat",
            faults=(Fault("f" * 600, 3, "m" * 600),) * 20,
            warnings=("w" * 600,) * 20,
        ),
        artifact=Artifact("model", "adapter", ("a",) * 50, 381211, "sha256:" + "0" * 64),
        lines=("l" * 600,) * 20,
    )
    jsonschema.validate(verdict.to_json(), read("verdict.schema.json"))


def test_a_report_of_robots_keeps_the_schema_and_says_all_that_the_example_does() -> None:
    report = Report(
        rows=49,
        sequences=22050,
        validation_rows=5,
        parameters=450046176,
        episodes=49,
        frames=22050,
        fps=30.0,
        image_keys=("observation.images.top", "observation.images.wrist"),
        state_dim=6,
        action_dim=6,
        warnings=("masked pictures, since no camera is mapped to them: observation.images.camera3",),
    )
    verdict = Verdict(
        "prepare", 1, "completed", "49 episodes and 22050 frames are ready", report=replace(report, format="lerobot")
    )
    jsonschema.validate(verdict.to_json(), read("verdict.schema.json"))
    assert report.to_json() == read("examples/verdict.prepare.robot.json")["report"] | {"format": ""}
    many = replace(report, image_keys=("k" * 600,) * 40)
    jsonschema.validate(replace(verdict, report=many).to_json(), read("verdict.schema.json"))
    assert "episodes" not in Report(rows=3).to_json()


def test_every_result_of_the_schema_has_an_exit_code() -> None:
    assert set(read("verdict.schema.json")["properties"]["result"]["enum"]) == set(EXIT_CODES)


def test_progress_of_the_trainer_keeps_the_schema_and_matches_the_example() -> None:
    example = read("examples/progress.json")
    progress = Progress(
        attempt=1,
        activity="step",
        step=6,
        total_steps=18,
        epoch=1,
        total_epochs=3,
        training_seconds=12.5,
        trained_tokens=1932,
        seconds_per_step=25 / 12,
        metrics={"firstLoss": 4.59, "loss": 2.41, "learningRate": 0.00015},
        wasted_seconds=2.5,
        checkpoint_step=4,
        checkpoints=(
            CheckpointEntry(
                step=4,
                attempt=1,
                path="checkpoints/attempt-1/checkpoint-4",
                time="2026-11-21T11:59:55+00:00",
                training_seconds=8.5,
                metrics={"loss": 3.02, "evalLoss": 3.4},
            ),
        ),
    )
    lines = [
        LogLine("2026-11-21T11:59:55+00:00", "info", "checkpoint 4 is complete"),
        LogLine("2026-11-21T11:59:58+00:00", "warning", "UserWarning: the rows are very short"),
    ]
    body = progress_body(progress, datetime(2026, 11, 21, 12, tzinfo=UTC), lines)
    jsonschema.validate(body, read("progress.schema.json"))
    assert body["finetune"] == example["finetune"]
    status: Any = body["trainerStatus"]
    assert status | {"metrics": []} == example["trainerStatus"] | {"metrics": []}
    assert {"name": "learning_rate", "value": "0.00015"} in status["metrics"]


def test_the_trainer_understands_the_golden_reply() -> None:
    assert parse_reply(json.dumps(read("examples/reply.json")).encode()) == Reply(7200, stop=False, report_seconds=100)


def properties(schema: Any, prefix: str = "") -> set[str]:
    """Dotted names of all properties of a schema; list items share their list's name."""
    if "items" in schema:
        return properties(schema["items"], prefix)
    if "properties" not in schema:
        return {prefix}
    return {
        leaf
        for name, inner in schema["properties"].items()
        for leaf in properties(inner, f"{prefix}.{name}".lstrip("."))
    }


def leaves(document: Any, prefix: str = "") -> set[str]:
    """Dotted names of all values of a document."""
    if isinstance(document, dict) and prefix not in FREE_FORM:
        return {leaf for name, inner in document.items() for leaf in leaves(inner, f"{prefix}.{name}".lstrip("."))}
    if isinstance(document, list) and document:
        return {leaf for inner in document for leaf in leaves(inner, prefix)}
    return {prefix}


def objects(document: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The places of all objects of a document whose keys the contract names."""
    if isinstance(document, list):
        return [found for index, inner in enumerate(document) for found in objects(inner, (*place, index))]
    if not isinstance(document, dict) or ".".join(map(str, place)) in FREE_FORM:
        return []
    return [place, *(found for name, inner in document.items() for found in objects(inner, (*place, name)))]
