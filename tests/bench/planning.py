"""How fast the pure part is: from a job as the API server stores it to its plan and both its Jobs, on one core."""

from __future__ import annotations

import statistics
import time
from typing import Final

import yaml

from finetune_operator.api.model import Json
from finetune_operator.api.status import Report, Stage
from finetune_operator.catalog.catalog import Catalog, read_catalog
from finetune_operator.planning.job import Job, parse_job
from finetune_operator.planning.manifests import render_stage
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import Offer, admit, complete
from finetune_operator.planning.run_config import Run
from tests.architecture.tree import ROOT
from tests.unit.planning.scene import job_body

CATALOG: Final = ROOT / "charts" / "finetune-operator" / "catalog"
IMAGES: Final = {"trl": "trl:1", "lerobot": "lerobot:1"}
REPORT: Final = Report(rows=10_000, tokens=5_000_000, longest_row_tokens=900)
STAGES: Final[tuple[Stage, ...]] = ("prepare", "train")
ROUNDS: Final = 5
JOBS: Final[dict[str, Json]] = {
    "a language model, hardware named": {"model": {"name": "meta-llama/Llama-3.1-8B"}, "instanceType": "h100-80gb"},
    "a language model, the cheapest hardware that fits": {
        "model": {"name": "meta-llama/Llama-3.1-8B"},
        "instanceType": None,
    },
    "a robot policy, hardware named": {
        "jobType": "vla",
        "model": {"name": "lerobot/smolvla_base", "type": "smolvla"},
        "datasets": [{"name": "pusht", "uri": "hf://lerobot/pusht"}],
        "cameraMappings": {"cam_1": "observation.images.top"},
        "instanceType": "h100-80gb",
    },
}


def measure(jobs: int) -> None:
    """Print jobs per second and core for each kind of job: the best round of so many jobs, and the median."""
    catalog = read_catalog(*(_entries(name) for name in ("instancetypes", "basemodels")))
    for name, fields in JOBS.items():
        job = parse_job(_without_nothing(job_body(fields)))
        rates = [jobs / _seconds(job, catalog, jobs) for _ in range(ROUNDS)]
        best, usual = max(rates), statistics.median(rates)
        print(f"planning {name}: {best:.0f} jobs per second and core (median of {ROUNDS} rounds: {usual:.0f})")


def plan(job: Job, offer: Offer) -> list[Json]:
    """Both steps of the resolution, and both Jobs. TypeError when the job is refused: the benchmark is wrong then."""
    admitted = admit(job.spec, offer)
    completed = admitted if isinstance(admitted, Rejection) else complete(job.spec, admitted.resolved, REPORT)
    if isinstance(completed, Rejection):
        raise TypeError(f"the benchmark's job is refused: {completed.message}")
    return [render_stage(Run(job, completed.resolved, stage, 1), "IfNotPresent", None) for stage in STAGES]


def _seconds(job: Job, catalog: Catalog, count: int) -> float:
    """Processor time, which a busy machine does not stretch."""
    offer = Offer(catalog, IMAGES)
    start = time.process_time()
    for _ in range(count):
        plan(job, offer)
    return time.process_time() - start


def _without_nothing(body: Json) -> Json:
    return body | {"spec": {key: value for key, value in body["spec"].items() if value is not None}}


def _entries(name: str) -> Json:
    entries: Json = yaml.safe_load((CATALOG / f"{name}.yaml").read_text(encoding="utf-8"))
    return entries
