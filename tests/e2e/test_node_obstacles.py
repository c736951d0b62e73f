"""What keeps a pod from starting on a real node: said in the cluster's words, waited for, and given up in time.

All of it is exhaustive (`make test-all`); what of it is in `make test` is in test_waiting and test_operators. A missing
image needs the operator to itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from finetune_operator.api.names import stage_job_name
from tests.demo.kubectl import Json
from tests.e2e.manifests import finetunejob
from tests.e2e.resumed import training
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.exhaustive]

JOB = "hindered"
ABSENT = "registry.invalid/trainer:absent"


def test_a_quota_that_refuses_the_training_is_quoted_and_once_raised_the_training_starts(world: World) -> None:
    world.apply(_quota(cpu="500m"))
    world.apply(finetunejob(JOB))

    status = world.until_status(JOB, "refused by the quota", lambda status: status.get("reason") == "QuotaExceeded")

    assert status["phase"] == "Queued"
    assert all(words in status["message"] for words in ("exceeded quota: tight", "requests.cpu=800m", "500m"))
    world.apply(_quota(cpu="2"))
    done = world.succeeded(JOB)
    assert [attempt["number"] for attempt in training(done)] == [1], "the quota cost no attempt"
    assert done["retries"] == 0


def test_a_claim_that_nothing_binds_is_waited_for_until_its_storage_class_exists(world: World, storage: Json) -> None:
    name = storage["metadata"]["name"]
    claim: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    about: Json = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "mine"}}
    world.apply(about | {"spec": claim | {"storageClassName": name}})
    world.apply(finetunejob(JOB, output={"uri": "pvc://mine"}))

    status = world.until_status(JOB, "without its volume", lambda status: status.get("reason") == "VolumeNotReady")

    assert "PersistentVolumeClaim" in status["message"]
    world.kubectl.apply(storage)
    assert world.succeeded(JOB)["result"]["uri"] == "pvc://mine/model"


@pytest.mark.alone
def test_an_image_that_cannot_be_pulled_fails_the_job_after_its_start_deadline_and_stays_so(
    world: World, reconfigure: Callable[[Json], None]
) -> None:
    reconfigure({"settings": {"images": {"trl": ABSENT}}})
    world.apply(finetunejob(JOB, startDeadlineSeconds=30))

    status = world.until_over(JOB)

    assert (status["phase"], status["reason"]) == ("Failed", "StartDeadlineExceeded")
    assert "not started within 30 s" in status["message"]
    assert ABSENT in status["message"]
    assert [attempt["number"] for attempt in status["attempts"]] == [1]
    world.wait("its pods are gone", lambda: None if world.children("pods", JOB) else True)
    assert not world.children("jobs", JOB, "train")


def test_a_job_of_somebody_else_with_the_name_of_ours_is_left_alone_and_named(world: World) -> None:
    world.apply(finetunejob(JOB, suspend=True))
    world.until_status(JOB, "suspended", lambda status: status.get("phase") == "Suspended")
    foreign = _foreign_job(world, stage_job_name(JOB, _uid(world), "train", 1))
    world.apply(foreign)
    before = world.kubectl.get("job", foreign["metadata"]["name"], world.namespace)

    world.apply(finetunejob(JOB, suspend=False))
    status = world.until_over(JOB)

    assert (status["phase"], status["reason"]) == ("Failed", "NameConflict")
    assert foreign["metadata"]["name"] in status["message"]
    after = world.kubectl.get("job", foreign["metadata"]["name"], world.namespace)
    assert before
    assert after
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    assert not world.children("pods", JOB, "train")


@pytest.fixture
def storage(world: World) -> Iterator[Json]:
    """The cluster's own StorageClass under a name that nobody provides yet. It goes with the test."""
    classes = world.kubectl.list("storageclasses")
    default = "storageclass.kubernetes.io/is-default-class"
    (own,) = (each for each in classes if each["metadata"].get("annotations", {}).get(default) == "true")
    kept = ("apiVersion", "kind", "provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
    name = f"later-{secrets.token_hex(3)}"
    yield {key: own[key] for key in kept if key in own} | {"metadata": {"name": name}}
    world.kubectl.delete("storageclass", name)


def _quota(cpu: str) -> Json:
    limits = {"hard": {"requests.cpu": cpu}}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"}, "spec": limits}


def _foreign_job(world: World, name: str) -> Json:
    """A Job that never makes a pod."""
    sleeper = {"name": "sleeper", "image": world.target.images["trainer"], "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [sleeper]}}
    spec = {"suspend": True, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def _uid(world: World) -> str:
    found = world.kubectl.get("finetunejob", JOB, world.namespace)
    assert found
    return str(found["metadata"]["uid"])
