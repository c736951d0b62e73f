"""What a node, a scheduler or a person does to a training pod."""

from __future__ import annotations

import json
import subprocess
from typing import Final

import pytest

from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL, UID_LABEL
from finetune_operator.api.quantity import cores
from tests.cluster import Cluster, find
from tests.cluster.cluster import CURRENT
from tests.demo.kubectl import Json
from tests.demo.pods import Errand, pod
from tests.e2e.world import World

INTRUDER: Final = "intruder"
SPARE: Final = 0.1
"""CPUs that the greedy intruder leaves."""


def training_pod(world: World, job: str) -> Json:
    """The training pod that has not ended."""
    (alive,) = (
        each
        for each in world.children("pods", job, "train")
        if each["status"].get("phase") not in {"Succeeded", "Failed"}
    )
    return alive


def own_node(world: World) -> Cluster:
    """The cluster of ours whose node the test lays hands on; a test that asks for another's is skipped."""
    if world.target.name == CURRENT:
        pytest.skip("the node of a cluster that is not ours is left alone")
    return find(world.target.name)


def kill(world: World, victim: Json) -> None:
    """SIGKILL to the first process of the pod's container, on the node: nobody is asked and nobody is told."""
    container = victim["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    runtime = ["ctr", "--address", str(own_node(world).containerd_socket), "--namespace", "k8s.io"]
    subprocess.run([*runtime, "task", "kill", "--signal", "SIGKILL", container], check=True, capture_output=True)


def evict(world: World, victim: Json) -> None:
    """What `kubectl drain` does: an Eviction of policy/v1."""
    name = victim["metadata"]["name"]
    about: Json = {"name": name, "namespace": world.namespace}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": about}
    place = f"/api/v1/namespaces/{world.namespace}/pods/{name}/eviction"
    world.kubectl.run("create", "--raw", place, "--filename=-", given=json.dumps(eviction))


def priority_class(name: str, value: int) -> Json:
    """A PriorityClass that nobody gets without asking for it."""
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value}


def intruder(world: World, victim: Json) -> Json:
    """A pod of the usual priority that wants the victim's node and does not stand the victim beside it.

    So it preempts that pod alone, whatever else there is room for on the node, and leaves room for the next one.
    """
    sleeper = pod(Errand(INTRUDER, world.target.images["trainer"], ("sleep", "infinity")))
    labels = {label: victim["metadata"]["labels"][label] for label in (UID_LABEL, STAGE_LABEL, ATTEMPT_LABEL)}
    apart = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    sleeper["spec"] |= {
        "nodeSelector": {"kubernetes.io/hostname": victim["spec"]["nodeName"]},
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}},
    }
    return sleeper


def greedy_intruder(world: World, victim: Json) -> Json:
    """A pod of the usual priority for which its node has room without the victim only, and none for the victim beside it.

    For a cluster where nothing else comes and goes.
    """
    sleeper = pod(Errand(INTRUDER, world.target.images["trainer"], ("sleep", "infinity")))
    node = world.kubectl.get("node", victim["spec"]["nodeName"])
    assert node, "the victim's node"
    others = [each for each in world.kubectl.list("pods") if each["metadata"]["uid"] != victim["metadata"]["uid"]]
    room = cores(node["status"]["allocatable"]["cpu"]) - sum(map(_held, others)) - SPARE
    sleeper["spec"]["nodeSelector"] = {"kubernetes.io/hostname": victim["spec"]["nodeName"]}
    sleeper["spec"]["containers"][0]["resources"] = {"requests": {"cpu": f"{room * 1000:.0f}m"}}
    return sleeper


def _held(other: Json) -> float:
    """The CPUs that a pod holds by its requests."""
    if other["status"].get("phase") in {"Succeeded", "Failed"}:
        return 0.0
    wanted = (each.get("resources", {}).get("requests", {}).get("cpu", "0") for each in other["spec"]["containers"])
    return sum(map(cores, wanted))
