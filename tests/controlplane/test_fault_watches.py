"""Each event of a life is lost, doubled, late or replaced by an error once; watches are refused, cut and silent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from finetune_operator.cluster.resources import CONFIGMAPS, FINETUNEJOBS
from finetune_operator.reconciler.source import LABELS
from tests.controlplane.life import NAME, Life, lives
from tests.support.apiserver import ApiServer
from tests.support.chosen import chosen
from tests.support.eventually import eventually
from tests.support.faults import (
    EventFault,
    Nth,
    an_event_in,
    cut_off,
    delayed,
    doubled,
    dropped,
    is_deletion_of,
    replaced_by_error,
)
from tests.support.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.kept_operator import KeptOperator, kept_operator, through
from tests.support.objects import config_map
from tests.support.operator_process import OperatorLaunch
from tests.support.played_nodes import played_nodes

pytestmark = pytest.mark.controlplane

WAYS: Final[Mapping[str, EventFault]] = {
    "is lost": dropped,
    "comes twice": doubled,
    "comes after the next": delayed,
    "is cut in its middle": cut_off,
    "is a 410": replaced_by_error(410),
    "is a 500": replaced_by_error(500),
    "is a 504": replaced_by_error(504),
}
EVENTS: Final = 24
"""Those of a life, about its job, Jobs and pods; some more come now and then."""
AT_LEAST: Final = 18
ENDS_ALL: Final = ("is a 500", "is a 504")
"""Each of these ends all watches for seconds: most of what happens then is found by comparing."""
AT_LEAST_THEN: Final = 3
SOON: Final = {"resyncSeconds": 2}
"""What no watch tells is found by comparing; every five minutes where nobody says otherwise."""


@pytest.mark.parametrize("way", chosen("events", WAYS, 2))
async def test_each_event_goes_wrong_once_and_every_job_ends_the_same(
    life: Life, api_server: ApiServer, tmp_path: Path, way: str
) -> None:
    async with faulty_proxy(api_server, tmp_path) as proxy, lives(life.world, life.hardware, EVENTS) as all_:
        wrong = [Nth(number, an_event_in(each.namespace)) for number, each in enumerate(all_, start=1)]
        for match in wrong:
            proxy.when_told(match, WAYS[way])
        launch = through(proxy, OperatorLaunch(tmp_path, SOON))
        async with kept_operator(api_server, life.namespace, launch) as operator:
            await operator.leads()
            await _end_undisturbed([life, *all_], operator, proxy)
        assert len([match for match in wrong if match.came]) >= (AT_LEAST_THEN if way in ENDS_ALL else AT_LEAST)


@pytest.mark.parametrize("status", [401, 403])
async def test_watches_that_are_refused_for_a_while_cost_time_only(
    life: Life, api_server: ApiServer, tmp_path: Path, status: int
) -> None:
    async with faulty_proxy(api_server, tmp_path) as proxy:
        launch = through(proxy, OperatorLaunch(tmp_path, SOON))
        async with kept_operator(api_server, life.namespace, launch) as operator:
            await eventually(lambda: len(proxy.streams) == len(LABELS))
            proxy.fail(status, path="watch=true", times=3 * len(LABELS))
            proxy.cut_watches()
            await _end_undisturbed([life], operator, proxy)


async def test_watches_that_fall_silent_while_they_stay_open_cost_time_only(
    life: Life, api_server: ApiServer, tmp_path: Path
) -> None:
    async with faulty_proxy(api_server, tmp_path) as proxy:
        launch = through(proxy, OperatorLaunch(tmp_path, SOON))
        async with kept_operator(api_server, life.namespace, launch) as operator:
            await eventually(lambda: len(proxy.streams) == len(LABELS))
            await operator.leads()
            proxy.silence_watches()
            await _end_undisturbed([life], operator, proxy)


async def test_a_deletion_that_no_watch_tells_starts_nothing_for_a_job_that_is_gone(
    life: Life, api_server: ApiServer, tmp_path: Path
) -> None:
    await _garbage_is_collected(life)
    async with faulty_proxy(api_server, tmp_path) as proxy:
        proxy.when_told(is_deletion_of(FINETUNEJOBS.kind, life.namespace), dropped)
        launch = through(proxy, OperatorLaunch(tmp_path))
        async with kept_operator(api_server, life.namespace, launch) as operator:
            await operator.leads()
            await life.begin()
            await eventually(lambda: life.reaches("Validating"))
            before = len(proxy.written)
            await life.world.delete(FINETUNEJOBS, life.namespace, NAME)
            # Its Jobs go with it, and that they go is told: it looks like Jobs that vanished.
            await eventually(lambda: _has_no_children(life))
            await eventually(lambda: operator.lives[-1].said("was deleted unseen"))
            assert [each for each in proxy.written[before:] if each.plural == "jobs"] == []
        assert operator.defects() == []


async def _end_undisturbed(all_: list[Life], operator: KeptOperator, proxy: FaultyProxy) -> None:
    await asyncio.gather(*(each.begin() for each in all_))
    async with played_nodes(all_[0].world):
        for each in all_:
            await each.ends()
    assert operator.defects() == []
    assert len(operator.lives) == 1
    for each in all_:
        await each.is_as_undisturbed()
        each.took_few_writes(proxy.written)


async def _garbage_is_collected(life: Life) -> None:
    """Wait until the garbage collector knows our kinds: of new definitions it hears within half a minute."""
    owner = await life.begin()
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": NAME,
        "uid": owner["metadata"]["uid"],
    }
    child = config_map("child")
    child["metadata"]["ownerReferences"] = [reference]
    await life.world.create(CONFIGMAPS, life.namespace, child)
    await life.world.delete(FINETUNEJOBS, life.namespace, NAME)
    await eventually(lambda: _is_collected(life), 120)


async def _is_collected(life: Life) -> bool:
    return not await life.world.list(CONFIGMAPS, life.namespace, fields="metadata.name=child")


async def _has_no_children(life: Life) -> bool:
    return not await life.children()
