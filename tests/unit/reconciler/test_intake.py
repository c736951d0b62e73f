"""An event updates the store and enqueues whose work it is, and nothing else."""

from __future__ import annotations

import random
import time

import pytest

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.cluster.bucket import Monotonic
from finetune_operator.cluster.resources import (
    BASEMODELS,
    DATASETS,
    FINETUNEJOBS,
    INSTANCETYPES,
    JOBS,
    PODS,
    Key,
    Resource,
)
from finetune_operator.reconciler.backlog import Priority
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.source import PLACING_SECONDS, Intake
from finetune_operator.reconciler.store import Store
from finetune_operator.reconciler.task import Task
from tests.support.objects import base_model, batch_job, child_labels, dataset, fine_tune_job, instance_type, pod


def stamped(body: Json, version: int, **parts: Json) -> Json:
    return {**body, **parts, "metadata": {**body["metadata"], "namespace": "ns", "resourceVersion": str(version)}}


class World:
    """A store and a queue with an intake before them."""

    def __init__(self, clock: Monotonic = time.monotonic) -> None:
        self.store = Store()
        self.queue = WorkQueue(clock, random.random)
        self.intake = Intake(self.store, self.queue)

    async def asked_for(self) -> set[str]:
        keys = set()
        while self.queue.depth:
            key = await self.queue.get()
            self.queue.done(key)
            keys.add(key.name)
        return keys


async def test_a_changed_job_is_kept_and_enqueued() -> None:
    world = World()
    world.intake.changed(FINETUNEJOBS, stamped(fine_tune_job("one"), 1))

    assert await world.asked_for() == {"one"}
    assert world.store.keys() == (Key("ns", "one"),)


async def test_the_echo_of_our_own_write_is_no_work() -> None:
    world = World()
    world.store.put(FINETUNEJOBS, stamped(fine_tune_job("one"), 5))

    world.intake.changed(FINETUNEJOBS, stamped(fine_tune_job("one"), 5))

    assert await world.asked_for() == set()


async def test_news_that_our_own_write_overtook_is_still_work() -> None:
    world = World()
    world.store.put(FINETUNEJOBS, stamped(fine_tune_job("one"), 6))

    world.intake.changed(FINETUNEJOBS, stamped(fine_tune_job("one"), 5))

    assert await world.asked_for() == {"one"}
    job = world.store.job(Key("ns", "one"))
    assert job is not None
    assert job["metadata"]["resourceVersion"] == "6"


async def test_the_steps_of_a_starting_pod_are_one_piece_of_work() -> None:
    now = 100.0
    world = World(lambda: now)
    made = stamped(pod("one-train-1-x", child_labels("one", "u-1")), 1, status={"phase": "Pending"})
    placed = stamped(made, 2, spec=made["spec"] | {"nodeName": "gpu-0"})

    world.intake.changed(PODS, made)
    world.intake.changed(PODS, placed)
    assert await world.asked_for() == set()

    now += PLACING_SECONDS
    assert await world.asked_for() == {"one"}


@pytest.mark.parametrize(
    "news",
    [{"status": {"phase": "Running"}}, {"status": {"phase": "Pending"}, "deletionTimestamp": "2026-01-01T00:00:00Z"}],
)
async def test_a_pod_that_runs_or_goes_is_work_at_once(news: Json) -> None:
    world = World()
    going = stamped(pod("one-train-1-x", child_labels("one", "u-1")), 1, status=news["status"])
    going["metadata"] |= {name: value for name, value in news.items() if name != "status"}

    world.intake.changed(PODS, going)

    assert await world.asked_for() == {"one"}


async def test_a_child_is_its_jobs_work_when_it_comes_and_when_it_goes() -> None:
    world = World()
    child = batch_job("one-prepare-1", child_labels("one", "u-1"))

    world.intake.changed(JOBS, stamped(child, 1))
    assert await world.asked_for() == {"one"}

    world.intake.deleted(JOBS, stamped(child, 2))
    assert await world.asked_for() == {"one"}
    assert world.store.children("ns", "u-1").jobs == ()


