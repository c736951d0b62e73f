"""Who is let in: everybody in turn, however many knock at once, and nobody keeps the others out by saying nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from finetune_operator.reconciler.progress import doorway
from tests.support.eventually import eventually
from tests.unit.progress.world import World


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test has opened."""
    with ExitStack() as opened:
        yield opened


def knock(world: World, stack: ExitStack, address: str) -> socket.socket:
    """A connection from an address, which says nothing."""
    connection = socket.create_connection(("127.0.0.1", world.port), source_address=(address, 0))
    return stack.enter_context(connection)


async def test_more_than_fit_at_once_are_all_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorway, "HANDSHAKES_AT_ONCE", 2)
    async with World().open() as world:
        answers = await asyncio.gather(*(world.post() for _ in range(8)))
    assert [answer.status for answer in answers] == [200] * 8


async def test_an_address_that_says_nothing_does_not_keep_the_others_out(stack: ExitStack) -> None:
    async with World().open() as world:
        silent = [knock(world, stack, "127.0.0.9") for _ in range(doorway.HANDSHAKES_OF_AN_ADDRESS + 1)]
        assert (await world.post()).status == 200
        # The one too many is told at once.
        silent[-1].setblocking(False)
        assert await eventually(lambda: closed(silent[-1]), 5)


async def test_who_says_nothing_is_let_go(stack: ExitStack) -> None:
    async with World(patience=0.1).open() as world:
        silent = knock(world, stack, "127.0.0.9")
        silent.setblocking(False)
        assert await eventually(lambda: closed(silent), 5)
        assert (await world.post()).status == 200


async def test_after_the_end_nobody_is_let_in() -> None:
    async with World().open() as world:
        port = world.port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


def closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it."""
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
