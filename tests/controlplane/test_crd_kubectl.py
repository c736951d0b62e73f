"""What kubectl makes of our kinds: it explains, shows, selects, checks and waits."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.support.apiserver import ApiServer
from tests.support.objects import fine_tune_job

pytestmark = pytest.mark.controlplane

SAMPLES = Path(__file__).parents[2] / "crds" / "samples"
Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def kubectl(api_server: ApiServer) -> Kubectl:
    """The real program; its arguments, and text for its standard input."""
    program = shutil.which("kubectl") or _built()

    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            input=given,
            env=api_server.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def _built() -> str:
    from tests.cluster.build import ensure_program  # noqa: PLC0415 - building is for those who have none

    return str(ensure_program("kubectl"))


EXPLAINED = {
    "ftj": "FineTuneJob is one fine-tuning run",
    "ftj.spec.hours": "Training time over all attempts",
    "ftj.spec.datasets.uri": "pvc://CLAIM/PATH",
    "ftj.spec.hyperparameters.lora.rank": "16 when absent",
    "ftj.status.phase": "Where the job is, in one word",
    "ftj.status.conditions.reason": "Why, in one word",
    "ftit.spec.cpu": "CPU of the training pod",
}


@pytest.mark.parametrize(("field", "words"), EXPLAINED.items(), ids=EXPLAINED)
def test_explains(kubectl: Kubectl, field: str, words: str) -> None:
    assert words in kubectl("explain", field).stdout


def test_knows_all_our_kinds_by_one_word(kubectl: Kubectl) -> None:
    listed = kubectl("api-resources", "--categories=finetune", "--no-headers", "-o", "name").stdout
    assert listed.split() == ["finetunejobs.finetune.dev", "instancetypes.finetune.dev"]


async def test_shows_a_job_that_nobody_has_seen(kubectl: Kubectl, cluster: Cluster, namespace: str) -> None:
    await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("one"))
    header, row = kubectl("get", "ftj", "-n", namespace).stdout.splitlines()
    assert header.split() == ["NAME", "PHASE", "MODEL", "INSTANCE", "PROGRESS", "LOSS", "HOURS", "AGE"]
    assert row.split()[:3] == ["one", "pvc://models/tiny", "cpu-small"]


async def test_shows_how_far_a_job_is_and_where(kubectl: Kubectl, cluster: Cluster, namespace: str) -> None:
    await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("one"))
    attempt = {"stage": "train", "job": "one-train", "startTime": "2026-11-21T12:00:00Z"}
    status = {
        "phase": "Running",
        "reason": "Training",
        "display": {"progress": "33%", "loss": "2.41", "hours": "0.20/6"},
        "attempts": [attempt | {"number": 1, "node": "node-1"}, attempt | {"number": 2, "node": "node-2"}],
        "result": {"uri": "pvc://a/model", "kind": "adapter"},
    }
    await cluster.patch_status(FINETUNEJOBS, namespace, "one", {"status": status})
    _, row = kubectl("get", "ftj", "-n", namespace, "-o", "wide").stdout.splitlines()
    shown = row.split()
    assert shown[:7] == ["one", "Running", "pvc://models/tiny", "cpu-small", "33%", "2.41", "0.20/6"]
    assert shown[8:] == ["Training", "node-2", "pvc://a/model"]


async def test_selects_jobs_by_phase_and_instance_type(kubectl: Kubectl, cluster: Cluster, namespace: str) -> None:
    for name in ("one", "two"):
        await cluster.create(FINETUNEJOBS, namespace, fine_tune_job(name, instanceType=f"type-{name}"))
    await cluster.patch_status(FINETUNEJOBS, namespace, "two", {"status": {"phase": "Running"}})
    for selector in ("status.phase=Running", "spec.instanceType=type-two", "spec.jobType=sft,status.phase!="):
        found = kubectl("get", "ftj", "-n", namespace, "-o", "name", f"--field-selector={selector}")
        assert found.stdout.split() == ["finetunejob.finetune.dev/two"], found.stderr


def test_checks_a_manifest_on_the_server_without_making_anything(kubectl: Kubectl, namespace: str) -> None:
    wrong = yaml.safe_dump(fine_tune_job("one", hours=200))
    refused = kubectl("apply", "-n", namespace, "--dry-run=server", "-f", "-", given=wrong)
    assert refused.returncode == 1
    assert "spec.hours: Invalid value: 200: spec.hours in body should be less than or equal to 168" in refused.stderr
    right = yaml.safe_dump(fine_tune_job("one"))
    assert kubectl("apply", "-n", namespace, "--dry-run=server", "-f", "-", given=right).returncode == 0
    assert kubectl("get", "ftj", "-n", namespace, "-o", "name").stdout == ""


def test_refuses_a_misspelt_field_that_the_server_would_drop(kubectl: Kubectl, namespace: str) -> None:
    wrong = yaml.safe_dump(fine_tune_job("one", hour=6))
    refused = kubectl("apply", "-n", namespace, "-f", "-", given=wrong)
    assert refused.returncode == 1
    assert 'unknown field "spec.hour"' in refused.stderr


@pytest.mark.parametrize(
    "sample", sorted(path.name for path in SAMPLES.glob("*.yaml") if path.name != "kustomization.yaml")
)
def test_accepts_the_sample(kubectl: Kubectl, namespace: str, sample: str) -> None:
    applied = kubectl("apply", "-n", namespace, "--dry-run=server", "-f", str(SAMPLES / sample))
    assert applied.returncode == 0, applied.stderr


def test_accepts_the_samples_as_one(kubectl: Kubectl, namespace: str) -> None:
    applied = kubectl("apply", "-n", namespace, "--dry-run=server", "-k", str(SAMPLES))
    assert applied.returncode == 0, applied.stderr
    assert "configmap/support-questions created (server dry run)" in applied.stdout


async def test_applying_the_same_again_changes_nothing(kubectl: Kubectl, cluster: Cluster, namespace: str) -> None:
    given = yaml.safe_dump(fine_tune_job("one", hyperparameters={"lora": {}}))
    kubectl("apply", "-n", namespace, "-f", "-", given=given)
    first = await cluster.get(FINETUNEJOBS, namespace, "one")
    assert kubectl("apply", "-n", namespace, "-f", "-", given=given).returncode == 0
    second = await cluster.get(FINETUNEJOBS, namespace, "one")
    assert second["metadata"]["generation"] == first["metadata"]["generation"]


def condition(type_: str, status: str, generation: int) -> Json:
    """A condition as the operator writes it."""
    return {
        "type": type_,
        "status": status,
        "reason": "Completed",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
        "observedGeneration": generation,
    }


async def test_waits_for_a_condition_of_the_generation_that_stands(
    kubectl: Kubectl, cluster: Cluster, namespace: str
) -> None:
    await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("one", hours=1))
    for generation in (1, 2):
        status = {"observedGeneration": generation, "conditions": [condition("Complete", "True", generation)]}
        await cluster.patch_status(FINETUNEJOBS, namespace, "one", {"status": status})
        waited = kubectl("wait", "-n", namespace, "--for=condition=Complete", "--timeout=5s", "ftj/one")
        assert waited.returncode == 0, waited.stderr
        await cluster.patch(FINETUNEJOBS, namespace, "one", {"spec": {"hours": 1 + generation}})
        stale = kubectl("wait", "-n", namespace, "--for=condition=Complete", "--timeout=0s", "ftj/one")
        assert stale.returncode == 1
