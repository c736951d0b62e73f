"""The end of the demo: what was learned, where it lies, what it cost, and what to try next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.demo.answers import Answer
from tests.demo.install import CHECKOUT
from tests.demo.kubectl import Json
from tests.demo.sample import NAMESPACE, SAMPLES
from tests.demo.steps import Steps
from tests.demo.target import Target

REPORT = CHECKOUT / "build" / "demo.json"


def write_report(path: Path, steps: Steps, job: Json | None, answers: Sequence[Answer]) -> None:
    """Write times, losses and answers to `path` as JSON. `job` is None when the demo did not come so far."""
    status = job["status"] if job else {}
    metrics = status.get("progress", {}).get("metrics", {})
    content = {
        "seconds": {"total": round(steps.total, 1), "steps": steps.seconds},
        "phase": status.get("phase"),
        "reason": status.get("reason"),
        "loss": {"first": metrics.get("firstLoss"), "last": metrics.get("loss")},
        "trainingSeconds": status.get("usage", {}).get("trainingSeconds"),
        "result": status.get("result", {}).get("uri"),
        "answers": [asdict(answer) for answer in answers],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def show_result(console: Console, job: Json, answers: Sequence[Answer]) -> None:
    """Loss, answers, place and cost of a job that succeeded."""
    status = job["status"]
    metrics = status.get("progress", {}).get("metrics", {})
    console.print()
    if "loss" in metrics and "firstLoss" in metrics:
        console.print(f"Loss        {metrics['firstLoss']:.2f} → {metrics['loss']:.2f}", highlight=False)
    console.print(
        f"Model       {status['result']['uri']}  ({status['result']['kind']})", highlight=False, soft_wrap=True
    )
    console.print(f"Cost        {cost_of(status)}", highlight=False)
    console.print(_compared(answers))


def show_next(console: Console, target: Target, job: Json) -> None:
    """The commands to try next, as they can be pasted."""
    console.print("\n[bold]Try next[/]")
    for command in _next(target, job):
        console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)


def cost_of(status: Json) -> str:
    """What the job cost, and how long it trained."""
    usage, offer = status.get("usage", {}), status["resolved"]["instanceType"]
    trained = f"{usage.get('trainingSeconds', 0):.0f} s of training"
    if usage.get("cost") is None:
        return f"{trained}; the instance type names no price"
    currency = usage.get("currency", "")
    return f"{usage['cost']:.4f} {currency} ({trained} at {offer['pricePerHour']} {currency} per hour)"


def _compared(answers: Sequence[Answer]) -> Table:
    table = Table(title="The same question, before and after", title_justify="left", title_style="bold")
    table.add_column("Question")
    table.add_column("Before", style="red")
    table.add_column("After", style="green")
    for answer in answers:
        table.add_row(answer.prompt, answer.base, answer.tuned)
    return table


def _next(target: Target, job: Json) -> Iterator[str]:
    if target.kubectl.kubeconfig:
        path = f'PATH="{target.programs}:$PATH"'
        yield f"export KUBECONFIG={shlex.quote(str(target.kubectl.kubeconfig))} {path}"
    yield f"kubectl describe ftj {job['metadata']['name']} --namespace {NAMESPACE}"
    yield f"kubectl apply --namespace {NAMESPACE} --filename {SAMPLES}/full-fine-tune.yaml"
    yield f"kubectl get ftj --namespace {NAMESPACE} --output wide --watch"
