"""A job that cannot start says why in the cluster's own words, and goes on as soon as it can."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.cluster import find
from tests.cluster.cluster import CURRENT
from tests.demo.kubectl import Json
from tests.e2e.manifests import finetunejob, instance_type
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

JOB = "waits"


@pytest.fixture
def offered(world: World) -> Iterator[list[str]]:
    """Names of InstanceTypes to remove after the test: they belong to no namespace."""
    names: list[str] = []
    yield names
    for name in names:
        world.kubectl.delete("instancetype", name, "", "--wait=false")


def test_a_pod_that_no_node_can_take_is_queued_with_the_schedulers_words(world: World, offered: list[str]) -> None:
    name = _offer(world, offered, instance_type(_unique("huge"), cpu="900"))
    world.apply(finetunejob(JOB, instanceType=name))

    status = world.until_status(JOB, "unschedulable", lambda status: status.get("reason") == "Unschedulable")

    assert status["phase"] == "Queued"
    assert "Insufficient cpu" in status["message"]


def test_a_gpu_job_lands_on_the_gpu_node_and_never_falls_back_to_the_cpu(world: World, offered: list[str]) -> None:
    if world.target.name == CURRENT:
        pytest.skip("GPUs are simulated on a local node only")
    find(world.target.name).simulate_gpus(8)
    name = _offer(world, offered, instance_type(_unique("gpu"), gpu={"count": 2, "product": "simulated"}))
    world.apply(finetunejob(JOB, instanceType=name, backoffLimit=0))

    status = world.until_over(JOB)

    pod = world.children("pods", JOB, "train")[0]
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "2"
    assert pod["spec"]["nodeName"] == find(world.target.name).node_name
    assert (status["phase"], status["failure"]["code"]) == ("Failed", "NoGpuFound")
    assert "GPU" in status["message"]
    assert len(world.children("jobs", JOB, "train")) == 1


def test_a_claim_that_does_not_exist_is_waited_for_and_named(world: World) -> None:
    world.apply(finetunejob(JOB, output={"uri": "pvc://later"}))
    status = world.until_status(JOB, "without its volume", lambda status: status.get("reason") == "VolumeNotReady")
    assert "later" in status["message"]

    claim: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    world.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "later"}, "spec": claim})

    assert world.succeeded(JOB)["result"]["uri"] == "pvc://later/model"


def _offer(world: World, offered: list[str], kind: Json) -> str:
    name = str(kind["metadata"]["name"])
    offered.append(name)
    world.kubectl.apply(kind)
    return name


def _unique(name: str) -> str:
    return f"{name}-{secrets.token_hex(3)}"
