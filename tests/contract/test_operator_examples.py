"""The operator reads every golden example, speaks what the schemas ask for, and classifies every result of the contract."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import jsonschema
import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus, Stage
from finetune_operator.cluster.resources import FINETUNEJOBS, Key
from finetune_operator.planning.ending import ending_of, parse_verdict
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.observing import observe
from finetune_operator.planning.outcome import result_of
from finetune_operator.planning.run_config import Run, run_document
from finetune_operator.planning.stand import stand
from finetune_operator.reconciler.post import reply_of
from finetune_operator.reconciler.progress.body import Sender, parse
from finetune_operator.reconciler.store import Store
from tests.unit.planning.scene import (
    NAME,
    NOW,
    a_job,
    ended,
    ended_pod,
    in_its_run,
    job_body,
    prepared,
    resolved_for,
    scene,
    stage_job,
    told,
    verdict,
)
from trainer.contract.verdict import EXIT_CODES

CONTRACT = Path(__file__).parents[2] / "trainer-image" / "contract"
VERDICTS = sorted(path.name for path in (CONTRACT / "examples").glob("verdict.*.json"))


def text(name: str) -> str:
    """An example or a schema as it stands."""
    return (CONTRACT / name).read_text(encoding="utf-8")


def document(name: str) -> Json:
    """The same, parsed."""
    return cast("Json", json.loads(text(name)))


@pytest.mark.parametrize("name", VERDICTS)
def test_nothing_of_a_golden_verdict_is_lost_on_the_operator(name: str) -> None:
    read = parse_verdict(text(f"examples/{name}"))
    assert read is not None
    given, kept = document(f"examples/{name}"), read.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert {key: kept.get(key) for key in given} == given


def test_the_operator_knows_every_property_of_a_verdict() -> None:
    from finetune_operator.planning.ending import Artifact, Verdict  # noqa: PLC0415

    schema = document("verdict.schema.json")["properties"]
    assert {field.alias for field in Verdict.model_fields.values()} == set(schema)
    assert {field.alias for field in Artifact.model_fields.values()} == set(schema["artifact"]["properties"])


def test_the_frames_of_a_golden_report_are_what_an_epoch_of_a_robot_is_made_of() -> None:
    read = parse_verdict(text("examples/verdict.prepare.robot.json"))
    assert read is not None
    assert read.report is not None
    assert (read.report.episodes, read.report.frames, read.report.sequences) == (49, 22050, 22050)
    assert read.report.image_keys == ("observation.images.top", "observation.images.wrist")


OUTCOMES = {
    "completed": "Succeeded",
    "deadline": "Succeeded",
    "stopped": "Succeeded",
    "userError": "UserError",
    "outOfMemory": "UserError",
    "retry": "Platform",
    "failed": "Error",
}


def test_the_table_knows_every_result_of_the_contract() -> None:
    results = document("verdict.schema.json")["properties"]["result"]["enum"]
    assert set(OUTCOMES) == set(results) == set(EXIT_CODES)


@pytest.mark.parametrize(("result", "outcome"), OUTCOMES.items())
def test_the_exit_code_that_the_trainer_gives_means_to_the_operator(result: str, outcome: str) -> None:
    pod = ended_pod(code=EXIT_CODES[result], message=verdict(result))
    (job,) = observe([stage_job(ended="Failed")], [pod], Beside()).jobs
    assert ending_of(job).outcome == outcome


def test_the_golden_model_is_published_where_its_verdict_says() -> None:
    word = text("examples/verdict.train.completed.json")
    job = a_job({"output": {"uri": "pvc://models/results"}})
    result = result_of(job, stand(scene(job, prepared(), ended(message=word)), None))
    assert result is not None
    artifact = document("examples/verdict.train.completed.json")["artifact"]
    assert result.wire() == {key: artifact[key] for key in ("kind", "files", "bytes", "digest")} | {
        "uri": "pvc://models/results/model"
    }


def test_nothing_of_a_golden_report_is_lost_on_the_operator() -> None:
    read = parse(text("examples/progress.json").encode(), Sender("pod", 1, NOW))
    given = document("examples/progress.json")["finetune"]
    assert (read.attempt, read.activity, read.step) == (given["attempt"], given["activity"], given["step"])
    assert (read.total_steps, read.epoch, read.total_epochs) == (18, 1, 3)
    assert (read.training_seconds, read.wasted_seconds) == (given["trainingSeconds"], given["wastedSeconds"])
    assert (read.trained_tokens, read.checkpoint_step) == (given["trainedTokens"], given["checkpointStep"])
    assert dict(read.metrics) == given["metrics"]
    assert [(c.step, c.attempt, c.path) for c in read.checkpoints or ()] == [
        (c["step"], c["attempt"], c["path"]) for c in given["checkpoints"]
    ]
    assert [(line.level, line.message) for line in read.log_lines] == [
        (line["level"], line["message"]) for line in given["logs"]
    ]


STAGES: tuple[Stage, ...] = ("prepare", "train")


@pytest.mark.parametrize("stage", STAGES)
def test_the_operator_writes_the_golden_run(stage: Stage) -> None:
    job = a_job()
    written = run_document(Run(job, resolved_for(job, cpu="1"), stage, 1))
    assert written == document(f"examples/run.{stage}.json")
    jsonschema.validate(written, document("run.schema.json"))


def test_the_operator_writes_the_golden_runs_of_a_later_run() -> None:
    spec = {"restartGeneration": 2, "restartFrom": "scratch", "stallTimeoutSeconds": 1800}
    job = a_job(spec, FineTuneJobStatus(restart_generation=2))
    resolved = resolved_for(job, cpu="1").model_copy(update={"resume_from": 4})
    written = run_document(Run(job, resolved, "train", 5, finish=True, halvings=1))
    assert written == document("examples/run.train.restart.json")
    job = a_job({"output": {"uri": "pvc://results/support-bot", "merge": "merged"}}, job.status)
    assert run_document(Run(job, resolved_for(job, cpu="1"), "publish", 1)) == document("examples/run.publish.json")


def test_the_golden_merged_model_ends_a_job_that_publishes() -> None:
    spec = {"output": {"uri": "pvc://models/results", "merge": "merged"}}
    view = in_its_run(scene(a_job(spec), prepared(), ended(message=verdict())))
    word = text("examples/verdict.publish.completed.json")
    job = replace(view.job, status=view.job.status.model_copy(update={"attempts": told(view).attempts}))
    result = result_of(job, stand(scene(job, prepared(), ended("publish", message=word)), None))
    assert result is not None
    assert (result.kind, result.uri.startswith("pvc://models/results/model")) == ("model", True)


def test_what_the_trainer_says_of_a_stall_is_the_platforms() -> None:
    word = text("examples/verdict.train.stalled.json")
    (job,) = observe([stage_job(ended="Failed")], [ended_pod(code=EXIT_CODES["retry"], message=word)], Beside()).jobs
    ending = ending_of(job)
    assert ending.verdict is not None
    assert (ending.outcome, ending.verdict.code) == ("Platform", "Stalled")


@pytest.mark.parametrize("spec", [{}, {"hours": None}, {"stop": True}], ids=["hours", "no hours", "a stop"])
def test_what_the_operator_replies_keeps_the_schema(spec: Json) -> None:
    store = Store()
    body = job_body(spec)
    body["spec"] = {key: value for key, value in body["spec"].items() if value is not None}
    store.put(FINETUNEJOBS, body)
    jsonschema.validate(reply_of(store, Key("team-a", NAME), 5_000), document("reply.schema.json"))
