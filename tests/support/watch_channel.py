"""One open watch, as its client sees it: what comes through, what is held back, and when it falls silent."""

from __future__ import annotations

import asyncio

from aiohttp import web


class WatchChannel:
    """The client's end of a watch. ``silent``: nothing comes through any more, and the connection stays."""

    def __init__(self, stream: web.StreamResponse, transport: asyncio.Transport | None) -> None:
        self._stream = stream
        self._transport = transport
        self._held: list[bytes] = []
        self.silent = False

    async def pass_on(self, line: bytes) -> None:
        """A line that no fault was made for; then what was held back."""
        await self.send(line)
        while self._held:
            await self.send(self._held.pop(0))

    async def send(self, line: bytes) -> None:
        """Let the client have a line."""
        if not self.silent:
            await self._stream.write(line)

    def hold(self, line: bytes) -> None:
        """Let the client have a line only after the next one."""
        self._held.append(line)

    def abort(self) -> None:
        """Cut the connection, as rudely as a network does."""
        if self._transport is not None:
            self._transport.abort()
