"""A watch of the benchmark's own: who saw which object when, on the benchmark's clock."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiohttp

from finetune_operator.api.model import Json
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import Resource
from tests.support.apiserver import ApiServer

METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
WHOLE: Final = "application/json"
LONGEST_SECONDS: Final = 7200

See = Callable[[Json, float], None]
"""Called with an object that was added or changed, and the seconds of a monotonic clock."""


@asynccontextmanager
async def watching(server: ApiServer, *watches: Watch) -> AsyncIterator[None]:
    """Watch while the context lasts."""
    credentials = await Connection(str(server.kubeconfig)).credentials()
    connector = aiohttp.TCPConnector(limit=0, ssl=credentials.tls())
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(credentials.server, connector=connector, timeout=timeout) as session:
        tasks = [asyncio.create_task(watch.run(session)) for watch in watches]
        await asyncio.gather(*(watch.begun.wait() for watch in watches))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)


class Watch:
    """All objects of a kind that selectors choose, in all namespaces. What is there already is seen first."""

    def __init__(
        self, resource: Resource, see: See, *, labels: str = "", fields: str = "", whole: bool = False
    ) -> None:
        self._path = resource.path()
        self._see = see
        self._headers = {"Accept": WHOLE if whole else METADATA}
        chosen = {"labelSelector": labels, "fieldSelector": fields}
        self._query = {"watch": "true", "timeoutSeconds": str(LONGEST_SECONDS)} | {k: v for k, v in chosen.items() if v}
        self.begun = asyncio.Event()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Until cancelled; a watch that breaks begins anew."""
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(self._path, params=self._query, headers=self._headers) as answer:
                    answer.raise_for_status()
                    self.begun.set()
                    async for line in answer.content:
                        self._take(json.loads(line))

    def _take(self, event: Json) -> None:
        if event["type"] in {"ADDED", "MODIFIED"}:
            self._see(event["object"], time.monotonic())
