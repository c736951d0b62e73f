"""A FineTuneJob on the terminal: its stages, how far the training is, and why it waits. Pure: JSON in, pictures out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tests.demo.kubectl import Json

TITLES = {"prepare": "check model and data", "train": "train"}
COLOURS = {"Succeeded": "green", "Failed": "red", "Running": "cyan"}
BAR_WIDTH = 40


def picture(job: Json, now: datetime) -> RenderableType:
    """The whole job, for a terminal."""
    status = job.get("status", {})
    phase = status.get("phase", "Pending")
    parts: list[RenderableType] = [_stages(status, now)]
    if status.get("progress"):
        parts.append(_bar(status["progress"]))
    parts.append(Text(_why(status), style="dim"))
    title = f"[bold]{job['metadata']['name']}[/] · [{COLOURS.get(phase, 'yellow')}]{phase}[/]"
    return Panel(Group(*parts), title=title, title_align="left", width=100)


def line(job: Json) -> str:
    """The same in one line, for a log; equal lines need not be repeated."""
    status = job.get("status", {})
    words = [f"{status.get('phase', 'Pending'):10}", _why(status)]
    if status.get("progress"):
        words.append(_numbers(status["progress"]))
    return " | ".join(words)


def _stages(status: Json, now: datetime) -> Table:
    table = Table.grid(padding=(0, 2))
    for attempt in status.get("attempts", []):
        table.add_row(*_attempt(attempt, now))
    begun = {attempt["stage"] for attempt in status.get("attempts", [])}
    for stage in TITLES.keys() - begun:
        table.add_row("[dim]·[/]", f"[dim]{TITLES[stage]}[/]", "", "")
    return table


def _attempt(attempt: Json, now: datetime) -> Iterator[RenderableType]:
    outcome = attempt.get("outcome")
    yield {"Succeeded": "[green]✔[/]", None: "[cyan]●[/]"}.get(outcome, "[red]✘[/]")
    number = f" (attempt {attempt['number']})" if attempt["number"] > 1 else ""
    yield f"{TITLES.get(attempt['stage'], attempt['stage'])}{number}"
    begun = datetime.fromisoformat(attempt["startTime"])
    ended = datetime.fromisoformat(attempt["endTime"]) if attempt.get("endTime") else now
    yield f"{max((ended - begun).total_seconds(), 0):.0f} s"
    yield Text(attempt.get("message") or attempt.get("node") or "", style="dim")


def _bar(progress: Json) -> Table:
    row = Table.grid(padding=(0, 2))
    percentage = progress.get("percentage")
    bar = ProgressBar(total=100, completed=percentage or 0, width=BAR_WIDTH, pulse=percentage is None)
    row.add_row(bar, _numbers(progress))
    return row


def _numbers(progress: Json) -> str:
    """Step, loss and what remains, as far as they are known."""
    metrics = progress.get("metrics", {})
    percentage, total = progress.get("percentage"), progress.get("totalSteps")
    words = [f"{percentage} %"] if percentage is not None else []
    words.append(f"step {progress['step']}" + (f"/{total}" if total else ""))
    if "loss" in metrics:
        began = f" (began at {metrics['firstLoss']:.2f})" if "firstLoss" in metrics else ""
        words.append(f"loss {metrics['loss']:.2f}{began}")
    if progress.get("estimatedRemainingSeconds"):
        words.append(f"{progress['estimatedRemainingSeconds']} s left")
    return " · ".join(words)


def _why(status: Json) -> str:
    reason, message = status.get("reason"), status.get("message")
    if reason is None:
        return "waiting for the operator to see the job"
    return f"{reason}: {message}" if message else str(reason)
