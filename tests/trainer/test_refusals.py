"""PID 1 on any host, without torch: what is wrong with the input shows in a second, as verdict and exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.trainer.documents import CHECKOUT, CONTRACT, Json, chat, put, run_document, write_lines, write_model
from tests.trainer.real_trainer import Attempt

GOOD = chat("How heavy is it?", "640 grams.")


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A model that looks right, and a dataset of one row."""
    write_model(tmp_path / "model")
    write_lines(tmp_path / "train.jsonl", [GOOD])
    return tmp_path


def document(inputs: Path, **changes: object) -> Json:
    places = {
        "model__path": str(inputs / "model"),
        "datasets__0__path": str(inputs / "train.jsonl"),
        "paths__workspace": str(inputs / "workspace"),
    }
    return run_document("prepare", **{**places, **changes})


def run(inputs: Path, run_json: object) -> Attempt:
    """Run PID 1 on a run document."""
    (inputs / "run.json").write_text(run_json if isinstance(run_json, str) else json.dumps(run_json))
    environment = {
        "PYTHONPATH": str(CHECKOUT / "trainer-image"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FINETUNE_RUN_JSON": str(inputs / "run.json"),
        "FINETUNE_TERMINATION_LOG": str(inputs / "termination-log"),
    }
    command = [sys.executable, "-m", "trainer"]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False)
    verdict = json.loads((inputs / "termination-log").read_bytes())
    jsonschema.validate(verdict, json.loads((CONTRACT / "verdict.schema.json").read_text()))
    return Attempt(done.returncode, verdict, done.stdout + done.stderr)


def test_malformed_line_3_ends_in_64_and_names_the_line(inputs: Path) -> None:
    write_lines(inputs / "train.jsonl", [GOOD, GOOD, '{"messages": ]'])
    ended = run(inputs, document(inputs))
    assert ended.exit_code == 64
    assert ended.verdict["param"] == "spec.datasets[0].uri"
    assert "configmap://support-questions/train.jsonl, line 3: not valid JSON" in str(ended.verdict["message"])
    kept = json.loads((inputs / "workspace" / "attempts" / "prepare-1" / "verdict.json").read_text())
    assert kept == ended.verdict


def test_a_missing_dataset_is_the_users_error(inputs: Path) -> None:
    ended = run(inputs, document(inputs, datasets__0__path=str(inputs / "tarin.jsonl")))
    assert (ended.exit_code, ended.verdict["code"]) == (64, "DatasetNotFound")
    assert "Did you mean 'train.jsonl'?" in str(ended.verdict["message"])


def test_a_missing_model_is_the_users_error(inputs: Path) -> None:
    ended = run(inputs, document(inputs, model__path=str(inputs / "none")))
    assert (ended.exit_code, ended.verdict["code"]) == (64, "ModelNotFound")


def test_a_workspace_that_cannot_be_written_is_the_users_error(inputs: Path) -> None:
    (inputs / "workspace").write_text("a file, not a folder")
    ended = run(inputs, document(inputs))
    assert (ended.exit_code, ended.verdict["code"]) == (64, "OutputNotWritable")
    assert ended.verdict["param"] == "spec.output"


def test_a_run_document_that_breaks_the_contract_is_refused(inputs: Path) -> None:
    ended = run(inputs, document(inputs) | {"stge": 1})
    assert (ended.exit_code, ended.verdict["code"]) == (64, "RunInvalid")
    assert "stge is not known. Did you mean 'stage'?" in str(ended.verdict["message"])
    assert run(inputs, "{").exit_code == 64


