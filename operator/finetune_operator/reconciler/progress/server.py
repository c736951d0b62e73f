"""The HTTPS endpoint that running trainers report to. It translates; Reception decides."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from ssl import SSLContext
from typing import Final, Self

from aiohttp import web

from finetune_operator.api.names import API_VERSION
from finetune_operator.cluster.resources import FINETUNEJOBS, Key
from finetune_operator.reconciler.logs import about
from finetune_operator.reconciler.progress.body import MOST_BYTES
from finetune_operator.reconciler.progress.doorway import Doorway
from finetune_operator.reconciler.progress.reception import Caller, Reception
from finetune_operator.reconciler.progress.refusal import PostRefusedError

PATH: Final = f"/apis/{API_VERSION}/namespaces/{{namespace}}/{FINETUNEJOBS.plural}/{{name}}/status"
PATIENCE: Final = 10.0
"""Seconds for the TLS handshake, for the headers, for the review of the token, and for the body, each."""
LINGER: Final = 1.0
"""Seconds for which the rest of a refused body is still read, so that the client sees the answer and not a reset."""

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def progress_url(base: str, key: Key) -> str:
    """Where the trainer of a job reports to; ``base`` is the URL under which pods reach this endpoint."""
    return base.rstrip("/") + PATH.format(namespace=key.namespace, name=key.name)


@dataclass(frozen=True)
class Address:
    """Where to listen. Port 0 takes a free one."""

    host: str
    port: int


class ProgressServer:
    """Listens for reports. An async context manager; ``tls`` may get other certificates while it listens."""

    def __init__(self, address: Address, tls: SSLContext, reception: Reception, patience: float = PATIENCE) -> None:
        self._address = address
        self._tls = tls
        self._intake = reception
        self._patience = patience
        self._runner: web.AppRunner | None = None
        self._door: Doorway | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[self._answered])
        app.router.add_post(PATH, self._receive)
        # A compressed body could be a bomb, and no trainer sends one.
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=self._patience, lingering_time=LINGER, auto_decompress=False
        )
        await self._runner.setup()
        if self._runner.server is None:
            raise RuntimeError("aiohttp did not make a server")
        # Not a web.TCPSite, which lets everybody in at once and leaves a silent client a minute for its handshake.
        self._door = Doorway(self._runner.server, self._tls, self._patience)
        self._port = self._door.open(self._address.host, self._address.port)
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._door is not None:
            await self._door.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._door is None:
            raise RuntimeError("the progress server does not listen: enter it first")
        return self._port

    async def _receive(self, request: web.Request) -> web.Response:
        key = Key(request.match_info["namespace"], request.match_info["name"])
        with about(key.namespace, key.name):
            caller = Caller(request.headers.get("Authorization", ""), request.remote or "")
            try:
                async with asyncio.timeout(self._patience):
                    reporter = await self._intake.admit(key, caller)
            except TimeoutError:
                message = f"the API server did not verify the token within {self._patience:g} s"
                raise PostRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, message, self._patience) from None
            return web.json_response(self._intake.accept(reporter, await self._body(request)))

    async def _body(self, request: web.Request) -> bytes:
        # Said at once where the client announces it; counted by aiohttp where it does not.
        if (request.content_length or 0) > MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(max_size=MOST_BYTES, actual_size=request.content_length or 0)
        try:
            async with asyncio.timeout(self._patience):
                return await request.read()
        except TimeoutError:
            message = f"the body did not arrive within {self._patience:g} s"
            raise PostRefusedError(HTTPStatus.REQUEST_TIMEOUT, message) from None

    @web.middleware
    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every refusal as a metav1.Status, and a mistake of ours as a log line rather than a lost connection."""
        try:
            return await handler(request)
        except PostRefusedError as error:
            logger.debug("progress refused with %d: %s", error.status, error.message)
            refusal = error
        except web.HTTPException as error:
            refusal = PostRefusedError(HTTPStatus(error.status), _sentence(request, error))
        except Exception:
            logger.exception("a progress report could not be handled")
            message = "the operator made a mistake; its log has the details"
            refusal = PostRefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, message)
        self._intake.refused(refusal)
        return _refused(refusal)


def _sentence(request: web.Request, error: web.HTTPException) -> str:
    match error.status:
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return f"the body is too large: at most {MOST_BYTES} bytes are taken"
        case HTTPStatus.NOT_FOUND:
            return f"there is nothing at {request.path}; progress is posted to {PATH}"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return f"{request.method} is not possible here; progress is sent by POST"
        case _:
            return error.reason


def _refused(refusal: PostRefusedError) -> web.Response:
    headers = {"Retry-After": str(math.ceil(refusal.retry_after))} if refusal.retry_after else {}
    return web.json_response(refusal.document(), status=refusal.status, headers=headers)