async def test_the_last_state_of_a_pod_comes_with_its_deletion() -> None:
    world = World()
    labels = child_labels("one", "u-1")
    job = stamped(batch_job("one-train-1", labels), 1)
    job["metadata"]["uid"] = "job-1"
    world.intake.changed(JOBS, job)
    gone = stamped(pod("one-train-1-x", labels), 3, status={"phase": "Failed"})
    gone["metadata"] |= {
        "uid": "pod-1",
        "ownerReferences": [{"name": "one-train-1", "uid": "job-1", "controller": True}],
    }

    world.intake.deleted(PODS, gone)

    assert [each["status"] for each in world.store.children("ns", "u-1").departed] == [{"phase": "Failed"}]
    assert world.store.children("ns", "u-1").pods == ()


async def test_a_child_that_names_no_job_is_nobodys_work() -> None:
    world = World()
    world.intake.changed(JOBS, stamped(batch_job("stray"), 1))

    assert await world.asked_for() == set()


ADMITTED = {"phase": "Queued", "resolved": {"image": "x"}}


def holding(world: World, **statuses: Json | None) -> None:
    for name, status in statuses.items():
        body = fine_tune_job(name, datasets=[{"name": "d", "split": "train", "datasetRef": {"name": "rows"}}])
        world.store.put(FINETUNEJOBS, stamped(body, 1, **({"status": status} if status else {})))


@pytest.mark.parametrize(
    ("resource", "body"), [(INSTANCETYPES, instance_type("cpu-small")), (BASEMODELS, base_model("llama"))]
)
async def test_a_catalog_entry_is_the_work_of_the_catalog_and_of_jobs_that_are_not_admitted(
    resource: Resource, body: Json
) -> None:
    world = World()
    holding(world, waits={"phase": "Pending"}, new=None, admitted=ADMITTED, failed={"phase": "Failed"})

    world.intake.changed(resource, stamped(body, 2))

    assert await world.asked_for() == {"catalog", "waits", "new"}


async def test_a_catalog_entry_wakes_datasets_that_name_a_model_until_they_are_judged() -> None:
    world = World()
    judged = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    world.store.put(DATASETS, stamped(dataset("waits", model="llama"), 1))
    world.store.put(DATASETS, stamped(dataset("judged", model="llama"), 1, **judged))
    world.store.put(DATASETS, stamped(dataset("needs-none"), 1))

    world.intake.changed(BASEMODELS, stamped(base_model("llama"), 2))

    assert await world.asked_for() == {"catalog", "waits"}


async def test_the_status_of_a_catalog_entry_wakes_no_job() -> None:
    world = World()
    holding(world, new=None)
    world.store.put(INSTANCETYPES, stamped(instance_type("cpu-small"), 1))

    world.intake.changed(INSTANCETYPES, stamped(instance_type("cpu-small"), 2, status={"observedGeneration": 1}))

    assert await world.asked_for() == {"catalog"}


async def test_a_dataset_is_its_own_work_and_that_of_jobs_that_name_it_and_are_not_admitted() -> None:
    world = World()
    holding(world, waits={"phase": "Pending"}, admitted=ADMITTED)
    world.store.put(FINETUNEJOBS, stamped(fine_tune_job("another"), 1))

    world.intake.changed(DATASETS, stamped(dataset("rows"), 2))

    assert await world.asked_for() == {"rows", "waits"}


async def test_an_inspection_is_the_work_of_its_dataset_and_not_of_a_job_of_that_name() -> None:
    world = World()
    labels = {names.DATASET_LABEL: "rows", names.DATASET_UID_LABEL: "u-2", names.STAGE_LABEL: "inspect"}

    world.intake.changed(JOBS, stamped(batch_job("rows-inspect-1", labels), 1))

    assert [await world.queue.get()] == [Task("ns", "rows", "Dataset")]
    assert [each["metadata"]["name"] for each in world.store.children("ns", "u-2").jobs] == ["rows-inspect-1"]


