"""Listings bring the store in line with the cluster, whatever a watch has missed."""

from __future__ import annotations

import random
import time

import pytest

from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS, JOBS, PODS, Key, Resource
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.resync import Resync
from finetune_operator.reconciler.source import Intake
from finetune_operator.reconciler.store import Store
from tests.support.objects import batch_job, child_labels, fine_tune_job, pod

pytestmark = pytest.mark.controlplane


class World:
    """A store that only listings feed."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.namespace = namespace
        self.store = Store()
        self.queue = WorkQueue(time.monotonic, random.random)
        self.resync = Resync(cluster, self.store, Intake(self.store, self.queue), random.random)

    def holds(self, resource: Resource, name: str) -> bool:
        return self.store.get(resource, Key(self.namespace, name)) is not None

    async def asked_for(self) -> set[str]:
        keys = set()
        while self.queue.depth:
            key = await self.queue.get()
            self.queue.done(key)
            keys.add(key)
        return {key.name for key in keys if key.namespace == self.namespace}


@pytest.fixture
def world(cluster: Cluster, namespace: str) -> World:
    return World(cluster, namespace)


async def test_the_first_listing_knows_all_kinds(cluster: Cluster, world: World) -> None:
    job = await cluster.create(FINETUNEJOBS, world.namespace, fine_tune_job("one"))
    labels = child_labels("one", job["metadata"]["uid"])
    await cluster.create(JOBS, world.namespace, batch_job("child", labels))
    await cluster.create(PODS, world.namespace, pod("child-x", labels))
    await cluster.create(JOBS, world.namespace, batch_job("theirs"))

    await world.resync.fill()

    children = world.store.children(job["metadata"]["namespace"], job["metadata"]["uid"])
    assert [child["metadata"]["name"] for child in (*children.jobs, *children.pods)] == ["child", "child-x"]
    assert not world.holds(JOBS, "theirs")
    assert await world.asked_for() == {"one"}


async def test_what_was_deleted_unseen_is_dropped_and_its_job_looked_at(cluster: Cluster, world: World) -> None:
    await cluster.create(FINETUNEJOBS, world.namespace, fine_tune_job("one"))
    await cluster.create(JOBS, world.namespace, batch_job("child", child_labels("one", "u-1")))
    await world.resync.fill()
    await world.asked_for()
    await cluster.delete(JOBS, world.namespace, "child")

    await world.resync.compare(JOBS)

    assert not world.holds(JOBS, "child")
    assert await world.asked_for() == {"one"}


async def test_what_was_made_and_changed_unseen_is_read(cluster: Cluster, world: World) -> None:
    await cluster.create(FINETUNEJOBS, world.namespace, fine_tune_job("changed"))
    await world.resync.fill()
    await world.asked_for()
    await cluster.create(FINETUNEJOBS, world.namespace, fine_tune_job("made"))
    await cluster.patch(FINETUNEJOBS, world.namespace, "changed", {"metadata": {"labels": {"new": "yes"}}})

    await world.resync.compare(FINETUNEJOBS)

    assert world.holds(FINETUNEJOBS, "made")
    changed = world.store.job(Key(world.namespace, "changed"))
    assert changed is not None
    assert changed["metadata"]["labels"] == {"new": "yes"}
    assert await world.asked_for() == {"made", "changed"}


async def test_a_namesake_made_unseen_takes_the_place_of_the_old_one(cluster: Cluster, world: World) -> None:
    await cluster.create(FINETUNEJOBS, world.namespace, fine_tune_job("one"))
    await world.resync.fill()
    await cluster.delete(FINETUNEJOBS, world.namespace, "one")
    second = await cluster.create(FINETUNEJOBS, world.namespace, fine_tune_job("one"))

    await world.resync.compare(FINETUNEJOBS)

    held = world.store.job(Key(world.namespace, "one"))
    assert held is not None
    assert held["metadata"]["uid"] == second["metadata"]["uid"]


async def test_where_nothing_changed_nothing_is_read_or_asked_for(cluster: Cluster, world: World) -> None:
    await cluster.create(FINETUNEJOBS, world.namespace, fine_tune_job("one"))
    await world.resync.fill()
    await world.asked_for()

    await world.resync.compare(FINETUNEJOBS)

    assert await world.asked_for() == set()
