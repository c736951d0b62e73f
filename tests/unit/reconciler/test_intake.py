"""An event updates the store and enqueues whose work it is, and nothing else."""

from __future__ import annotations

import random
import time

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import FINETUNEJOBS, INSTANCETYPES, JOBS, Key
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.source import Intake
from finetune_operator.reconciler.store import Store
from tests.support.objects import batch_job, child_labels, fine_tune_job, instance_type


def stamped(body: Json, version: int, **parts: Json) -> Json:
    return {**body, **parts, "metadata": {**body["metadata"], "namespace": "ns", "resourceVersion": str(version)}}


class World:
    """A store and a queue with an intake before them."""

    def __init__(self) -> None:
        self.store = Store()
        self.queue = WorkQueue(time.monotonic, random.random)
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


async def test_a_child_is_its_jobs_work_when_it_comes_and_when_it_goes() -> None:
    world = World()
    child = batch_job("one-prepare-1", child_labels("one", "u-1"))

    world.intake.changed(JOBS, stamped(child, 1))
    assert await world.asked_for() == {"one"}

    world.intake.deleted(JOBS, stamped(child, 2))
    assert await world.asked_for() == {"one"}
    assert world.store.children("u-1").jobs == ()


async def test_a_child_that_names_no_job_is_nobodys_work() -> None:
    world = World()
    world.intake.changed(JOBS, stamped(batch_job("stray"), 1))

    assert await world.asked_for() == set()


async def test_an_instance_type_is_the_work_of_all_jobs_that_have_not_ended() -> None:
    world = World()
    for name, phase in (("waits", "Queued"), ("new", None), ("done", "Succeeded"), ("failed", "Failed")):
        status = {"status": {"phase": phase}} if phase else {}
        world.store.put(FINETUNEJOBS, stamped(fine_tune_job(name), 1, **status))

    world.intake.changed(INSTANCETYPES, stamped(instance_type("cpu-small"), 2))

    assert await world.asked_for() == {"waits", "new"}
