"""The operator as a process, its watch included: catalog and Datasets get their status, and jobs wake for what they wait for."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import BASEMODELS, DATASETS, INSTANCETYPES, Resource
from tests.controlplane.stage import Stage, verdict
from tests.support.eventually import eventually
from tests.support.objects import base_model, dataset, instance_type
from tests.support.operator_process import OperatorLaunch, OperatorProcess, running_operator

pytestmark = pytest.mark.controlplane

NAMED: Final = [{"name": "rows", "split": "train", "datasetRef": {"name": "questions"}}]


@pytest.fixture
async def operator(stage: Stage, tmp_path: Path) -> AsyncIterator[OperatorProcess]:
    """An operator that leads."""
    with running_operator(stage.server, stage.namespace, OperatorLaunch(tmp_path)) as process:
        await process.leads()
        yield process


async def ready(stage: Stage, resource: Resource, name: str) -> str:
    """The status of the condition Ready; empty before there is one."""
    body: Json = await stage.world.get(resource, stage.namespace if resource.namespaced else None, name)
    found = body["status"].get("conditions", ())
    return next((str(each["status"]) for each in found if each["type"] == "Ready"), "")


async def is_ready(stage: Stage, resource: Resource, name: str) -> bool:
    return await ready(stage, resource, name) == "True"


async def is_not_ready(stage: Stage, resource: Resource, name: str) -> bool:
    return await ready(stage, resource, name) == "False"


async def reason(stage: Stage, wanted: str) -> bool:
    status = (await stage.body())["status"]
    assert status.get("reason") == wanted, status.get("message")
    return True


@pytest.mark.usefixtures("operator")
async def test_entries_are_judged_as_they_come_and_change(stage: Stage) -> None:
    await eventually(partial(is_ready, stage, INSTANCETYPES, stage.hardware))
    await stage.world.patch(INSTANCETYPES, None, stage.hardware, {"spec": {"sharedMemory": "64Gi"}})
    await eventually(partial(is_not_ready, stage, INSTANCETYPES, stage.hardware))
    model = f"model-{secrets.token_hex(4)}"
    await stage.world.create(BASEMODELS, None, base_model(model, jobTypes=["vla"]))
    try:
        await eventually(partial(is_not_ready, stage, BASEMODELS, model))
    finally:
        await stage.world.delete(BASEMODELS, None, model)


@pytest.mark.usefixtures("operator")
async def test_a_job_that_waits_for_a_dataset_starts_when_it_was_found_valid(stage: Stage) -> None:
    await stage.apply(datasets=NAMED)
    await eventually(partial(reason, stage, "DatasetNotReady"))
    await stage.world.create(DATASETS, stage.namespace, dataset("questions"))
    await stage.run("inspect")
    report = {"rows": 3, "tokens": 0, "warnings": []}
    await stage.end("inspect", message=verdict(stage="inspect", report=report))
    await eventually(partial(is_ready, stage, DATASETS, "questions"))
    await stage.pod("prepare")


@pytest.mark.usefixtures("operator")
async def test_a_job_starts_when_the_instance_type_that_it_names_comes(stage: Stage) -> None:
    name = f"late-{secrets.token_hex(4)}"
    await stage.apply(instanceType=name)
    await eventually(partial(reason, stage, "UnknownInstanceType"))
    await stage.world.create(INSTANCETYPES, None, instance_type(name))
    try:
        await stage.pod("prepare")
    finally:
        await stage.world.delete(INSTANCETYPES, None, name)


async def test_a_successor_finds_what_was_left_half_done(stage: Stage, tmp_path: Path) -> None:
    await stage.world.create(DATASETS, stage.namespace, dataset("questions"))
    launch = OperatorLaunch(tmp_path)
    with running_operator(stage.server, stage.namespace, launch) as first:
        await first.leads()
        await stage.run("inspect")
        first.kill()
    await stage.end("inspect", message=verdict(stage="inspect", report={"rows": 3, "tokens": 0, "warnings": []}))
    with running_operator(stage.server, stage.namespace, launch) as second:
        await second.leads()
        await eventually(partial(is_ready, stage, DATASETS, "questions"))
    assert await stage.jobs() == ["inspect-1"]
