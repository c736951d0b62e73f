"""A proxy before the API server that makes faults to order: what a network, an etcd or an upgrade does at times."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from finetune_operator.cluster.connection import Connection
from tests.support.apiserver import ApiServer, kubeconfig_for

HOP_BY_HOP: Final = frozenset({"transfer-encoding", "content-length", "content-encoding", "connection", "host"})

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""Answers a request in the server's place, or gives None and leaves it to the server."""


@dataclass
class FaultyProxy:
    """Passes everything on unless a fault says otherwise. ``seen`` is every request as ``METHOD path?query``."""

    kubeconfig: Path
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    streams: set[web.StreamResponse] = field(default_factory=set)

    def fail(self, status: int, *, path: str, times: int | None = None, headers: dict[str, str] | None = None) -> None:
        """Answer requests whose path has ``path`` in it with this status, for ever or so many times."""
        left = times

        async def fault(request: web.Request) -> web.StreamResponse | None:
            nonlocal left
            if path not in request.path_qs or left == 0:
                return None
            left = None if left is None else left - 1
            document = {"kind": "Status", "code": status, "message": f"made to fail with {status}"}
            return web.json_response(document, status=status, headers=headers)

        self.faults.append(fault)

    def hang(self, *, path: str) -> None:
        """Never answer requests whose path has ``path`` in it."""

        async def fault(request: web.Request) -> web.StreamResponse | None:
            if path in request.path_qs:
                await asyncio.Event().wait()
            return None

        self.faults.append(fault)

    def mend(self) -> None:
        """No more faults."""
        self.faults.clear()

    async def say_in_watches(self, event: dict[str, object]) -> None:
        """Put an event of our own into every open watch."""
        for stream in tuple(self.streams):
            with suppress(ConnectionError):
                await stream.write(json.dumps(event).encode() + b"\n")

    def cut_watches(self) -> None:
        """Cut the connection of every open watch in the middle."""
        for stream in tuple(self.streams):
            transport = getattr(stream, "_req").transport  # noqa: B009 - aiohttp offers no other way to be rude
            if transport is not None:
                transport.abort()


@asynccontextmanager
async def faulty_proxy(server: ApiServer, folder: Path) -> AsyncIterator[FaultyProxy]:
    """A proxy on the loopback, without TLS and credentials on its own side."""
    credentials = await Connection(str(server.kubeconfig)).credentials()
    proxy = FaultyProxy(folder / "proxy.kubeconfig")
    connector = aiohttp.TCPConnector(limit=0, ssl=credentials.tls())
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"Authorization": f"{credentials.scheme} {credentials.token}"} if credentials.token else {}
    async with aiohttp.ClientSession(
        credentials.server, connector=connector, timeout=timeout, headers=headers
    ) as upstream:
        application = web.Application(client_max_size=2**24)
        application.router.add_route("*", "/{path:.*}", _Relay(proxy, upstream).handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        kubeconfig_for(f"http://127.0.0.1:{runner.addresses[0][1]}", proxy.kubeconfig)
        try:
            yield proxy
        finally:
            proxy.cut_watches()
            await runner.cleanup()


class _Relay:
    def __init__(self, proxy: FaultyProxy, upstream: aiohttp.ClientSession) -> None:
        self._proxy = proxy
        self._upstream = upstream

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self._proxy.seen.append(f"{request.method} {request.path_qs}")
        for fault in self._proxy.faults:
            if (made_up := await fault(request)) is not None:
                return made_up
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        # aiohttp gives a media type to an empty body, and the API server refuses it.
        body = await request.read() or None
        async with self._upstream.request(request.method, request.raw_path, headers=headers, data=body) as answer:
            return await self._pass_on(request, answer)

    async def _pass_on(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        if "watch=true" not in request.query_string:
            return web.Response(status=answer.status, headers=headers, body=await answer.read())
        stream = web.StreamResponse(status=answer.status, headers=headers)
        await stream.prepare(request)
        self._proxy.streams.add(stream)
        try:
            async for chunk in answer.content.iter_any():
                await stream.write(chunk)
        except (ConnectionError, aiohttp.ClientError):
            pass
        finally:
            self._proxy.streams.discard(stream)
        return stream
