"""Each write of a life goes wrong once, in every way in which the answer of an API server may: the end is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from tests.controlplane.life import WRITES, Life, lives
from tests.support.apiserver import ApiServer
from tests.support.chosen import chosen, dice
from tests.support.eventually import eventually
from tests.support.faults import Fault, Nth, a_write_in, answer, by_chance, cut, hang
from tests.support.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.kept_operator import KeptOperator, kept_operator, through
from tests.support.operator_process import OperatorLaunch
from tests.support.played_nodes import played_nodes

pytestmark = pytest.mark.controlplane

WAYS: Final[Mapping[str, Fault]] = {
    "409": answer(409),
    "429": answer(429),
    "429 and asked to wait": answer(429, retry_after=2),
    "500": answer(500),
    "503": answer(503),
    "504": answer(504),
    "hangs": hang(),
    "cut": cut(),
    "409 though it was written": answer(409, delivered=True),
    "500 though it was written": answer(500, delivered=True),
    "504 though it was written": answer(504, delivered=True),
    "hangs though it was written": hang(delivered=True),
    "cut in the answer": cut(delivered=True),
}
STORMS: Final = range(10)


@pytest.mark.parametrize("way", chosen("answers", WAYS, 2))
async def test_each_write_goes_wrong_once_and_every_job_ends_the_same(
    life: Life, api_server: ApiServer, tmp_path: Path, way: str
) -> None:
    async with faulty_proxy(api_server, tmp_path) as proxy, lives(life.world, life.hardware, WRITES.total()) as all_:
        wrong = [Nth(number, a_write_in(each.namespace)) for number, each in enumerate(all_, start=1)]
        for match in wrong:
            proxy.when(match, WAYS[way])
        operator = await _undisturbed_in_the_end([life, *all_], proxy, api_server, tmp_path, faults=wrong)
        assert len(operator.lives) == 1


@pytest.mark.parametrize("storm", chosen("storms", STORMS, 1))
async def test_every_fifth_request_goes_wrong_somehow_and_every_job_ends_the_same(
    life: Life, api_server: ApiServer, tmp_path: Path, storm: int
) -> None:
    chance = dice(f"storm {storm}")

    def is_hit(request: web.Request) -> bool:
        return "watch=true" not in request.query_string and "/leases" not in request.path and chance.random() < 0.2

    async with faulty_proxy(api_server, tmp_path) as proxy, lives(life.world, life.hardware, 4) as all_:
        proxy.when(is_hit, by_chance(chance, *WAYS.values()))
        await _undisturbed_in_the_end([life, *all_], proxy, api_server, tmp_path, more=20)


async def _undisturbed_in_the_end(
    all_: list[Life], proxy: FaultyProxy, server: ApiServer, folder: Path, *, more: int = 2, faults: Sequence[Nth] = ()
) -> KeptOperator:
    """All lives to their ends, and until each of the ``faults`` came: the last Event comes after the last status."""
    launch = through(proxy, OperatorLaunch(folder, {"resyncSeconds": 5}))
    async with kept_operator(server, all_[0].namespace, launch) as operator:
        await operator.leads()
        await asyncio.gather(*(each.begin() for each in all_))
        async with played_nodes(all_[0].world):
            for each in all_:
                await each.ends()
        await eventually(lambda: [match.number for match in faults if not match.came] == [])
    assert operator.defects() == []
    for each in all_:
        await each.is_as_undisturbed()
        each.took_few_writes(proxy.written, more=more)
    return operator
