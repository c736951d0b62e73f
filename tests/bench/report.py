"""The figures as people read them: a table on the terminal, a page under docs/benchmarks, and ``bench.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from finetune_operator.api.model import Json

Row = tuple[str, ...]

COLUMNS: Final = {
    "n": "resources",
    "jobs_per_second": "into Jobs, 1/s",
    "apply_to_job_p50_seconds": "apply → Job p50, s",
    "apply_to_job_p99_seconds": "p99, s",
    "complete_per_second": "Jobs complete, 1/s",
    "succeeded_per_second": "Succeeded, 1/s",
    "pod_change_to_status_p50_seconds": "change → status p50, s",
    "pod_change_to_status_p99_seconds": "p99, s",
    "api_writes_per_job": "writes each",
    "cpu_ms_per_job": "CPU each, ms",
    "rss_mib": "memory, MiB",
    "cold_start_seconds": "cold start, s",
}


def tables(figures: Json) -> Iterator[tuple[str, list[Row]]]:
    """Title and rows, the first row being the heads."""
    runs = figures.get("runs", [])
    if runs:
        yield "From creation to Succeeded", [tuple(COLUMNS.values()), *(_row(run, COLUMNS) for run in runs)]
    if folded := figures.get("folded"):
        yield "The same with stages folded to one Job", [tuple(COLUMNS.values()), _row(folded, COLUMNS)]
    if ratios := figures.get("ratios"):
        yield "Against the plain client", [("figure", "value"), *_pairs(ratios)]
    for name, title in TITLES.items():
        if part := figures.get(name):
            yield title, [("figure", "value"), *_pairs(part)]


TITLES: Final = {
    "floor": "The plain client, without an operator",
    "burst": "A burst, the Job controller at rest",
    "steady": "A steady stream, the Job controller at rest",
    "kill": "A burst in which the operator is killed",
    "progress": "Running jobs that report",
    "idle": "Nothing to do",
    "settings": "Settings of the operator",
    "machine": "The machine",
}


def as_text(figures: Json) -> str:
    """For the terminal."""
    return "\n\n".join(f"{title}\n{_aligned(rows)}" for title, rows in tables(figures))


def as_page(figures: Json, plots: Iterable[str]) -> str:
    """For docs/benchmarks, in Markdown."""
    parts = [HEAD, *(f"![{Path(plot).stem}]({plot})" for plot in plots)]
    parts += [f"## {title}\n\n{_markdown(rows)}" for title, rows in tables(figures)]
    return "\n\n".join(parts) + "\n"


HEAD: Final = """# Benchmarks

Written by `make bench`. Everything shares the cores of one machine: etcd, the API server, the controllers, the
scheduler, kwok's simulated nodes, the operator and the client that measures. Ratios say more than absolute figures.

A usual FineTuneJob makes two Jobs, one after the other: the check of model and data, and the training. «Jobs complete»
counts Jobs and is to be compared with bare Jobs; «Succeeded» counts resources. «Into Jobs» is from the first resource
created to the last one's first Job. «Change → status» is from the training pod running, or the Job controller having
declared its Job over, to the status that tells it. «Writes each» has Jobs, status patches and Events.

What bounds these figures, found by profiling, is in [bounds.md](bounds.md)."""


def write_json(figures: Json, path: Path) -> None:
    """For whoever compares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _row(part: Json, columns: Iterable[str]) -> Row:
    return tuple(_said(part.get(name, "")) for name in columns)


def _pairs(part: Json) -> Iterator[Row]:
    for name, value in part.items():
        yield name.replace("_", " "), _said(value)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_said(inner)}" for name, inner in value.items())
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _aligned(rows: list[Row]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _markdown(rows: list[Row]) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    rule = f"| {' | '.join('---' for _ in rows[0])} |"
    return "\n".join([head, rule, *body])
