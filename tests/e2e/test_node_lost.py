"""The node of a training pod dies and comes back: said while it is away, never trained twice, resumed when it is back.

Exhaustive (`make test-all`), and alone: nothing else runs on a node whose kubelet is ended. The operator's own pod
stands for one on another node: its container goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.cluster import Cluster
from tests.demo.kubectl import Json
from tests.e2e import faults
from tests.e2e.resumed import Story, assert_resumed_from_a_checkpoint, training
from tests.e2e.training_pods import TrainingPods
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.exhaustive]

JOB = "stranded"
LOST_SECONDS: Final = 180.0
"""The cluster takes the most of a minute to believe that a node is lost; then the pod has its grace, then half a minute."""
SOON: Final = 5


@pytest.fixture
def node(world: World) -> Iterator[Cluster]:
    """The cluster whose node dies; it is whole again after the test."""
    node = faults.own_node(world)
    yield node
    node.start("kubelet")
    world.wait("the node is ready again", lambda: _is_ready(world, node.node_name))


@pytest.mark.timeout(900)
def test_a_lost_node_is_named_nothing_is_started_beside_it_and_the_job_resumes_when_it_is_back(
    world: World, training_pods: TrainingPods, node: Cluster
) -> None:
    story = Story(world, training_pods, JOB)
    story.train()
    victim = faults.training_pod(world, JOB)
    _leaves_lost_nodes_soon(world, victim)

    node.stop("kubelet")
    faults.kill(world, victim)
    world.wait("the cluster ends the lost node's pod", lambda: _ends(world, victim), LOST_SECONDS)
    _shorten_its_grace(world, victim)
    status = world.until_status(JOB, "said to be lost", lambda status: status.get("reason") == "NodeUnreachable")

    assert node.node_name in status["message"]
    assert "an administrator must" in status["message"]
    assert training_pods.names() == {victim["metadata"]["name"]}
    node.start("kubelet")
    status = story.goes_on()
    assert (training(status)[0]["outcome"], training(status)[0]["reason"]) == ("Platform", "NodeFailure")
    assert status["retries"] == 0
    assert_resumed_from_a_checkpoint(story, status)


def _leaves_lost_nodes_soon(world: World, pod: Json) -> None:
    """So that the cluster ends it some seconds after its node was lost, and not after five minutes."""
    tolerations = [_sooner(each) for each in pod["spec"]["tolerations"]]
    place = (pod["metadata"]["name"], f"--namespace={world.namespace}")
    world.kubectl.run("patch", "pod", *place, f"--patch={json.dumps({'spec': {'tolerations': tolerations}})}")


def _sooner(toleration: Json) -> Json:
    return toleration | {"tolerationSeconds": SOON} if "tolerationSeconds" in toleration else toleration


def _ends(world: World, pod: Json) -> bool | None:
    found = world.kubectl.get("pod", pod["metadata"]["name"], world.namespace)
    assert found, "a pod of a lost node stays until the node or an administrator confirms that it has ended"
    return "deletionTimestamp" in found["metadata"] or None


def _shorten_its_grace(world: World, pod: Json) -> None:
    """So that the test need not wait two minutes for a container that has ended already."""
    place = (pod["metadata"]["name"], f"--namespace={world.namespace}")
    world.kubectl.run("delete", "pod", *place, "--grace-period=1", "--wait=false")


def _is_ready(world: World, name: str) -> bool | None:
    found = world.kubectl.get("node", name)
    conditions = found["status"]["conditions"] if found else []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return True if ready and found and not found["spec"].get("taints") else None
