"""Lets connections in: only so many handshakes at once, of one address only few. What is too much waits with the kernel.

A TLS handshake is most of what a report costs. Without a bound, thousands of trainers at once would fill the event loop with
them, and what must not wait would: above all the renewal of the Lease.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final

HANDSHAKES_AT_ONCE: Final = 64
HANDSHAKES_OF_AN_ADDRESS: Final = 8
"""So that one pod that says nothing does not keep the others out."""
MOST_INSIDE: Final = 1024
"""Connections that wait for their handshake or are at it."""
MOST_OF_AN_ADDRESS: Final = 512
"""Of these: pods on their node's network share its address, so a few hundred may be honest."""
BACKLOG: Final = 512
"""Connections that wait with the kernel; whoever comes then is told to try again by its own time limit."""
PAUSE_SECONDS: Final = 1.0
"""After the system had no more sockets for us."""

logger = logging.getLogger(__name__)


@dataclass
class _Caller:
    """Who comes from one address: how many are inside the door, and whose turn it is."""

    inside: int = 0
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HANDSHAKES_OF_AN_ADDRESS))


class Doorway:
    """Accepts connections for a protocol over TLS until it is closed.

    ``patience``: seconds for a handshake; ``at_once``: how many may be under way.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.BaseProtocol],
        tls: SSLContext,
        patience: float,
        at_once: int = HANDSHAKES_AT_ONCE,
    ) -> None:
        self._protocol = protocol
        self._tls = tls
        self._patience = patience
        self._free = asyncio.Semaphore(at_once)
        self._room = asyncio.Semaphore(MOST_INSIDE)
        self._callers: dict[str, _Caller] = {}
        self._handshakes: set[asyncio.Task[None]] = set()
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None

    def open(self, host: str, port: int) -> int:
        """Listen, and accept from now on. The port, which the system chooses when 0 is given. OSError if it is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")
        self._socket.settimeout(0)
        self._accepting = asyncio.create_task(self._accept(self._socket), name="doorway")
        found: int = self._socket.getsockname()[1]
        return found

    async def close(self) -> None:
        """Let nobody in any more; who is in stays."""
        tasks = [*([self._accepting] if self._accepting else []), *self._handshakes]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._room.acquire()
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:
                self._room.release()
                logger.warning("no connection can be accepted: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self._begin(connection, address[0])

    def _begin(self, connection: socket.socket, address: str) -> None:
        caller = self._callers.setdefault(address, _Caller())
        if caller.inside >= MOST_OF_AN_ADDRESS:
            connection.close()
            self._room.release()
            return
        caller.inside += 1
        task = asyncio.create_task(self._in_turn(connection, caller))
        self._handshakes.add(task)
        task.add_done_callback(lambda done: self._ended(done, connection, address))

    async def _in_turn(self, connection: socket.socket, caller: _Caller) -> None:
        async with caller.turn, self._free:
            await self._shake_hands(connection)

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, connection, ssl=self._tls, ssl_handshake_timeout=self._patience
            )
        except OSError as error:  # whoever came has gone, or speaks no TLS
            logger.debug("a handshake failed: %s", error)
        except Exception:
            logger.exception("a handshake could not be made")

    def _ended(self, task: asyncio.Task[None], connection: socket.socket, address: str) -> None:
        if task.cancelled():
            connection.close()
        self._handshakes.discard(task)
        self._room.release()
        caller = self._callers[address]
        caller.inside -= 1
        if not caller.inside:
            del self._callers[address]
