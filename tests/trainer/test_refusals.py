"""PID 1 on any host, without torch: what is wrong with the input shows in a second, as verdict and exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.documents import CHECKOUT, Json, run_document, write_lines
from tests.trainer.first_checks import GOOD, document, run


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
