"""What no client can make the endpoint do: read too much, wait too long, ask the API server too often."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from finetune_operator.reconciler.progress.reception import Caller
from finetune_operator.reconciler.progress.server import progress_url
from tests.unit.progress.stories import KEY
from tests.unit.progress.world import REPORT, World


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * 1024


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_64_kib_is_refused(announced: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async with World().open() as world:
        answer = await world.post(b" " * (64 * 1024 + 1) if announced else pieces(80))
        assert answer.status == 413
        assert answer.body["message"] == "the body is too large: at most 65536 bytes are taken"
        assert (await world.post()).status == 200


async def test_a_body_of_exactly_64_kib_is_read() -> None:
    async with World().open() as world:
        assert (await world.post(REPORT.ljust(64 * 1024))).status == 200


async def test_a_pod_that_reports_too_often_is_told_when_to_come_again() -> None:
    async with World().open() as world:
        answers = [await world.post() for _ in range(11)]
        assert [answer.status for answer in answers] == [200] * 10 + [429]
        assert answers[-1].retry_after == "1"
        world.clock.pass_(1)
        assert (await world.post()).status == 200


async def test_a_flood_of_forged_tokens_does_not_reach_the_api_server() -> None:
    async with World().open() as world:
        statuses = [(await world.post(token=f"forged-{number}")).status for number in range(60)]
        assert statuses == [401] * 50 + [429] * 10
        assert world.reviews.asked == 50


async def test_a_pod_that_is_known_goes_on_reporting_during_a_flood_from_its_address() -> None:
    async with World().open() as world:
        await world.post()
        for number in range(60):
            await world.post(token=f"forged-{number}")
        assert (await world.post()).status == 200


async def test_a_body_that_never_ends_does_not_hold_the_endpoint() -> None:
    async with World(patience=0.2).open() as world:
        reader, writer = await world.connected()
        writer.write(_head("Content-Length: 100\r\nAuthorization: Bearer p1\r\n"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_a_client_that_sends_nothing_is_let_go() -> None:
    async with World(patience=0.2).open() as world:
        reader, writer = await world.connected()
        assert await reader.read() == b""
        writer.close()


async def test_one_report_costs_less_than_a_millisecond_once_the_token_is_known() -> None:
    world = World()
    caller = Caller("Bearer p1", "127.0.0.1")
    rounds = 500
    spent = 0.0
    for _ in range(rounds):
        world.clock.pass_(5)
        begun = time.process_time()
        reporter = await world.reception.admit(KEY, caller)
        world.reception.accept(reporter, REPORT)
        spent += time.process_time() - begun
    assert spent / rounds < 0.001


def _head(headers: str) -> bytes:
    path = progress_url("", KEY)
    return f"POST {path} HTTP/1.1\r\nHost: operator\r\n{headers}\r\n".encode()
