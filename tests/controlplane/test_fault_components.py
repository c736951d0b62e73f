"""What lies under the operator goes away and comes back, older or newer: jobs end the same."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.controlplane.life import NAME, Life
from tests.support.apiserver import CRDS, ApiServer, apply_crds
from tests.support.components import Components, components_of
from tests.support.eventually import eventually
from tests.support.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.kept_operator import KeptOperator, kept_operator, through
from tests.support.operator_process import OperatorLaunch, OperatorProcess
from tests.support.played_nodes import played_nodes

pytestmark = pytest.mark.controlplane

DEFINITION: Final = "finetunejobs.finetune.dev"


@pytest.fixture
def components(api_server: ApiServer) -> Components:
    return components_of(api_server)


@asynccontextmanager
async def an_operator(life: Life, server: ApiServer, folder: Path) -> AsyncIterator[tuple[KeptOperator, FaultyProxy]]:
    """It leads and goes through a proxy, which tells what it wrote."""
    async with faulty_proxy(server, folder) as proxy:
        launch = through(proxy, OperatorLaunch(folder, {"resyncSeconds": 5}))
        async with kept_operator(server, life.namespace, launch) as operator:
            await operator.leads()
            yield operator, proxy
        assert operator.defects() == []


@pytest.mark.parametrize("program", ["etcd", "kube-apiserver"])
async def test_it_is_restarted_and_jobs_end_the_same(
    life: Life, api_server: ApiServer, components: Components, tmp_path: Path, program: str
) -> None:
    async with an_operator(life, api_server, tmp_path) as (operator, _):
        await life.begin()
        await eventually(lambda: life.reaches("Validating"))
        with components.without(program):
            # It waits, or gives up leading and waits for that.
            await eventually(lambda: any(map(_is_refused, operator.lives)), 60)
        async with played_nodes(life.world):
            await life.ends()
        await life.is_as_undisturbed()


async def test_resource_versions_that_go_backwards_are_found_by_comparing(
    life: Life, api_server: ApiServer, components: Components, tmp_path: Path
) -> None:
    async with an_operator(life, api_server, tmp_path) as _:
        await life.begin()
        await eventually(lambda: life.reaches("Validating"))
        components.keep(tmp_path / "backup")
        await eventually(partial(_answers, life))
        async with played_nodes(life.world):
            await eventually(lambda: life.reaches("Running"), 60)
        components.restore(tmp_path / "backup")
        await eventually(partial(_answers, life), 60)
        await life.reaches("Validating")
        async with played_nodes(life.world):
            await life.ends()
        await life.is_as_undisturbed()


async def test_a_definition_is_upgraded_under_the_operator_and_jobs_go_on(
    life: Life, api_server: ApiServer, tmp_path: Path
) -> None:
    async with an_operator(life, api_server, tmp_path) as (operator, proxy):
        await life.begin()
        await eventually(lambda: life.reaches("Validating"))
        try:
            await life.world.replace(CRDS, None, DEFINITION, await _with_a_new_field(life))
            await life.world.patch(FINETUNEJOBS, life.namespace, NAME, {"metadata": {"labels": {"new": "yes"}}})
            async with played_nodes(life.world):
                await life.ends()
        finally:
            await apply_crds(api_server)
        assert len(operator.lives) == 1
        await life.is_as_undisturbed()
        life.took_few_writes(proxy.written)


def _is_refused(operator: OperatorProcess) -> bool:
    return operator.said("cannot renew the Lease") or operator.said("the Lease could not be renewed in time")


async def _answers(life: Life) -> bool:
    try:
        await life.body()
    except ClusterError as error:
        raise AssertionError(str(error)) from error
    return True


async def _with_a_new_field(life: Life) -> Json:
    body = copy.deepcopy(await life.world.get(CRDS, None, DEFINITION))
    for version in body["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        spec["properties"]["colour"] = {"type": "string", "maxLength": 20}
    return body
