"""A policy of the cluster that denies a Job is no verdict on the spec: the job waits, and goes on when it is lifted."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.cluster.resources import DATASETS, FINETUNEJOBS, INSTANCETYPES, JOBS, Key, Resource
from tests.controlplane.stage import Stage, verdict
from tests.support.eventually import eventually
from tests.support.objects import batch_job, dataset

pytestmark = pytest.mark.controlplane

GROUP: Final = "admissionregistration.k8s.io"
POLICIES: Final = Resource(GROUP, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False)
BINDINGS: Final = Resource(
    GROUP, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", namespaced=False
)  # fmt: skip
DEMAND: Final = "jobs need a label team"


@asynccontextmanager
async def policy(stage: Stage, reason: str = "Invalid") -> AsyncIterator[str]:
    """A policy that denies every Job of the namespace, in force; lifted afterwards. ``reason`` decides the HTTP code."""
    name = f"{stage.namespace}-{secrets.token_hex(2)}"
    rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"namespaceSelector": selector, "resourceRules": [rule]},
        "validations": [{"expression": "'team' in object.metadata.labels", "message": DEMAND, "reason": reason}],
    }
    await stage.world.create(POLICIES, None, _named(POLICIES, name, spec))
    binding = {"policyName": name, "validationActions": ["Deny"]}
    await stage.world.create(BINDINGS, None, _named(BINDINGS, name, binding))
    try:
        await eventually(lambda: _denies(stage.world, stage.namespace))
        yield name
    finally:
        await stage.world.delete(BINDINGS, None, name)
        await stage.world.delete(POLICIES, None, name)


def _named(resource: Resource, name: str, spec: Json) -> Json:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}, "spec": spec}


async def _denies(world: Cluster, namespace: str) -> bool:
    """A policy takes a moment to be known."""
    name = f"probe-{secrets.token_hex(4)}"
    try:
        await world.create(JOBS, namespace, batch_job(name, {"probe": "yes"}))
    except ClusterError as error:
        return DEMAND in str(error)
    await world.delete(JOBS, namespace, name)
    return False


def words(status: FineTuneJobStatus) -> tuple[Phase | None, str | None]:
    """Where a job is, and why."""
    return status.phase, status.reason


def once(stage: Stage, done: list[str]) -> Callable[[], Awaitable[bool]]:
    """Visits until these Jobs exist."""

    async def probe() -> bool:
        await stage.visit()
        return await stage.jobs() == done

    return probe


@pytest.mark.parametrize("reason", ["Invalid", "Forbidden", "RequestEntityTooLarge"])
async def test_a_policy_that_denies_the_job_is_named_and_the_job_goes_on_when_it_is_lifted(
    stage: Stage, reason: str
) -> None:
    await stage.apply()
    async with policy(stage, reason) as name:
        seen = await stage.visit()
        assert words(seen) == (Phase.PENDING, Reason.FORBIDDEN)
        assert seen.failure is None
        assert (seen.message or "").endswith(
            f"is forbidden: ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: {DEMAND}"
        )
        assert "POST" not in (seen.message or "")
        assert await stage.operator.visit(stage.namespace) == 10.0
        assert await stage.jobs() == []
    await eventually(once(stage, ["prepare-1"]))


async def test_a_policy_that_comes_between_two_attempts_ends_no_training(stage: Stage) -> None:
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    await stage.end("train", code=75, message=verdict("retry", step=434))
    async with policy(stage):
        seen = await stage.visit()
        assert words(seen) == (Phase.PENDING, Reason.FORBIDDEN)
        assert [attempt.number for attempt in seen.attempts if attempt.stage == "train"] == [1]
    await eventually(once(stage, ["prepare-1", "train-1", "train-2"]))


async def test_hardware_that_the_server_no_longer_accepts_ends_no_training(stage: Stage) -> None:
    """What was accepted as attempt 1 and is not as attempt 2 is the platform's doing."""
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    await stage.end("train", code=75, message=verdict("retry", step=434))
    before = await stage.body()
    before["status"]["resolved"]["instanceType"]["nodeSelector"] = {"not a label": "x"}
    status = {"status": {"resolved": before["status"]["resolved"]}}
    await stage.world.patch_status(FINETUNEJOBS, stage.namespace, before["metadata"]["name"], status)
    seen = await stage.visit()
    assert words(seen) == (Phase.PENDING, Reason.CREATE_FAILED)
    assert "not a label" in (seen.message or "")


async def test_hardware_that_no_pod_can_have_is_told_as_the_instance_types_fault(stage: Stage) -> None:
    await stage.world.patch(INSTANCETYPES, None, stage.hardware, {"spec": {"nodeSelector": {"not a label": "x"}}})
    await stage.apply()
    seen = await stage.visit()
    assert words(seen) == (Phase.FAILED, Reason.INVALID_SPEC)
    assert (seen.message or "").startswith("spec.instanceType: the API server does not accept it: Job.batch ")
    assert seen.failure is not None
    assert seen.failure.param == "spec.instanceType"


async def test_an_inspection_that_a_policy_denies_is_tried_again_too(stage: Stage) -> None:
    await stage.world.create(DATASETS, stage.namespace, dataset("rows"))
    async with policy(stage):
        await stage.operator.watch(stage.namespace)
        assert await stage.operator.datasets.reconcile(Key(stage.namespace, "rows")) == 10.0
        seen = (await stage.world.get(DATASETS, stage.namespace, "rows"))["status"]
        assert seen["reason"] == Reason.FORBIDDEN
        assert seen["message"].startswith("jobs.batch ")
