"""A proxy before the API server that makes faults to order: what a network, an etcd or an upgrade does at times."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from finetune_operator.api.model import Json
from finetune_operator.cluster.connection import Connection
from tests.support.apiserver import ApiServer, kubeconfig_for
from tests.support.faults import READS, Deliver, EventFault, Fault, Match, answer, hang, namespace_of
from tests.support.watch_channel import WatchChannel

HOP_BY_HOP: Final = frozenset({"transfer-encoding", "content-length", "content-encoding", "connection", "host"})


@dataclass(frozen=True)
class Written:
    """A write that the API server took: its method, path and namespace (empty for none)."""

    method: str
    path: str

    @property
    def namespace(self) -> str:
        """Empty for none."""
        return namespace_of(self.path)

    @property
    def plural(self) -> str:
        """The kind; ``finetunejobs/status`` for a status."""
        parts = self.path.split("/")
        after = parts[parts.index("namespaces") + 2 :] if self.namespace else parts[4:]
        return f"{after[0]}/status" if after[-1] == "status" else after[0]


@dataclass
class FaultyProxy:
    """Passes everything on unless a fault says otherwise. ``seen`` is every request as ``METHOD path?query``."""

    kubeconfig: Path
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    streams: set[WatchChannel] = field(default_factory=set)
    event_faults: list[tuple[Callable[[Json], bool], EventFault]] = field(default_factory=list)

    def fail(self, status: int, *, path: str, times: int | None = None) -> None:
        """Answer requests whose path has ``path`` in it with this status, for ever or so many times."""
        left = times

        def match(request: web.Request) -> bool:
            nonlocal left
            if path not in request.path_qs or left == 0:
                return False
            left = None if left is None else left - 1
            return True

        self.when(match, answer(status))

    def hang(self, *, path: str) -> None:
        """Never answer requests whose path has ``path`` in it."""
        self.when(lambda request: path in request.path_qs, hang())

    def when(self, match: Match, fault: Fault) -> None:
        """Do this with every request that ``match`` is true of."""

        async def chosen(request: web.Request, deliver: Deliver) -> web.StreamResponse | None:
            return await fault(request, deliver) if match(request) else None

        self.faults.append(chosen)

    def when_told(self, match: Callable[[Json], bool], fault: EventFault) -> None:
        """Do this with every event of a watch that ``match`` is true of."""
        self.event_faults.append((match, fault))

    def mend(self) -> None:
        """No more faults."""
        self.faults.clear()
        self.event_faults.clear()

    async def say_in_watches(self, event: dict[str, object]) -> None:
        """Put an event of our own into every open watch."""
        for stream in tuple(self.streams):
            with suppress(ConnectionError):
                await stream.send(json.dumps(event).encode() + b"\n")

    def cut_watches(self) -> None:
        """Cut the connection of every open watch in the middle."""
        for stream in tuple(self.streams):
            stream.abort()

    def silence_watches(self) -> None:
        """Let no word through any more in the watches that are open, and leave them open."""
        for stream in tuple(self.streams):
            stream.silent = True


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
        relay = _Relay(proxy, upstream)
        application.router.add_route("*", "/{path:.*}", relay.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        kubeconfig_for(f"http://127.0.0.1:{runner.addresses[0][1]}", proxy.kubeconfig)
        try:
            yield proxy
        finally:
            proxy.cut_watches()
            await runner.cleanup()
            await asyncio.gather(*relay.underway, return_exceptions=True)


class _Relay:
    def __init__(self, proxy: FaultyProxy, upstream: aiohttp.ClientSession) -> None:
        self._proxy = proxy
        self._upstream = upstream
        self.underway: set[asyncio.Task[web.Response]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self._proxy.seen.append(f"{request.method} {request.path_qs}")
        # Read before anything else: who asked may be gone when it is passed on. aiohttp gives a media type to an
        # empty body, and the API server refuses it.
        body = await request.read() or None

        async def deliver() -> web.Response:
            # What was passed on takes effect, and is counted, whether or not who asked lives to hear of it.
            return await asyncio.shield(self._begun(self._deliver(request, body)))

        try:
            for fault in tuple(self._proxy.faults):
                if (made_up := await fault(request, deliver)) is not None:
                    return made_up
            return await (self._watch(request) if "watch=true" in request.query_string else deliver())
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=str(error))

    def _begun(self, delivery: Coroutine[None, None, web.Response]) -> asyncio.Task[web.Response]:
        task = asyncio.ensure_future(delivery)
        self.underway.add(task)
        task.add_done_callback(self.underway.discard)
        return task

    async def _deliver(self, request: web.Request, body: bytes | None) -> web.Response:
        asked = self._upstream.request(request.method, request.raw_path, headers=_passed(request.headers), data=body)
        async with asked as answered:
            content = await answered.read()
        if request.method not in READS and answered.ok:
            self._proxy.written.append(Written(request.method, request.path))
        return web.Response(status=answered.status, headers=_passed(answered.headers), body=content)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        async with self._upstream.request("GET", request.raw_path, headers=_passed(request.headers)) as answered:
            stream = web.StreamResponse(status=answered.status, headers=_passed(answered.headers))
            await stream.prepare(request)
            channel = WatchChannel(stream, request.transport)
            self._proxy.streams.add(channel)
            try:
                await self._pass_on(answered, channel)
            except (ConnectionError, aiohttp.ClientError):
                pass
            finally:
                self._proxy.streams.discard(channel)
            return stream

    async def _pass_on(self, answered: aiohttp.ClientResponse, channel: WatchChannel) -> None:
        rest = b""
        async for chunk in answered.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                await self._tell(channel, line + b"\n")
        while channel.silent:
            # Half open: the server has long gone, and nobody tells the client.
            await asyncio.Event().wait()

    async def _tell(self, channel: WatchChannel, line: bytes) -> None:
        if self._proxy.event_faults:
            event: Json = json.loads(line)
            for match, fault in self._proxy.event_faults:
                if match(event):
                    await fault(channel, line)
                    return
        await channel.pass_on(line)


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
