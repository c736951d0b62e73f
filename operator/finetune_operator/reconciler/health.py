"""The endpoint of probes and metrics: /healthz, /readyz, /metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web

from finetune_operator.reconciler.metrics import CONTENT_TYPE
from finetune_operator.reconciler.settings import Health


class Examined(Protocol):
    """What the endpoint asks. A problem is a sentence, None is good."""

    def alive(self) -> str | None:
        """A problem that only a restart mends."""

    def ready(self) -> str | None:
        """Why we are not yet of use."""

    def exposition(self) -> bytes:
        """The metrics in Prometheus's text format."""


@asynccontextmanager
async def serve_health(address: Health, examined: Examined) -> AsyncIterator[int]:
    """Serve while the context lasts. Yields the port, which the system chooses when the setting is 0.

    Raises OSError if the address cannot be bound.
    """
    runner = web.AppRunner(_application(examined), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _application(examined: Examined) -> web.Application:
    async def healthz(_: web.Request) -> web.Response:
        return _answer(examined.alive())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(examined.ready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=examined.exposition(), headers={"Content-Type": CONTENT_TYPE})

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return application


def _answer(problem: str | None) -> web.Response:
    return web.Response(text="ok\n") if problem is None else web.Response(status=503, text=f"{problem}\n")
