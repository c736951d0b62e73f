"""Two plots for docs/benchmarks, as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pygal

from finetune_operator.api.model import Json

SIZE: Final = {"width": 760, "height": 360, "js": (), "disable_xml_declaration": True, "print_values": True}


def plot(figures: Json, folder: Path) -> list[str]:
    """Write the plots of the runs; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    runs, floor = figures["runs"], figures["floor"]
    _throughput(runs, floor).render_to_file(str(folder / "throughput.svg"))
    _cost(runs).render_to_file(str(folder / "cost.svg"))
    return ["throughput.svg", "cost.svg"]


def _throughput(runs: list[Json], floor: Json) -> pygal.Bar:
    chart = pygal.Bar(title="Jobs complete per second, and the plain client's bare Jobs", **SIZE)
    chart.x_labels = [f"{run['n']:,} resources" for run in runs]
    chart.add("operator", [run["complete_per_second"] for run in runs])
    chart.add("bare Jobs", [floor["bare_jobs_complete_per_second"] for _ in runs])
    return chart


def _cost(runs: list[Json]) -> pygal.StackedBar:
    """Without values in the bars: most are small."""
    chart = pygal.StackedBar(title="Processor time per resource, ms", **(SIZE | {"print_values": False}))
    chart.x_labels = [f"{run['n']:,} resources" for run in runs]
    for program in sorted({name for run in runs for name in run["cpu_ms_by_program"]}):
        chart.add(program, [run["cpu_ms_by_program"].get(program, 0) for run in runs])
    return chart
