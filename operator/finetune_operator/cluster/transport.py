"""One HTTP exchange with the API server: credentials, deadline, and every failure as a ClusterError."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self, cast
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from pydantic_core import from_json

from finetune_operator.api.model import Json
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.errors import Unauthorized, Unavailable, from_response

JSON: Final = "application/json"
CONNECT_SECONDS: Final = 5.0
FIRST_ERROR: Final = 400


@dataclass(frozen=True)
class Request:
    """One HTTP request: ``path`` below the server's address, ``query`` not yet encoded, ``body`` as JSON."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None


class Transport:
    """Sends requests through ``kubernetes.aio``. Reads the credentials again when they are no longer accepted."""

    def __init__(self, connection: Connection, client: ApiClient, seconds: float) -> None:
        self._connection = connection
        self._client = client
        self._retired: list[ApiClient] = []
        self._reload = asyncio.Lock()
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        self._seconds = seconds

    @classmethod
    async def open(cls, connection: Connection, seconds: float) -> Self:
        """A transport whose calls end within ``seconds``. Raises NoCluster."""
        return cls(connection, ApiClient(await connection.load()), seconds)

    async def close(self) -> None:
        """Close all connections."""
        for client in (self._client, *self._retired):
            await client.close()  # type: ignore[no-untyped-call]

    async def send(self, request: Request) -> Json:
        """The JSON answer. Raises a ClusterError."""
        client = self._client
        try:
            return await self._send(client, request)
        except Unauthorized:
            client = await self._renewed(client)
            return await self._send(client, request)

    async def _send(self, client: ApiClient, request: Request) -> Json:
        what = f"{request.method} {request.path}"
        url = client.configuration.host + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        headers = {"Accept": JSON, "Content-Type": JSON, **request.headers}
        if authorization := await client.configuration.get_api_key_with_prefix("BearerToken"):
            headers["authorization"] = authorization.strip()
        try:
            answer = await client.rest_client.request(  # type: ignore[no-untyped-call]
                request.method, url, headers=headers, body=request.body, _request_timeout=self._timeout
            )
            content = cast("bytes", await answer.read())
        except TimeoutError as error:
            raise Unavailable(f"{what}: no answer within {self._seconds:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{what}: {str(error) or type(error).__name__}") from error
        if answer.status >= FIRST_ERROR:
            raise from_response(what, answer.status, answer.headers, content)
        return _document(what, content)

    async def _renewed(self, refused: ApiClient) -> ApiClient:
        """A client with credentials read anew; only the first of many callers reads, the others find it done."""
        async with self._reload:
            if self._client is refused:
                self._client = ApiClient(await self._connection.load())
                await self._retire(refused)
            return self._client

    async def _retire(self, client: ApiClient) -> None:
        # Other calls may still be in flight on it, but none is from two renewals ago: those ran into their timeout.
        self._retired.append(client)
        while len(self._retired) > 1:
            await self._retired.pop(0).close()  # type: ignore[no-untyped-call]


def _document(what: str, content: bytes) -> Json:
    try:
        return cast("Json", from_json(content))
    except ValueError as error:
        raise Unavailable(f"{what}: the answer is no JSON: {content[:200]!r}") from error
