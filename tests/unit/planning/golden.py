"""The golden manifests: cases of tests/data/planning, and ``python -m tests.unit.planning.golden`` to write them anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final, cast

import yaml

from finetune_operator.api.model import Json
from finetune_operator.api.names import RUN_ANNOTATION
from finetune_operator.api.resolved import Resolved
from finetune_operator.catalog.catalog import read_catalog
from finetune_operator.planning.job import Job, parse_job
from finetune_operator.planning.manifests import render_stage
from finetune_operator.planning.manifests.claim import cache_claim, output_claim
from finetune_operator.planning.manifests.pod import Progress
from finetune_operator.planning.manifests.service import rendezvous_service
from finetune_operator.planning.outcome import caches_for, has_own_claim, publishes
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import Offer, admit, complete
from finetune_operator.planning.run_config import Run

KINDS: Final = ("InstanceType", "BaseModel")
FAMILIES: Final = ("trl", "lerobot")
CASES: Final = Path(__file__).parents[2] / "data" / "planning"
PROGRESS: Final = Progress("https://finetune-operator-progress.finetune-system.svc:8443/path", "-- certificate --\n")


def cases() -> list[str]:
    """The names of all cases."""
    return sorted(path.stem for path in (CASES / "input").glob("*.yaml"))


def rendered(case: str) -> list[Json]:
    """Every object that the operator creates for a case, in order."""
    job, admitted, completed = _planned(case)
    objects: list[Json] = [output_claim(job, admitted)] if has_own_claim(job) else []
    objects += [cache_claim(job, admitted)] if caches_for(job) else []
    planned = job.with_plan(completed)
    prepare, train, publish = (
        Run(job, admitted, "prepare", 1),
        Run(planned, completed, "train", 1),
        Run(planned, completed, "publish", 1),
    )
    objects.append(_legible(render_stage(prepare, "IfNotPresent", None)))
    if train.several:
        objects.append(rendezvous_service(train))
    objects.append(_legible(render_stage(train, "IfNotPresent", PROGRESS)))
    if publishes(planned):
        objects.append(_legible(render_stage(publish, "IfNotPresent", None)))
    return objects


def expected(case: str) -> list[Json]:
    """The same as it was last reviewed."""
    return list(yaml.safe_load_all((CASES / "output" / f"{case}.yaml").read_text(encoding="utf-8")))


def _planned(case: str) -> tuple[Job, Resolved, Resolved]:
    """The job of a case, what is decided for it at once, and what once its data were checked (and not counted)."""
    job_body, *entries = yaml.safe_load_all((CASES / "input" / f"{case}.yaml").read_text(encoding="utf-8"))
    job = parse_job(job_body)
    offered = {kind: {e["metadata"]["name"]: e["spec"] for e in entries if e["kind"] == kind} for kind in KINDS}
    catalog = read_catalog(offered["InstanceType"], offered["BaseModel"])
    admitted = admit(job.spec, Offer(catalog, {family: f"finetune-trainer-{family}:dev" for family in FAMILIES}))
    if isinstance(admitted, Rejection):
        raise TypeError(f"{case}: {admitted.message}")
    completed = complete(job.spec, admitted.resolved, None)
    if isinstance(completed, Rejection):
        raise TypeError(f"{case}: {completed.message}")
    return job, admitted.resolved, completed.resolved


def _legible(body: Json) -> Json:
    """With the run document as an object: one line of JSON is nothing to review."""
    copy = cast("Json", json.loads(json.dumps(body)))
    annotations = copy["spec"]["template"]["metadata"]["annotations"]
    annotations[RUN_ANNOTATION] = json.loads(annotations[RUN_ANNOTATION])
    return copy


def main() -> int:
    """Write the output of every case. Review the difference before it is committed."""
    for case in cases():
        path = CASES / "output" / f"{case}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump_all(rendered(case), sort_keys=False, width=120), encoding="utf-8")
        print(f"wrote {path.relative_to(CASES)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
