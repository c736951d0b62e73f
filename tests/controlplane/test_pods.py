"""What is rendered, before a real API server and Job controller, in a namespace that enforces «restricted»."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Final

import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.names import BATCH_JOB_LABEL, INDEX_LABEL, RUN_ANNOTATION
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import AlreadyExists
from finetune_operator.cluster.resources import CLAIMS, JOBS, NAMESPACES, PODS, SERVICES, Resource
from tests.support.eventually import eventually
from tests.unit.planning.golden import cases, rendered

pytestmark = pytest.mark.controlplane

ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
RUNTIMES: Final = Resource("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False)
PRIORITIES: Final = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
KINDS: Final = {resource.kind: resource for resource in (CLAIMS, SERVICES, JOBS)}
RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture
async def restricted(cluster: Cluster) -> AsyncIterator[str]:
    """A namespace that enforces pod security, with what the cases name."""
    name = f"restricted-{secrets.token_hex(4)}"
    await cluster.create(NAMESPACES, None, _body(NAMESPACES, name, labels=RESTRICTED))
    await cluster.create(ACCOUNTS, name, _body(ACCOUNTS, "trainer"))
    for shared in (
        _body(RUNTIMES, "nvidia") | {"handler": "nvidia"},
        _body(PRIORITIES, "batch") | {"value": 1},
    ):
        await _ensure(cluster, RUNTIMES if shared["kind"] == "RuntimeClass" else PRIORITIES, shared)
    yield name
    await cluster.delete(NAMESPACES, None, name)


@pytest.mark.parametrize("case", cases())
async def test_the_job_controller_makes_every_pod_that_is_asked_for(
    case: str, cluster: Cluster, restricted: str
) -> None:
    for body in rendered(case):
        await cluster.create(KINDS[body["kind"]], restricted, _alone(body, restricted))
    for job in (body for body in rendered(case) if body["kind"] == "Job"):
        wanted = 0 if job["spec"].get("suspend") else job["spec"]["completions"]
        pods = await _pods(cluster, restricted, job["metadata"]["name"], wanted)
        assert all(pod["spec"]["automountServiceAccountToken"] is False for pod in pods)


async def test_each_pod_of_several_nodes_has_its_number_and_its_name(cluster: Cluster, restricted: str) -> None:
    *_, job = [_alone(body, restricted) for body in rendered("two-nodes")]
    await cluster.create(JOBS, restricted, job)
    pods = await _pods(cluster, restricted, job["metadata"]["name"], 2)
    name = job["metadata"]["name"]
    assert sorted(pod["metadata"]["labels"][INDEX_LABEL] for pod in pods) == ["0", "1"]
    assert sorted(pod["spec"]["hostname"] for pod in pods) == [f"{name}-0", f"{name}-1"]
    assert {pod["spec"]["subdomain"] for pod in pods} == {name}


async def _pods(cluster: Cluster, namespace: str, job: str, wanted: int) -> list[Json]:
    """The pods of a Job, once there are as many as wanted."""
    if wanted == 0:
        return []

    async def enough() -> list[Json]:
        found = await cluster.list(PODS, namespace, labels=f"{BATCH_JOB_LABEL}={job}")
        return found if len(found) == wanted else []

    return await eventually(enough)


async def _ensure(cluster: Cluster, resource: Resource, body: Json) -> None:
    try:
        await cluster.create(resource, None, body)
    except AlreadyExists:
        return


def _body(resource: Resource, name: str, labels: dict[str, str] | None = None) -> Json:
    metadata = {"name": name, "labels": labels or {}}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}


def _alone(body: Json, namespace: str) -> Json:
    """Without its owner, which does not exist here, and with the run document as the text that it is in a cluster."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "ownerReferences"}
    alone = body | {"metadata": metadata | {"namespace": namespace}}
    if body["kind"] == "Job":
        annotations = alone["spec"]["template"]["metadata"]["annotations"]
        annotations[RUN_ANNOTATION] = json.dumps(annotations[RUN_ANNOTATION])
    return alone
