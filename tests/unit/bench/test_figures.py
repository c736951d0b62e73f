"""The benchmark's arithmetic: shares, percentiles, first sights and bills."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.names import JOB_LABEL, STAGE_LABEL
from tests.bench.figures import ratios
from tests.bench.processes import Bill, bill, descendants
from tests.bench.report import as_page, as_text
from tests.bench.samples import percentile, spread
from tests.bench.specimen import Specimen
from tests.bench.timeline import Timeline
from tests.support.eventually import wait_until


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.99, 10), (0.0, 1), (1.0, 10)])
def test_a_percentile_is_the_nearest_rank(share: float, value: int) -> None:
    assert percentile(range(10, 0, -1), share) == value


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)
    assert spread("lag", []) == {}


def test_a_spread_is_told_in_milliseconds() -> None:
    assert spread("lag", [0.12345, 2]) == {"lag_p50_seconds": 0.123, "lag_p99_seconds": 2}


def test_the_ratios_compare_like_with_like() -> None:
    figures: Json = {
        "floor": {
            "same_writes_jobs_per_second": 200.0,
            "same_writes_at_rest_jobs_per_second": 300.0,
            "bare_jobs_complete_per_second": 40.0,
        },
        "burst": {"jobs_per_second": 240.0},
        "runs": [{"n": 100, "jobs_per_second": 150.0, "complete_per_second": 36.0}],
    }

    found = ratios(figures)

    assert (found["burst_into_jobs"], found["into_jobs_of_100"], found["complete_of_100"]) == (0.8, 0.75, 0.9)


def test_a_part_that_was_not_measured_has_no_ratio() -> None:
    assert set(ratios({})) == {"aim_into_jobs", "aim_complete"}


def child(kind: str, stage: str, phase: str = "") -> Json:
    labels = {JOB_LABEL: "one", STAGE_LABEL: stage}
    return {"metadata": {"name": f"one-{stage}", "labels": labels}, "kind": kind, "status": {"phase": phase}}


def test_first_sights_make_the_lags() -> None:
    timeline = Timeline()
    timeline._saw_job(child("Job", "prepare"), 3.0)
    timeline._saw_job(child("Job", "prepare"), 9.0)
    timeline._saw_pod(child("Pod", "prepare", "Running"), 4.0)
    timeline._saw_pod(child("Pod", "train", "Running"), 10.0)
    timeline._saw_pod(child("Pod", "train", "Succeeded"), 12.0)
    timeline._saw_complete(child("Job", "train"), 13.0)
    for phase, at in (("Running", 10.5), ("Succeeded", 13.25)):
        timeline._saw_phase({"metadata": {"name": "one"}, "status": {"phase": phase}}, at)

    assert timeline.apply_to_job({"one": 1.0}) == [2.0]
    assert timeline.change_to_status() == [0.5, 0.25]
    assert timeline.end_to_status() == [1.25]


def test_a_bill_is_what_came_on_top() -> None:
    spent = Bill({"etcd": 3.0, "operator": 2.5}).since(Bill({"etcd": 1.0}))
    assert spent == Bill({"etcd": 2.0, "operator": 2.5})
    assert spent.total == 4.5


def test_the_processes_below_a_process_are_billed_by_name(tmp_path: Path) -> None:
    code = (
        f"import pathlib, sys; pathlib.Path({str(tmp_path / 'up')!r}).touch(); sum(range(3_000_000)); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        wait_until((tmp_path / "up").exists)
        assert process.pid in descendants(os.getpid())
        wait_until(lambda: bill(os.getpid()).total > 0)
        process.kill()


def test_another_resources_job_is_its_own_and_a_bare_one_is_nobodys() -> None:
    job: Json = {
        "metadata": {
            "name": "x",
            "namespace": "ns",
            "labels": {JOB_LABEL: "x"},
            "ownerReferences": [{"kind": "FineTuneJob", "name": "x", "uid": "u-x"}],
        },
        "spec": {},
    }
    pattern = Specimen({"prepare": job}, {}, ())

    owned = pattern.job("prepare", "one", {"metadata": {"uid": "u-1"}})["metadata"]
    bare = pattern.job("prepare", "one")["metadata"]

    assert (owned["name"], owned["labels"][JOB_LABEL]) == ("one-prepare-1", "one")
    assert owned["ownerReferences"] == [{"kind": "FineTuneJob", "name": "one", "uid": "u-1"}]
    assert "ownerReferences" not in bare
    assert job["metadata"]["name"] == "x", "the pattern stays as it is"


def test_figures_are_told_on_the_terminal_and_on_a_page() -> None:
    figures: Json = {"runs": [{"n": 1000, "jobs_per_second": 150.5}], "machine": {"cores": 2}}

    text, page = as_text(figures), as_page(figures, ["throughput.svg"])

    assert "1,000" in text
    assert "| 1,000 | 150.5 |" in page
    assert "![throughput](throughput.svg)" in page
