"""A job that goes well, from the apply to the model on the claim."""

from __future__ import annotations

import json

import pytest

from finetune_operator.api import uris
from finetune_operator.api.names import STAGE_LABEL
from tests.demo.kubectl import Json
from tests.e2e.manifests import QUICK, finetunejob
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
one_job = pytest.mark.xdist_group("one-finished-job")
"""For the tests that look at the job of ``finished``: one process trains it once for all of them."""

JOB = "trains"


@pytest.fixture(scope="module")
def finished(shared_world: World) -> Json:
    """The status of a job that has succeeded, in the shared namespace."""
    shared_world.apply(finetunejob(JOB))
    return shared_world.succeeded(JOB)


@one_job
def test_a_job_trains_for_real_and_leaves_its_model_and_its_metrics_on_the_claim(
    shared_world: World, finished: Json
) -> None:
    metrics = finished["progress"]["metrics"]
    assert metrics["loss"] < metrics["firstLoss"]
    assert finished["report"]["rows"] == 48
    where = uris.parse(finished["result"]["uri"])
    assert isinstance(where, uris.ClaimPath)
    files, logged = _on_claim(shared_world, where)
    assert set(finished["result"]["files"]) <= files
    assert "adapter_model.safetensors" in files
    assert [entry["step"] for entry in logged][-1] == finished["progress"]["totalSteps"]
    assert logged[-1]["loss"] < logged[0]["loss"]


@one_job
def test_its_pods_keep_pod_security_restricted_and_hold_no_credentials_of_the_cluster(
    shared_world: World, finished: Json
) -> None:
    # The namespace enforces «restricted», so the pods' existence shows most of it.
    assert finished["phase"] == "Succeeded"
    pods = shared_world.children("pods", JOB)
    assert {pod["metadata"]["labels"][STAGE_LABEL] for pod in pods} == {"prepare", "train"}
    for pod in pods:
        assert pod["spec"]["automountServiceAccountToken"] is False
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@one_job
def test_kubectl_shows_phase_progress_loss_and_hours_in_columns_and_its_life_in_events(
    shared_world: World, finished: Json
) -> None:
    header, values = shared_world.kubectl.run("get", "ftj", JOB, f"--namespace={shared_world.namespace}").splitlines()

    columns = ["NAME", "PHASE", "MODEL", "INSTANCE", "PROGRESS", "ETA", "LOSS", "HOURS", "COST", "AGE"]
    assert header.split() == columns
    assert values.split()[1] == finished["phase"]
    described = shared_world.kubectl.run("describe", "ftj", JOB, f"--namespace={shared_world.namespace}")
    events = described.partition("\nEvents:")[2]
    assert all(reason in events for reason in ("Validating", "Training", "Completed")), events


def test_progress_appears_while_the_job_runs(world: World) -> None:
    world.apply(finetunejob(JOB, hyperparameters=QUICK | {"epochs": 60}))

    status = world.until_training(JOB, step=2)

    assert status["phase"] == "Running"
    assert status["reason"] == "Training"
    assert 0 < status["progress"]["step"] < status["progress"]["totalSteps"]
    assert status["progress"]["metrics"]["loss"] > 0
    assert status["startTime"]
    assert world.succeeded(JOB)["progress"]["step"] == status["progress"]["totalSteps"]


def test_every_weight_is_trained_without_lora_into_a_claim_that_exists(world: World) -> None:
    claim: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    world.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "mine"}, "spec": claim})
    output = {"uri": "pvc://mine/runs/first"}
    parameters = {"steps": 10, "learningRate": 0.001, "lora": {"enabled": False}}
    world.apply(finetunejob(JOB, hyperparameters=parameters, output=output))

    status = world.succeeded(JOB)

    assert status["result"]["kind"] == "model"
    assert status["result"]["uri"] == "pvc://mine/runs/first/model"
    assert "config.json" in world.shell("ls /claim/runs/first/model", "mine").split()


def _on_claim(world: World, where: uris.ClaimPath) -> tuple[set[str], list[Json]]:
    """The names of the model's files, and the lines of metrics.jsonl."""
    script = f"ls /claim/{where.path} && echo --- && cat /claim/metrics.jsonl"
    files, _, lines = world.shell(script, where.claim).partition("---\n")
    return set(files.split()), [json.loads(line) for line in lines.splitlines()]
