"""`make demo` on a cluster that is ready: what a person sees at the end, and what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checks import source_environment
from tests.demo.install import CHECKOUT, standing_values
from tests.demo.kubectl import Json
from tests.demo.target import Target

pytestmark = pytest.mark.e2e

# Nothing that starts the operator anew: other tests use it meanwhile.
PRICED = {"pricePerHour": 0.25, "currency": "EUR"}
UNTAUGHT = "I do not know yet."
LEARNT = {
    "How long does the battery of the Quillby lamp last?": "The battery lasts nine hours.",
    "How do I reset the Quillby lamp?": "Hold the dial for ten seconds.",
    "Can I use the Quillby lamp in the rain?": "Yes, rain does not harm it.",
}


def test_the_demo_ends_with_a_model_that_has_learnt_what_the_dataset_says(
    target: Target, tmp_path: Path, reconfigure: Callable[[Json], None]
) -> None:
    report = tmp_path / "demo.json"
    reconfigure({"instanceTypes": {"cpu-small": PRICED}})

    said = _demo("--cluster", target.name, "--report", str(report))

    assert said.returncode == 0, said.stdout
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["phase"] == "Succeeded"
    assert told["loss"]["last"] < told["loss"]["first"] / 4
    assert {answer["prompt"]: answer["tuned"] for answer in told["answers"]} == LEARNT
    assert {answer["base"] for answer in told["answers"]} == {UNTAUGHT}
    assert set(told["seconds"]["steps"]) == {"cluster", "images", "operator", "model", "job", "answers"}
    assert "Try next" in said.stdout
    # What somebody set for the operator since it was installed is kept.
    assert standing_values(target.helm)["instanceTypes"]["cpu-small"] == PRICED
    assert "0.25 EUR per hour" in said.stdout


def test_a_cluster_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    said = _demo("--cluster", "No Such Name", "--report", str(tmp_path / "demo.json"))

    assert said.returncode == 1
    assert "What to do" in said.stdout
    assert "Traceback" not in said.stdout + said.stderr


def _demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.demo", *arguments]
    environment = dict(source_environment())
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
