"""The end of the demo: how often the policy succeeded before and after, where pictures of it lie, what to try next."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.demo.install import CHECKOUT
from tests.demo.kubectl import Json
from tests.demo.report import cost_of
from tests.demo.steps import Steps
from tests.demo.target import Target
from tests.demo_vla.task import JOB, NAMESPACE
from tests.demo_vla.trials import Trial

FOLDER: Final = CHECKOUT / "build" / "demo-vla"
REPORT: Final = FOLDER / "report.json"


def write_report(path: Path, steps: Steps, job: Json | None, trials: Mapping[str, Trial]) -> None:
    """Write times, losses and successes to `path` as JSON. `job` is None when the demo did not come so far."""
    status = job["status"] if job else {}
    progress = status.get("progress", {})
    metrics = progress.get("metrics", {})
    content = {
        "seconds": {"total": round(steps.total, 1), "steps": steps.seconds},
        "phase": status.get("phase"),
        "reason": status.get("reason"),
        "steps": progress.get("step"),
        "loss": {"first": metrics.get("firstLoss"), "last": metrics.get("loss")},
        "trainingSeconds": status.get("usage", {}).get("trainingSeconds"),
        "result": status.get("result", {}).get("uri"),
        "trials": {when: {"tries": each.tries, "succeeded": each.succeeded} for when, each in trials.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def show_result(console: Console, job: Json, trials: Mapping[str, Trial], pictures: Sequence[Path]) -> None:
    """Successes, loss, place and cost of a job that succeeded."""
    status = job["status"]
    metrics = status.get("progress", {}).get("metrics", {})
    console.print()
    for when, trial in trials.items():
        console.print(f"{when.capitalize():11} {successes(trial)}", highlight=False)
    if "loss" in metrics and "firstLoss" in metrics:
        console.print(f"Loss        {metrics['firstLoss']:.2f} → {metrics['loss']:.2f}", highlight=False)
    console.print(f"Policy      {status['result']['uri']}", highlight=False, soft_wrap=True)
    console.print(f"Cost        {cost_of(status)}", highlight=False)
    for file in pictures:
        console.print(f"Look at     {os.path.relpath(file)}", markup=False, highlight=False, soft_wrap=True)


def successes(trial: Trial) -> str:
    """The rate in words."""
    rate = len(trial.succeeded) / trial.tries
    return f"the block lay in the zone after {len(trial.succeeded)} of {trial.tries} tries ({rate:.0%})"


def show_next(console: Console, target: Target) -> None:
    """The commands to try next, as they can be pasted."""
    console.print("\n[bold]Try next[/]")
    for command in _next(target):
        console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)


def _next(target: Target) -> Iterator[str]:
    if target.kubectl.kubeconfig:
        path = f'PATH="{target.programs}:$PATH"'
        yield f"export KUBECONFIG={shlex.quote(str(target.kubectl.kubeconfig))} {path}"
    yield f"kubectl describe ftj {JOB} --namespace {NAMESPACE}"
    yield f"kubectl get ftj {JOB} --namespace {NAMESPACE} --output yaml"