UNABLE = [
    ({"jobType": "dpo"}, "JobTypeUnsupported", "spec.jobType", "jobType 'dpo'; it does sft"),
    ({"jobType": "vla"}, "JobTypeUnsupported", "spec.jobType", "jobType 'vla'; it does sft"),
    ({"model__type": "act"}, "ModelUnsupported", "spec.model.type", "model type 'act'; it trains causal_lm"),
    ({"datasets__0__format": "text"}, "DatasetUnsupported", "spec.datasets[0].format", "format 'text'; it reads chat"),
    ({"datasets__0__episodes": "0-4"}, "DatasetUnsupported", "spec.datasets[0].episodes", "episodes are for robots"),
    (
        {"hyperparameters__quantization": "nf4"},
        "HyperparameterUnsupported",
        "spec.hyperparameters.quantization",
        "'nf4'",
    ),
    (
        {"hyperparameters__dpo": {"beta": 0.1}},
        "HyperparameterUnsupported",
        "spec.hyperparameters.dpo",
        "for jobType dpo",
    ),
    (
        {"hyperparameters__imageAugmentation": True},
        "HyperparameterUnsupported",
        "spec.hyperparameters.imageAugmentation",
        "it is for robots",
    ),
    (
        {"hyperparameters__extra": {"adam_beta1": 0.8}},
        "HyperparameterUnsupported",
        "spec.hyperparameters.extra.adam_beta1",
        "Did you mean 'adamBeta1'? It knows: activationCheckpointing, adamBeta1,",
    ),
    (
        {"hyperparameters__extra": {"adamBeta1": 2}},
        "HyperparameterUnsupported",
        "spec.hyperparameters.extra.adamBeta1",
        "extra.adamBeta1 is 2, must be a number at least 0 and at most 0.9999",
    ),
    (
        {"hyperparameters__extra": {"optimizer": "lion"}},
        "HyperparameterUnsupported",
        "spec.hyperparameters.extra.optimizer",
        "extra.optimizer is 'lion', must be one of adamw_torch,",
    ),
    ({"cameras": [{"slot": "top"}]}, "RunInvalid", "spec.cameraMappings", "it is for robots"),
    ({"reward": {"useRabc": True}}, "RunInvalid", "spec.reward", "it is for robots"),
    ({"style": {}}, "RunInvalid", "spec.style", "for jobType style"),
    ({"output": {"uri": "hf://org/bot"}}, "OutputUnsupported", "spec.output.uri", "publishing to hf://org/bot"),
    ({"evaluation": {"prompts": ["Hi"]}}, "HyperparameterUnsupported", "spec.evaluation.prompts", "answering prompts"),
    ({"output": {"select": "best"}}, "HyperparameterUnsupported", "spec.output.select", "nothing is evaluated"),
    ({"checkpoints__keepBest": 1}, "HyperparameterUnsupported", "spec.checkpoints.keepBest", "nothing is evaluated"),
    (
        {"evaluation": {"earlyStopping": {"patience": 2}}},
        "HyperparameterUnsupported",
        "spec.evaluation.earlyStopping",
        "nothing is evaluated",
    ),
    (
        {"integrations": [{"type": "mlflow", "mlflow": {"trackingUri": "https://m.example.com", "experiment": "e"}}]},
        "IntegrationUnsupported",
        "spec.integrations[0]",
        "the package of mlflow is not in this trainer image",
    ),
    (
        {"model__fromCheckpoint": {"name": "earlier", "uri": "s3://bucket/model"}},
        "ModelUnsupported",
        "spec.model.fromCheckpoint",
        "fetching weights from s3://bucket/model; it reads what is mounted",
    ),
]


@pytest.mark.parametrize(("changes", "code", "param", "expected"), UNABLE, ids=[case[2] for case in UNABLE])
def test_what_this_image_cannot_do_is_refused_by_its_field(
    inputs: Path, changes: Json, code: str, param: str, expected: str
) -> None:
    ended = run(inputs, document(inputs, **changes))
    assert (ended.exit_code, ended.verdict["code"], ended.verdict["param"]) == (64, code, param), ended.output
    assert expected in str(ended.verdict["message"])


@pytest.mark.parametrize("place", [["model"], ["datasets", "0"]])
def test_what_is_not_mounted_cannot_be_fetched_yet(inputs: Path, place: list[str]) -> None:
    asked = document(inputs)
    put(asked, [*place, "uri"], "hf://org/name")
    part: Any = asked
    for key in place:
        part = part[int(key)] if isinstance(part, list) else part[key]
    del part["path"]
    ended = run(inputs, asked)
    assert ended.exit_code == 64
    assert "from hf://org/name; it reads what is mounted" in str(ended.verdict["message"])


def test_weights_of_datasets_that_differ_are_refused(inputs: Path) -> None:
    asked = document(inputs)
    first: Any = asked["datasets"]
    asked["datasets"] = [first[0] | {"weight": 2}, first[0] | {"name": "other"}]
    ended = run(inputs, asked)
    assert (ended.exit_code, ended.verdict["param"]) == (64, "spec.datasets[0].weight")


def test_the_first_wrong_rows_are_reported_by_file_and_line(inputs: Path) -> None:
    write_lines(inputs / "train.jsonl", [GOOD, *["{" for _ in range(20)]])
    ended = run(inputs, document(inputs))
    report: Any = ended.verdict["report"]
    assert [fault["line"] for fault in report["faults"]] == list(range(2, 10))
    assert {fault["file"] for fault in report["faults"]} == {"configmap://support-questions/train.jsonl"}
    assert (report["rows"], report["tokens"]) == (1, 0)


def test_listed_files_of_a_folder_are_read_and_no_others(inputs: Path) -> None:
    (inputs / "data").mkdir()
    rows_of: dict[str, list[object]] = {"a.jsonl": [GOOD], "b.jsonl": ["{"], "c.json": ["["]}
    for name, rows in rows_of.items():
        write_lines(inputs / "data" / name, rows)
    place = {"datasets__0__path": str(inputs / "data"), "datasets__0__uri": "pvc://data/chats"}
    wrong = run(inputs, document(inputs, datasets__0__files=["a.jsonl", "c.json"], **place))
    assert "pvc://data/chats/c.json, line 1" in str(wrong.verdict["message"])
    missing = run(inputs, document(inputs, datasets__0__files=["a.jsonl", "d.json"], **place))
    assert (missing.verdict["code"], missing.verdict["param"]) == ("DatasetNotFound", "spec.datasets[0].files[1]")
    assert "Did you mean 'c.json'?" in str(missing.verdict["message"])
    outside = run(inputs, document(inputs, datasets__0__files=["../train.jsonl"], **place))
    assert "leads out of it" in str(outside.verdict["message"])


