"""Who is let in: everybody in turn, however many knock at once, and nobody keeps the others out by saying nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from typing_extensions import override

from finetune_operator.reconciler.progress.doorway import HANDSHAKES_OF_AN_ADDRESS, MOST_OF_AN_ADDRESS, Doorway
from finetune_operator.reconciler.progress.reception import POSTS_AT_ONCE
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


class Greeter(asyncio.Protocol):
    """Says hello and leaves."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"hello")
        transport.close()


async def test_more_than_fit_at_once_are_all_served() -> None:
    world = World()
    door = Doorway(Greeter, world.identity.tls, 10, at_once=2)
    world.port = door.open("127.0.0.1", 0)
    try:
        greeted = await asyncio.gather(*(greeting(world) for _ in range(8)))
    finally:
        await door.close()
    assert greeted == [b"hello"] * 8


async def test_an_address_that_says_nothing_does_not_keep_the_others_out(stack: ExitStack) -> None:
    async with World().open() as world:
        silent = [knock(world, stack, "127.0.0.9") for _ in range(MOST_OF_AN_ADDRESS + 1)]
        assert (await world.post()).status == 200
        # The one too many is sent away.
        silent[-1].settimeout(0)
        assert await eventually(lambda: closed(silent[-1]))


async def test_many_of_one_address_take_turns() -> None:
    async with World().open() as world:
        answers = await asyncio.gather(*(world.post() for _ in range(2 * HANDSHAKES_OF_AN_ADDRESS)))
    # Ten at once are taken of one pod; nobody was sent away before that was asked.
    assert [answer.status for answer in answers].count(200) == POSTS_AT_ONCE
    assert {answer.status for answer in answers} == {200, 429}


async def test_who_says_nothing_is_let_go(stack: ExitStack) -> None:
    async with World(patience=0.1).open() as world:
        silent = knock(world, stack, "127.0.0.9")
        silent.settimeout(0)
        assert await eventually(lambda: closed(silent))


async def test_after_the_end_nobody_is_let_in() -> None:
    async with World().open() as world:
        port = world.port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def greeting(world: World) -> bytes:
    """What somebody hears who comes in."""
    reader, writer = await world.connected()
    heard = await reader.read()
    writer.close()
    return heard


def closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it."""
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
