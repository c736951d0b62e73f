"""Helm 4 waits by kstatus: not for a job that nobody has seen, until it runs, and no longer than until it has failed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.controlplane.stage import NAME, Stage, verdict
from tests.support.apiserver import ApiServer
from tests.support.objects import fine_tune_job

pytestmark = pytest.mark.controlplane

Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def chart(tmp_path: Path, stage: Stage) -> Path:
    """A user's chart with one FineTuneJob in it."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": "tuning", "version": "1.0.0"}))
    body = fine_tune_job(NAME, instanceType=stage.hardware)
    (tmp_path / "templates" / "job.yaml").write_text(yaml.safe_dump(body))
    return tmp_path


@pytest.fixture
def helm(api_server: ApiServer, chart: Path, stage: Stage) -> Helm:
    """``helm upgrade --install --wait`` of that chart, with this much time."""
    program = shutil.which("helm") or _built()

    def upgrade(timeout: str) -> subprocess.CompletedProcess[str]:
        command = [program, "upgrade", "--install", "tuning", str(chart), "-n", stage.namespace, "--wait"]
        return subprocess.run(
            [*command, "--timeout", timeout],
            env=api_server.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return upgrade


def _built() -> str:
    from tests.cluster.build import ensure_program  # noqa: PLC0415 - building is for those who have none

    return str(ensure_program("helm"))


async def test_a_job_that_nobody_has_seen_is_waited_for(helm: Helm, stage: Stage) -> None:
    waited = helm("2s")
    assert waited.returncode != 0
    assert "InProgress" in waited.stderr or "context deadline exceeded" in waited.stderr
    assert (await stage.body())["status"]["observedGeneration"] == -1


async def test_a_job_that_is_checked_is_waited_for(helm: Helm, stage: Stage) -> None:
    helm("1s")
    await stage.visit()
    assert helm("2s").returncode != 0


async def test_a_job_that_runs_is_ready(helm: Helm, stage: Stage) -> None:
    helm("1s")
    await stage.prepare()
    await stage.run("train")
    await stage.visit()
    waited = helm("30s")
    assert waited.returncode == 0, waited.stderr


async def test_a_job_that_failed_ends_the_wait_long_before_its_time(helm: Helm, stage: Stage) -> None:
    helm("1s")
    await stage.visit()
    await stage.end("prepare", code=64, message=verdict("userError", stage="prepare", message="line 3: no JSON"))
    await stage.visit()
    waited = helm("90s")
    assert waited.returncode != 0
    assert "Failed" in waited.stderr
