"""The golden manifests: cases of tests/data/planning, and ``python -m tests.unit.planning.golden`` to write them anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final, cast

import yaml

from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import Json
from finetune_operator.api.names import RUN_ANNOTATION
from finetune_operator.api.status import Stage
from finetune_operator.planning.job import parse_job
from finetune_operator.planning.manifests import render_stage
from finetune_operator.planning.manifests.claim import output_claim
from finetune_operator.planning.manifests.pod import Progress
from finetune_operator.catalog.catalog import read_catalog
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import Offer, admit, complete
from finetune_operator.planning.run_config import Run
from tests.unit.planning.scene import IMAGE

CASES: Final = Path(__file__).parents[2] / "data" / "planning"
PROGRESS: Final = Progress("https://finetune-operator-progress.finetune-system.svc:8443/path", "-- certificate --\n")


def cases() -> list[str]:
    """The names of all cases."""
    return sorted(path.stem for path in (CASES / "input").glob("*.yaml"))


def rendered(case: str) -> list[Json]:
    """Every object that the operator creates for a case, in order: the claim if there is one, then both Jobs."""
    job_body, instance_type = yaml.safe_load_all((CASES / "input" / f"{case}.yaml").read_text(encoding="utf-8"))
    job = parse_job(job_body)
    catalog = read_catalog({instance_type["metadata"]["name"]: instance_type["spec"]}, {})
    admitted = admit(job.spec, Offer(catalog, {"trl": IMAGE}))
    if isinstance(admitted, Rejection):
        raise TypeError(f"{case}: {admitted.message}")
    completed = complete(job.spec, admitted.resolved, None)
    if isinstance(completed, Rejection):
        raise TypeError(f"{case}: {completed.message}")
    resolved = completed.resolved
    stages: tuple[tuple[Stage, Progress | None], ...] = (("prepare", None), ("train", PROGRESS))
    jobs = [render_stage(Run(job, resolved, stage, 1), "IfNotPresent", target) for stage, target in stages]
    has_own_claim = not (job.spec.output and job.spec.output.uri)
    return [output_claim(job)] * has_own_claim + [_legible(body) for body in jobs]


def expected(case: str) -> list[Json]:
    """The same as it was last reviewed."""
    return list(yaml.safe_load_all((CASES / "output" / f"{case}.yaml").read_text(encoding="utf-8")))


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
