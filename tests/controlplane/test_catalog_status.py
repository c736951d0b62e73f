"""Catalog entries tell whether jobs can use them: written by the operator, only where it changed, read by kstatus."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from typing_extensions import override

from finetune_operator.api.model import Json
from finetune_operator.cluster.errors import Conflict
from finetune_operator.cluster.resources import BASEMODELS, INSTANCETYPES, Resource
from finetune_operator.reconciler.store import Store
from tests.controlplane.stage import Stage
from tests.support.objects import base_model, instance_type

pytestmark = pytest.mark.controlplane


@asynccontextmanager
async def offered(stage: Stage, resource: Resource, body: Json) -> AsyncIterator[str]:
    """An entry of the catalog while the context lasts."""
    await stage.world.create(resource, None, body)
    yield body["metadata"]["name"]
    await stage.world.delete(resource, None, body["metadata"]["name"])


async def look(stage: Stage) -> None:
    await stage.operator.watch(stage.namespace)
    await stage.operator.catalog.reconcile()


async def status(stage: Stage, resource: Resource, name: str) -> Json:
    found: Json = (await stage.world.get(resource, None, name))["status"]
    return found


async def conditions(stage: Stage, resource: Resource, name: str) -> dict[str, tuple[str, str]]:
    found = (await status(stage, resource, name))["conditions"]
    return {each["type"]: (each["status"], each["reason"]) for each in found}


async def message(stage: Stage, resource: Resource, name: str) -> str:
    found = (await status(stage, resource, name))["conditions"]
    return next(str(each["message"]) for each in found if each["type"] == "Ready")


def unique(name: str) -> str:
    return f"{name}-{secrets.token_hex(4)}"


async def test_an_entry_that_nobody_has_looked_at_is_not_ready(stage: Stage) -> None:
    assert await status(stage, INSTANCETYPES, stage.hardware) == {"observedGeneration": -1}


async def test_a_sound_entry_is_ready_and_says_what_it_leaves_out(stage: Stage) -> None:
    await look(stage)
    assert await conditions(stage, INSTANCETYPES, stage.hardware) == {
        "Ready": ("True", "Usable"),
        "Reconciling": ("False", "Usable"),
        "Stalled": ("False", "Usable"),
    }
    assert (await status(stage, INSTANCETYPES, stage.hardware))["observedGeneration"] == 1
    said = await message(stage, INSTANCETYPES, stage.hardware)
    assert said.startswith("jobs can use it; pricePerHour is missing")


async def test_a_contradictory_instance_type_is_stalled_with_the_sentence(stage: Stage) -> None:
    body = instance_type(unique("tiny"), memory="512Mi", sharedMemory="1Gi")
    async with offered(stage, INSTANCETYPES, body) as name:
        await look(stage)
        found = await conditions(stage, INSTANCETYPES, name)
        assert (found["Ready"], found["Stalled"]) == (("False", "Contradiction"), ("True", "Contradiction"))
        assert "sharedMemory is 1Gi, and memory" in await message(stage, INSTANCETYPES, name)


async def test_of_two_models_with_one_alias_the_second_by_name_is_not_ready(stage: Stage) -> None:
    alias = unique("Org/Model")
    first, second = unique("aa"), unique("bb")
    async with (
        offered(stage, BASEMODELS, base_model(first, aliases=[alias])),
        offered(stage, BASEMODELS, base_model(second, aliases=[alias])),
    ):
        await look(stage)
        assert (await conditions(stage, BASEMODELS, first))["Ready"][0] == "True"
        assert (await conditions(stage, BASEMODELS, second))["Ready"][0] == "False"
        assert await message(stage, BASEMODELS, second) == f"aliases has {alias}, which BaseModel {first!r} has already"


async def test_an_entry_that_is_mended_becomes_ready_and_its_generation_is_seen(stage: Stage) -> None:
    body = instance_type(unique("tiny"), memory="512Mi")
    async with offered(stage, INSTANCETYPES, body) as name:
        await look(stage)
        await stage.world.patch(INSTANCETYPES, None, name, {"spec": {"memory": "8Gi"}})
        await look(stage)
        assert (await conditions(stage, INSTANCETYPES, name))["Ready"] == ("True", "Usable")
        assert (await status(stage, INSTANCETYPES, name))["observedGeneration"] == 2


async def test_a_look_without_news_writes_nothing(stage: Stage) -> None:
    await look(stage)
    before = len(stage.operator.writes())
    await look(stage)
    await look(stage)
    assert len(stage.operator.writes()) == before


async def test_a_stale_view_writes_nothing_and_is_told_so(stage: Stage) -> None:
    await stage.operator.watch(stage.namespace)
    labels = {"metadata": {"labels": {"news": "yes"}}}
    await stage.world.patch(INSTANCETYPES, None, stage.hardware, labels)
    with pytest.raises(Conflict):
        await stage.operator.catalog.reconcile()
    await look(stage)
    assert (await conditions(stage, INSTANCETYPES, stage.hardware))["Ready"][0] == "True"


async def test_an_entry_that_was_deleted_meanwhile_disturbs_nobody(stage: Stage) -> None:
    async with offered(stage, INSTANCETYPES, instance_type(unique("short-lived"))):
        await stage.operator.watch(stage.namespace)
    await stage.operator.catalog.reconcile()
    assert (await conditions(stage, INSTANCETYPES, stage.hardware))["Ready"][0] == "True"


class _Arriving(Store):
    """A view to which an entry comes while the catalog is looked through: with the first status that is written."""

    def __init__(self, coming: Json) -> None:
        super().__init__()
        self.coming = coming

    @override
    def put(self, resource: Resource, body: Json) -> bool:
        if resource == INSTANCETYPES and "status" in body:
            super().put(BASEMODELS, self.coming)
        return super().put(resource, body)


async def test_an_entry_that_comes_while_others_are_told_has_its_own_turn(stage: Stage) -> None:
    late = base_model(unique("late"))
    late["metadata"]["resourceVersion"] = "1"
    store = _Arriving(late)
    entry = await stage.world.get(INSTANCETYPES, None, stage.hardware)
    store.put(INSTANCETYPES, {key: value for key, value in entry.items() if key != "status"})
    keeper = stage.operator.catalog
    await replace(keeper, store=store).reconcile()
    assert await conditions(stage, INSTANCETYPES, stage.hardware)
    assert late["metadata"]["name"] in {body["metadata"]["name"] for body in store.entries(BASEMODELS)}
