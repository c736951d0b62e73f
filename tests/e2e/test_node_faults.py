"""Training pods that a node, a scheduler or a person ends: the job says why, resumes, and never trains twice at once.

Only the first two run in `make test`; the others are exhaustive and run in `make test-all`. Pods deleted by hand are in
test_removal and test_nodes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.demo.kubectl import Json
from tests.e2e import faults
from tests.e2e.manifests import finetunejob, instance_type
from tests.e2e.resumed import Story, assert_resumed_from_a_checkpoint, assert_resumed_without_loss, training
from tests.e2e.training_pods import TrainingPods
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

JOB = "survives"
LITTLE = "300Mi"
"""Less than the trainer needs for its libraries alone."""


@pytest.fixture
def story(world: World, training_pods: TrainingPods) -> Story:
    """The job that the faults happen to."""
    return Story(world, training_pods, JOB)


@pytest.fixture
def lowly(world: World) -> Iterator[str]:
    """A PriorityClass below that of every other pod. It belongs to no namespace, and goes with the test."""
    name = f"lowly-{secrets.token_hex(3)}"
    world.kubectl.apply(faults.priority_class(name, -10))
    yield name
    world.kubectl.delete("priorityclass", name)


def test_a_training_process_that_is_killed_is_started_again_from_its_last_checkpoint(story: Story) -> None:
    story.train()

    faults.kill(story.world, faults.training_pod(story.world, JOB))
    status = story.goes_on()

    lost = training(status)[0]
    assert (lost["outcome"], lost["reason"]) == ("Error", "Error")
    assert "exit code 137" in lost["message"]
    assert status["retries"] == 1
    assert_resumed_from_a_checkpoint(story, status)


def test_a_preempted_job_says_so_and_goes_on_where_it_was(story: Story, lowly: str) -> None:
    story.train(priorityClassName=lowly)

    story.world.apply(faults.intruder(story.world, faults.training_pod(story.world, JOB)))
    status = story.goes_on()

    assert _told(status) == ("Platform", "NodeFailure")
    assert "preempting to accommodate a higher priority pod" in training(status)[0]["message"]
    assert status["retries"] == 0
    assert training(status)[0]["checkpointStep"] == assert_resumed_without_loss(story, status)


@pytest.mark.exhaustive
def test_an_evicted_job_says_so_and_goes_on_where_it_was(story: Story) -> None:
    story.train()

    faults.evict(story.world, faults.training_pod(story.world, JOB))
    status = story.goes_on()

    assert _told(status) == ("Platform", "NodeFailure")
    assert "evict" in training(status)[0]["message"].lower()
    assert status["retries"] == 0
    assert training(status)[0]["checkpointStep"] == assert_resumed_without_loss(story, status)


@pytest.mark.exhaustive
def test_a_job_whose_job_object_is_deleted_by_hand_saves_and_goes_on_and_what_is_over_stays_so(story: Story) -> None:
    story.train()
    (job,) = story.world.children("jobs", JOB, "train")

    story.world.kubectl.delete("job", job["metadata"]["name"], story.world.namespace, "--wait=false")
    status = story.goes_on()

    assert _told(status) == ("Platform", "JobVanished")
    assert status["retries"] == 0
    assert_resumed_without_loss(story, status)
    story.changes_nothing()


@pytest.mark.exhaustive
def test_a_container_that_exceeds_its_memory_fails_the_job_with_the_limit(world: World, small: str) -> None:
    world.apply(finetunejob(JOB, instanceType=small))

    status = world.until_over(JOB)

    assert (status["phase"], status["reason"]) == ("Failed", "OOMKilled")
    assert LITTLE in status["message"]
    assert status["failure"]["cause"] == "User"
    assert status["failure"]["param"] == "spec.instanceType"
    assert [attempt["outcome"] for attempt in status["attempts"]] == ["UserError"]


@pytest.fixture
def small(world: World) -> Iterator[str]:
    """An InstanceType with too little memory. It belongs to no namespace, and goes with the test."""
    name = f"small-{secrets.token_hex(3)}"
    world.kubectl.apply(instance_type(name, memory=LITTLE, sharedMemory="16Mi"))
    yield name
    world.kubectl.delete("instancetype", name, "", "--wait=false")


def _told(status: Json) -> tuple[str, str]:
    """How the first attempt ended, and why."""
    first = training(status)[0]
    return first["outcome"], first["reason"]