async def test_a_revisit_asks_for_the_catalog_for_datasets_and_for_jobs_that_go_on_or_were_edited() -> None:
    world = World()
    edited = {"phase": "Failed", "observedGeneration": 0}
    holding(world, admitted=ADMITTED, done={"phase": "Succeeded"}, edited=edited)
    world.store.put(DATASETS, stamped(dataset("rows"), 1))

    world.intake.revisit(Priority.RESYNC)

    assert await world.asked_for() == {"catalog", "rows", "admitted", "edited"}


async def test_a_revisit_passes_over_what_was_looked_at_since_the_last_one() -> None:
    world = World()
    holding(world, admitted=ADMITTED)
    world.intake.revisit(Priority.RESYNC)
    assert await world.asked_for() == {"catalog", "admitted"}

    world.intake.revisit(Priority.RESYNC)
    assert await world.asked_for() == {"catalog"}

    world.intake.revisit(Priority.RESYNC)
    assert await world.asked_for() == {"catalog", "admitted"}


RUNNING = {"phase": "Running", "containerStatuses": [{"name": "trainer", "state": {"running": {"startedAt": "now"}}}]}


async def test_a_change_of_a_child_that_no_decision_reads_is_no_work_and_yet_its_version_is_known() -> None:
    world = World()
    child = pod("one-train-1-x", child_labels("one", "u-1"))
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "podIP": "10.0.0.7"}
    world.intake.changed(PODS, stamped(child, 1, status=RUNNING | {"conditions": []}))
    await world.asked_for()

    world.intake.changed(PODS, stamped(child, 2, status=RUNNING | ready))

    assert await world.asked_for() == set()
    kept = world.store.pod(Key("ns", "one-train-1-x"))
    assert kept is not None
    assert kept["metadata"]["resourceVersion"] == "2"


@pytest.mark.parametrize(
    "change",
    [
        {"phase": "Failed"},
        {"conditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"conditions": [{"type": "PodScheduled", "status": "False", "message": "no node fits"}]},
        {"containerStatuses": [{"name": "trainer", "state": {"terminated": {"exitCode": 1}}}]},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_change_of_a_child_that_decisions_read_is_work(change: Json) -> None:
    world = World()
    child = pod("one-train-1-x", child_labels("one", "u-1"))
    world.intake.changed(PODS, stamped(child, 1, status=RUNNING | {"conditions": []}))
    await world.asked_for()

    world.intake.changed(PODS, stamped(child, 2, status=RUNNING | {"conditions": []} | change))

    assert await world.asked_for() == {"one"}


async def test_a_job_whose_pods_are_only_counted_anew_is_no_work_and_one_that_is_over_is() -> None:
    world = World()
    child = batch_job("one-train-1", child_labels("one", "u-1"))
    world.intake.changed(JOBS, stamped(child, 1, status={"conditions": []}))
    await world.asked_for()

    world.intake.changed(JOBS, stamped(child, 2, status={"conditions": [], "active": 1, "ready": 1}))
    assert await world.asked_for() == set()

    over = [{"type": "Complete", "status": "True"}]
    world.intake.changed(JOBS, stamped(child, 3, status={"conditions": over, "succeeded": 1}))
    assert await world.asked_for() == {"one"}


async def test_a_child_that_is_told_to_go_is_work() -> None:
    world = World()
    child = pod("one-train-1-x", child_labels("one", "u-1"))
    world.intake.changed(PODS, stamped(child, 1, status=RUNNING))
    await world.asked_for()
    told = stamped(child, 2, status=RUNNING)
    told["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"

    world.intake.changed(PODS, told)

    assert await world.asked_for() == {"one"}
