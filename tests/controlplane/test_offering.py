"""What a job may choose from: a namespace's labels are asked for only where they matter, and not for every job."""

from __future__ import annotations

import pytest

from finetune_operator.cluster.resources import CLAIMS, DATASETS, INSTANCETYPES
from finetune_operator.planning.job import Job, parse_job
from finetune_operator.reconciler.offering import LABELS_KEPT_SECONDS, Offering
from tests.controlplane.stage import Stage
from tests.support.apiserver import NAMESPACES
from tests.support.clock import HandClock
from tests.support.objects import dataset

pytestmark = pytest.mark.controlplane

SELECTOR = {"matchLabels": {"tests.finetune.dev/team": "robots"}}
NAMED = [{"name": "rows", "split": "train", "datasetRef": {"name": "questions"}}]


def asked(stage: Stage) -> int:
    """How often the operator asked for a namespace."""
    return sum(call.plural == "namespaces" for call in stage.operator.calls)


async def a_job(stage: Stage, **spec: object) -> Job:
    """The stage's job, with all that the watch has brought."""
    body = await stage.apply(**spec)
    await stage.operator.watch(stage.namespace)
    return parse_job(body)


async def test_labels_are_asked_for_once_a_minute_where_an_instance_type_selects(stage: Stage) -> None:
    await stage.world.patch(INSTANCETYPES, None, stage.hardware, {"spec": {"namespaceSelector": SELECTOR}})
    await stage.world.patch(NAMESPACES, None, stage.namespace, {"metadata": {"labels": SELECTOR["matchLabels"]}})
    job, clock = await a_job(stage), HandClock()
    offering = Offering(stage.operator.cluster, stage.operator.store, {}, clock)
    for _ in range(3):
        assert (await offering.offer(job)).namespace_labels["tests.finetune.dev/team"] == "robots"
    assert asked(stage) == 1
    clock.pass_(LABELS_KEPT_SECONDS + 1)
    await offering.offer(job)
    assert asked(stage) == 2


async def test_nobody_is_asked_while_nothing_selects(stage: Stage) -> None:
    job = await a_job(stage)
    offering = Offering(stage.operator.cluster, stage.operator.store, {}, HandClock())
    assert (await offering.offer(job)).namespace_labels == {}
    assert asked(stage) == 0


async def test_the_datasets_of_its_namespace_are_offered_to_a_job_that_names_one(stage: Stage) -> None:
    await stage.world.create(DATASETS, stage.namespace, dataset("questions"))
    job = await a_job(stage, datasets=NAMED)
    offering = Offering(stage.operator.cluster, stage.operator.store, {}, HandClock())
    assert list((await offering.offer(job)).datasets) == ["questions"]


async def test_of_claims_that_several_nodes_share_it_is_asked_how_they_may_be_mounted(stage: Stage) -> None:
    size = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    await stage.world.create(CLAIMS, stage.namespace, {"metadata": {"name": "hub"}, "spec": size})
    job = await a_job(stage, nodes=2, output={"uri": "pvc://not-there"}, cache={"claimName": "hub"})
    offering = Offering(stage.operator.cluster, stage.operator.store, {}, HandClock())
    assert (await offering.offer(job)).claims == {"hub": ("ReadWriteOnce",)}
