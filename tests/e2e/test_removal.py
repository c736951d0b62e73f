"""What somebody deletes by hand: the whole job, or the pod that trains."""

from __future__ import annotations

import json

import pytest

from finetune_operator.api.names import JOB_LABEL
from tests.e2e.audit import Audit
from tests.e2e.manifests import ENDLESS, finetunejob
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

JOB = "removed"
PASSING = {"events", "events.events.k8s.io", "pods.metrics.k8s.io"}
"""Kinds that come and go by themselves."""


def test_deleting_a_running_job_leaves_nothing_but_the_claim_that_is_retained(world: World) -> None:
    before = _everything(world)
    world.apply(finetunejob(JOB, hyperparameters=ENDLESS))
    world.until_training(JOB)

    world.kubectl.delete("finetunejob", JOB, world.namespace)

    left = world.wait("only the claim is left", lambda: left if len(left := _everything(world) - before) <= 1 else None)
    claims = world.kubectl.list("persistentvolumeclaims", world.namespace, f"{JOB_LABEL}={JOB}")
    assert left == {f"persistentvolumeclaim/{claims[0]['metadata']['name']}"}


def test_deleting_a_job_whose_claim_is_not_retained_leaves_nothing(world: World) -> None:
    before = _everything(world)
    world.apply(finetunejob(JOB, hyperparameters=ENDLESS, output={"retain": False, "storageSize": "1Gi"}))
    world.until_training(JOB)

    world.kubectl.delete("finetunejob", JOB, world.namespace)

    world.wait("nothing is left", lambda: True if _everything(world) == before else None)


@pytest.mark.exhaustive  # test_node_faults.py has the same with a signal
def test_a_training_pod_deleted_by_hand_is_followed_by_one_that_resumes_from_its_checkpoint(
    world: World, audit: Audit
) -> None:
    world.apply(finetunejob(JOB, hyperparameters={"steps": 300, "learningRate": 0.01}))
    world.until_training(JOB, step=5)
    pod = world.children("pods", JOB, "train")[0]["metadata"]["name"]

    world.kubectl.run("delete", "pod", pod, f"--namespace={world.namespace}", "--wait=false")

    status = world.succeeded(JOB)
    attempts = [attempt for attempt in status["attempts"] if attempt["stage"] == "train"]
    assert [(attempt["number"], attempt["outcome"]) for attempt in attempts] == [(1, "Platform"), (2, "Succeeded")]
    assert len(audit.jobs("train")) == 2
    assert status["retries"] == 0
    steps = _steps(world, status["result"]["uri"].removeprefix("pvc://").partition("/")[0])
    assert steps[2][0] > 1, "the second attempt began where the first had saved"
    assert steps[2][-1] == status["progress"]["totalSteps"] == 300


def _everything(world: World) -> set[str]:
    """Every resource of every kind in the namespace, as kind/name."""
    kinds = world.kubectl.run("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    wanted = ",".join(sorted(set(kinds) - PASSING))
    found = world.kubectl.run("get", wanted, f"--namespace={world.namespace}", "--output=name", "--ignore-not-found")
    return set(found.split())


def _steps(world: World, claim: str) -> dict[int, list[int]]:
    """The steps that each attempt logged."""
    entries = [json.loads(line) for line in world.shell("cat /claim/metrics.jsonl", claim).splitlines()]
    steps: dict[int, list[int]] = {}
    for entry in entries:
        steps.setdefault(entry["attempt"], []).append(entry["step"])
    return steps
