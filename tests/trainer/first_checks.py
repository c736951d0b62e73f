"""PID 1 run on a host without torch: far enough for everything that is checked before a model is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema

from tests.trainer.documents import CHECKOUT, CONTRACT, Json, chat, run_document
from tests.trainer.real_trainer import Attempt

GOOD = chat("How heavy is it?", "640 grams.")


def document(inputs: Path, **changes: object) -> Json:
    """The run document of a check of these inputs."""
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
