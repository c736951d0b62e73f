"""kopf's connection to the API server: one session, whose requests carry credentials that are read anew each time.

Left to itself kopf logs in once; when a token is refused it closes the session under its other watches, and then ends,
or hangs. So it never sees a refused token: the request is repeated here until it is accepted.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus

import aiohttp
import kopf

from finetune_operator.cluster.connection import Credentials
from finetune_operator.cluster.errors import ClusterError

log = logging.getLogger(__name__)

Login = Callable[[], Awaitable[Credentials]]


class EndlessBackoffs:
    """Seconds to wait before each further try: doubling up to half a minute, spread by half, without end."""

    def __iter__(self) -> Iterator[float]:
        delay = 0.5
        while True:
            yield delay * random.uniform(0.5, 1.5)  # noqa: S311 - to spread load
            delay = min(delay * 2, 30)


class Sessions:
    """The sessions of one run of kopf. Belongs to kopf's event loop. ``answer`` reads what they are answered."""

    def __init__(self, login: Login, answer: type[aiohttp.ClientResponse]) -> None:
        self._login = login
        self._answer = answer
        self._sessions: list[aiohttp.ClientSession] = []

    async def open(self) -> kopf.AiohttpSession:
        """A session for kopf, as what its login handler answers."""
        credentials = await self._credentials()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=credentials.tls()),
            middlewares=(self._authorize,),
            response_class=self._answer,
            proxy=credentials.proxy,
            trust_env=True,
        )
        self._sessions.append(session)
        return kopf.AiohttpSession(server=credentials.server, aiohttp_session=session)

    async def close(self) -> None:
        """Close what kopf has left open: all, when it was cancelled."""
        for session in self._sessions:
            if session.connector is not None:
                # Without the farewells of TLS, for which the loop does not live long enough.
                await session.connector.close(abort_ssl=True)
            await session.close()

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send a request with credentials that are fresh, and again while they are refused."""
        for delay in EndlessBackoffs():
            credentials = await self._credentials()
            if credentials.token:
                request.headers["Authorization"] = f"{credentials.scheme} {credentials.token}"
            response = await handler(request)
            if response.status != HTTPStatus.UNAUTHORIZED:
                return response
            response.release()
            log.warning("the API server refuses our credentials for watching; again in %.1f s", delay)
            await asyncio.sleep(delay)
        raise AssertionError("the backoffs ended")

    async def _credentials(self) -> Credentials:
        for delay in EndlessBackoffs():
            try:
                return await self._login()
            except ClusterError as error:
                log.warning("cannot read the credentials for watching: %s; again in %.1f s", error, delay)
            await asyncio.sleep(delay)
        raise AssertionError("the backoffs ended")
