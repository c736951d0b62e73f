"""A job on several nodes: its pods find each other, train one model together, and one verdict speaks for all."""

from __future__ import annotations

import json

import pytest

from finetune_operator.api.names import INDEX_LABEL
from tests.demo.kubectl import Json
from tests.e2e.manifests import ENDLESS, QUICK, finetunejob
from tests.e2e.world import World

# Not beside each other: pods of two such jobs, each waiting for its own second one, could fill the node.
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("nodes")]

JOB = "together"
CLAIM = "shared"
NODES = 2


def two_nodes(world: World, hyperparameters: Json) -> Json:
    """A job of two pods. The local cluster has one node and no storage for many: they share a claim on that node."""
    claim: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    world.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": claim})
    return finetunejob(JOB, nodes=NODES, output={"uri": f"pvc://{CLAIM}/runs/first"}, hyperparameters=hyperparameters)


@pytest.mark.exhaustive  # the last test of this file begins so and goes on
def test_two_pods_train_one_model_to_the_end(world: World) -> None:
    world.apply(two_nodes(world, QUICK | {"epochs": 4}))

    status = world.succeeded(JOB)

    pods = world.children("pods", JOB, "train")
    assert sorted(pod["metadata"]["labels"][INDEX_LABEL] for pod in pods) == ["0", "1"]
    assert [pod["status"]["phase"] for pod in pods] == ["Succeeded", "Succeeded"]
    assert len(world.children("pods", JOB, "prepare")) == 1
    # Each pod sees half of the 48 rows of an epoch, in batches of 8 over both.
    assert status["progress"]["step"] == status["progress"]["totalSteps"] == 24
    assert status["progress"]["metrics"]["loss"] < status["progress"]["metrics"]["firstLoss"]
    assert status["result"]["uri"] == f"pvc://{CLAIM}/runs/first/model"
    assert "adapter_model.safetensors" in world.shell("ls /claim/runs/first/model", CLAIM).split()
    verdicts = _verdicts(pods)
    assert {verdict["result"] for verdict in verdicts.values()} == {"completed"}
    assert ["artifact" in verdicts[index] for index in ("0", "1")] == [True, False]


def test_the_pods_meet_at_the_name_that_a_headless_service_gives_the_first(world: World) -> None:
    world.apply(two_nodes(world, ENDLESS))
    world.until_training(JOB)

    (job,) = world.children("jobs", JOB, "train")
    (service,) = world.children("services", JOB)
    name = job["metadata"]["name"]
    assert service["metadata"]["name"] == name
    assert service["spec"]["clusterIP"] == "None"
    assert job["spec"]["completionMode"] == "Indexed"
    for pod in world.children("pods", JOB, "train"):
        variables = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
        assert variables["MASTER_ADDR"] == f"{name}-0.{name}.{world.namespace}.svc"


def test_when_one_pod_is_told_to_end_all_save_and_the_next_attempt_goes_on(world: World) -> None:
    world.apply(two_nodes(world, QUICK | {"epochs": 20}))
    world.until_training(JOB, step=3)
    (second,) = (pod for pod in world.children("pods", JOB, "train") if pod["metadata"]["labels"][INDEX_LABEL] == "1")

    world.kubectl.delete("pod", second["metadata"]["name"], world.namespace, "--wait=false")
    status = world.succeeded(JOB)

    training = [attempt for attempt in status["attempts"] if attempt["stage"] == "train"]
    assert [attempt["outcome"] for attempt in training] == ["Platform", "Succeeded"]
    assert status.get("retries", 0) == 0
    lines = world.shell("cat /claim/runs/first/metrics.jsonl", CLAIM).splitlines()
    again = [entry["step"] for entry in map(json.loads, lines) if entry["attempt"] == training[1]["number"]]
    assert min(again) > 3
    assert max(again) == status["progress"]["totalSteps"]


def _verdicts(pods: list[Json]) -> dict[str, Json]:
    """Index → what the trainer said at the end."""
    return {
        pod["metadata"]["labels"][INDEX_LABEL]: json.loads(
            pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
        )
        for pod in pods
    }
