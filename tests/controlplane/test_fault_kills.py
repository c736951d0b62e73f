"""The operator's process is killed at each of its writes; whoever comes after it brings the job to the same end."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.controlplane.life import PATIENCE, WRITES, Life
from tests.support.apiserver import ApiServer
from tests.support.chosen import chosen, dice
from tests.support.eventually import eventually
from tests.support.faults import Fault, Match, Nth, a_lease_write, a_write, by_chance, end
from tests.support.faulty_proxy import FaultyProxy, Written, faulty_proxy
from tests.support.kept_operator import KeptOperator, kept_operator, through
from tests.support.operator_process import OperatorLaunch
from tests.support.played_nodes import played_nodes

pytestmark = pytest.mark.controlplane

OF_ITSELF: Final = 2
"""Before a job's first write: the Secret of the progress endpoint, and the status of the InstanceType."""
ALL_WRITES: Final = range(1, WRITES.total() + OF_ITSELF + 1)
SEVERAL: Final = 3
"""A life in which operators die again and again may last so many times as long as one with one fault."""
MOMENTS: Final = ("before", "after")


async def test_an_undisturbed_life_takes_the_writes_that_are_counted(
    life: Life, api_server: ApiServer, tmp_path: Path
) -> None:
    async with faulty_proxy(api_server, tmp_path) as proxy:
        async with kept_operator(api_server, life.namespace, through(proxy, OperatorLaunch(tmp_path))) as operator:
            await life.begin()
            async with played_nodes(life.world):
                await life.ends()
            await eventually(lambda: len(_of_the_job(life, proxy)) == WRITES.total())
        assert len(operator.lives) == 1
        assert operator.defects() == []
        await life.is_as_undisturbed()
        life.took_few_writes(proxy.written, more=0)


@pytest.mark.parametrize(
    ("moment", "number"),
    chosen("kills", [(moment, number) for number in ALL_WRITES for moment in MOMENTS], 3),
)
async def test_killed_at_a_write_it_is_followed_by_one_that_goes_on(
    life: Life, api_server: ApiServer, tmp_path: Path, moment: str, number: int
) -> None:
    fatal = Nth(number, a_write)
    operator = await _life_under_mortals(life, api_server, tmp_path, (fatal, moment))
    assert len(operator.lives) == 2


@pytest.mark.parametrize(
    ("moment", "number"),
    chosen("kills at the Lease", [(moment, number) for number in range(1, 4) for moment in MOMENTS], 1),
)
async def test_killed_while_it_writes_the_lease_it_is_followed_by_one_that_goes_on(
    life: Life, api_server: ApiServer, tmp_path: Path, moment: str, number: int
) -> None:
    fatal = Nth(number, a_lease_write)
    operator = await _life_under_mortals(life, api_server, tmp_path, (fatal, moment))
    assert len(operator.lives) == 2


@pytest.mark.parametrize("moment", ["after", pytest.param("before or after", marks=pytest.mark.exhaustive)])
async def test_no_operator_survives_a_write_and_the_job_ends_the_same(
    life: Life, api_server: ApiServer, tmp_path: Path, moment: str
) -> None:
    operator = await _life_under_mortals(life, api_server, tmp_path, (a_write, moment))
    assert len(operator.lives) > WRITES["finetunejobs/status"]


async def _life_under_mortals(life: Life, server: ApiServer, folder: Path, fatal: tuple[Match, str]) -> KeptOperator:
    """The whole life; operators are killed at the moment of requests that match."""
    match, moment = fatal
    async with faulty_proxy(server, folder) as proxy:
        launch = through(proxy, OperatorLaunch(folder))
        async with kept_operator(server, life.namespace, launch) as operator:
            proxy.when(match, _death(operator, moment, match))
            await life.begin()
            async with played_nodes(life.world):
                await life.ends(SEVERAL * PATIENCE)
            # The last Event comes after the last status.
            await eventually(lambda: _came(match, operator, proxy))
            await operator.leads()
        assert operator.defects() == []
        await life.is_as_undisturbed()
        life.took_few_writes(proxy.written)
        return operator


def _of_the_job(life: Life, proxy: FaultyProxy) -> list[Written]:
    return [each for each in proxy.written if each.namespace == life.namespace and each.plural in WRITES]


def _came(match: Match, operator: KeptOperator, proxy: FaultyProxy) -> bool:
    if isinstance(match, Nth):
        written = [f"{each.method} {each.path}" for each in proxy.written]
        assert match.came, f"{match.seen} of {match.number} writes; what took effect: {written}"
        assert len(operator.lives) > 1, f"nobody was killed at write {match.number}; what took effect: {written}"
    return True


def _death(operator: KeptOperator, moment: str, match: Match) -> Fault:
    before, after = (end(operator.kill, delivered=delivered, match=match) for delivered in (False, True))
    return {"before": before, "after": after}.get(moment) or by_chance(dice(), before, after)
