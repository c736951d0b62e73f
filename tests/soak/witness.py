"""A watch of the soak's own, which no fault touches: every event of a kind, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import aiohttp

from finetune_operator.api.model import Json
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import Resource
from tests.support.apiserver import ApiServer

Take = Callable[[str, Json], None]
"""Called with ADDED, MODIFIED or DELETED, and the object."""
LONGEST_SECONDS: Final = 6 * 3600
LONGEST_LINE: Final = 2**20


class WatchBrokeError(Exception):
    """What happened meanwhile was not seen: the soak proves nothing."""


@dataclass(frozen=True)
class Witness:
    """Who looks at a kind of object; ``labels`` select them."""

    resource: Resource
    take: Take
    labels: str = ""


@asynccontextmanager
async def witnessed(server: ApiServer, *witnesses: Witness) -> AsyncIterator[None]:
    """Watch while the context lasts. Raises WatchBrokeError afterwards if one ended before."""
    credentials = await Connection(str(server.kubeconfig)).credentials()
    connector = aiohttp.TCPConnector(limit=0, ssl=credentials.tls())
    session = aiohttp.ClientSession(
        credentials.server,
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None),
        read_bufsize=LONGEST_LINE,
    )
    async with session:
        begun = [asyncio.Event() for _ in witnesses]
        tasks = [asyncio.create_task(_watch(session, *pair)) for pair in zip(witnesses, begun, strict=True)]
        await asyncio.gather(*(event.wait() for event in begun))
        try:
            yield
        finally:
            broke = [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError, aiohttp.ClientError):
                    await task
        if broke:
            raise WatchBrokeError("a watch of the soak ended before the soak")


async def _watch(session: aiohttp.ClientSession, witness: Witness, begun: asyncio.Event) -> None:
    query = {"watch": "true", "timeoutSeconds": str(LONGEST_SECONDS), "labelSelector": witness.labels}
    async with session.get(witness.resource.path(), params=query) as answer:
        answer.raise_for_status()
        begun.set()
        async for line in answer.content:
            event: Json = json.loads(line)
            witness.take(event["type"], event["object"])