def test_a_job_of_several_nodes_whose_pod_knows_no_place_fails(inputs: Path) -> None:
    ended = run(inputs, document(inputs, hardware__nodes=2) | {"stage": "train"})
    assert (ended.exit_code, ended.verdict["result"], ended.verdict["stage"]) == (1, "failed", "train")
    assert "JOB_COMPLETION_INDEX is ''" in str(ended.verdict["message"])


def inspection(inputs: Path, **changes: object) -> Json:
    places = {"datasets__0__path": str(inputs), "paths__workspace": str(inputs / "scratch")}
    asked = run_document("inspect", **{**places, **changes})
    del asked["model"]
    return asked


def test_a_registered_dataset_is_looked_at_by_itself(inputs: Path) -> None:
    ended = run(inputs, inspection(inputs))
    assert ended.exit_code == 0, ended.output
    report: Any = ended.verdict["report"]
    assert (ended.verdict["stage"], report["rows"], report["tokens"], report["format"]) == ("inspect", 1, 0, "chat")
    assert run(inputs, inspection(inputs)).verdict["report"] == report
    write_lines(inputs / "train.jsonl", [GOOD, GOOD])
    changed: Any = run(inputs, inspection(inputs)).verdict["report"]
    assert changed["rows"] == 2
    assert changed["digest"] != report["digest"]


def test_a_registered_dataset_that_is_wrong_is_refused_by_its_own_fields(inputs: Path) -> None:
    assert run(inputs, inspection(inputs, datasets__0__format="text")).verdict["param"] == "spec.format"
    write_lines(inputs / "train.jsonl", ["{"])
    ended = run(inputs, inspection(inputs))
    assert (ended.exit_code, ended.verdict["param"]) == (64, "spec.uri")
    assert ended.verdict["report"]["faults"][0]["line"] == 1  # type: ignore[index]


def test_a_crash_is_a_failure_that_shows_the_last_lines(inputs: Path) -> None:
    # A host without torch cannot train: the import error is the crash.
    if "torch" in sys.modules or os.environ.get("FINETUNE_TRAINER_PYTHON") == sys.executable:
        pytest.skip("this Python can train")
    ended = run(inputs, document(inputs) | {"stage": "train"})
    assert (ended.exit_code, ended.verdict["result"]) == (1, "failed")
    assert "No module named" in str(ended.verdict["message"])
    assert "No module named" in str(ended.verdict["lines"])


def run_with_stand_in(inputs: Path, program: str) -> tuple[int, Json]:
    """Run a training whose ``torch`` is a stand-in that does what ``program`` says as soon as it is imported."""
    (inputs / "code" / "torch").mkdir(parents=True)
    (inputs / "code" / "torch" / "__init__.py").write_text(program)
    (inputs / "run.json").write_text(json.dumps(document(inputs) | {"stage": "train"}))
    environment = {
        "PYTHONPATH": f"{inputs / 'code'}:{CHECKOUT / 'trainer-image'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "FINETUNE_RUN_JSON": str(inputs / "run.json"),
        "FINETUNE_TERMINATION_LOG": str(inputs / "termination-log"),
    }
    command = [sys.executable, "-m", "trainer"]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, timeout=60, check=False)
    return done.returncode, json.loads((inputs / "termination-log").read_bytes())


def test_a_killed_process_is_told_by_its_signal(inputs: Path) -> None:
    code, verdict = run_with_stand_in(inputs, f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})")
    assert code == 137
    assert (verdict["result"], verdict["code"]) == ("failed", "Killed")


def test_a_training_that_does_not_mind_its_budget_is_ended_from_outside(inputs: Path) -> None:
    (inputs / "workspace").mkdir()
    ledger = inputs / "workspace" / "ledger.json"
    # Again and again: the trainer's own heartbeat writes the same file.
    overrun = f"open({str(ledger)!r}, 'w').write('{{\"trainingSeconds\": 9999}}')"
    again = "signal.sigtimedwait([signal.SIGUSR1], 0.2)"
    code, verdict = run_with_stand_in(inputs, f"import signal\nwhile True: {overrun}; {again}")
    assert code == 1
    assert (verdict["result"], verdict["code"]) == ("failed", "DeadlineExceeded")
    assert "was ended after 9999 s" in str(verdict["message"])


def test_a_training_that_is_asked_to_end_while_it_loads_ends_at_once(inputs: Path) -> None:
    program = "import os, signal; os.kill(os.getppid(), signal.SIGTERM); signal.pause(); signal.pause()"
    code, verdict = run_with_stand_in(inputs, program)
    assert code == 75
    assert (verdict["result"], verdict["code"]) == ("retry", "Terminated")
