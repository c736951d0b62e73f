"""An endpoint over real TLS on the loopback, with one job, its pod and its clock."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import Key
from finetune_operator.planning.progress import Progress
from finetune_operator.reconciler.progress.authority import Authority
from finetune_operator.reconciler.progress.certificates import make_authority
from finetune_operator.reconciler.progress.endpoint import TlsIdentity
from finetune_operator.reconciler.progress.inbox import Inbox
from finetune_operator.reconciler.progress.reception import Clocks, Reception
from finetune_operator.reconciler.progress.server import Address, ProgressServer, progress_url
from finetune_operator.reconciler.progress.tokens import TokenReviewer
from finetune_operator.reconciler.store import Store
from tests.unit.progress.stories import JOB_UID, KEY, START, Clock, Reviews, child, store_of

CONTRACT = Path(__file__).parents[3] / "trainer-image/contract"
REPORT = (CONTRACT / "examples/progress.json").read_bytes()


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json
    retry_after: str | None


@dataclass
class World:
    """A job in its first attempt whose pod ``p1`` has the token ``p1``, and an endpoint for it."""

    clock: Clock = field(default_factory=Clock)
    reviews: Reviews = field(default_factory=lambda: Reviews({"p1": "uid-of-p1"}))
    store: Store = field(default_factory=lambda: store_of(jobs=(child("j1", 1),), pods=(child("p1", 1),)))
    reply: Json = field(default_factory=dict)
    patience: float = 10
    port: int = 0

    def __post_init__(self) -> None:
        self.inbox = Inbox(15, lambda _key, _after: None, self.clock.monotonic, self.clock.now)
        reviewer = TokenReviewer(self.reviews, self.clock.monotonic)
        clocks = Clocks(self.clock.now, self.clock.monotonic)
        self.reception = Reception(self.store, reviewer, self.inbox, lambda _key: self.reply, clocks)
        self.identity = TlsIdentity(Authority(make_authority(START)), ("127.0.0.1",), self.clock.now)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[World]:
        address = Address("127.0.0.1", 0)
        async with ProgressServer(address, self.identity.tls, self.reception, self.patience) as server:
            self.port = server.port
            yield self

    @property
    def newest(self) -> Progress | None:
        return self.inbox.newest(JOB_UID)

    @property
    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.identity.authority.bundle)
        # As Python 3.13 does by itself.
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        # The world's clock stands still in 2026; what time it is does not matter to what is tested over the wire.
        context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
        return context

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare TLS connection, for clients that keep to no rules."""
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.trust)

    async def post(
        self,
        body: bytes | AsyncIterator[bytes] = REPORT,
        *,
        token: str = "p1",  # noqa: S107 - the name of a pod
        key: Key = KEY,
    ) -> Answer:
        return await self.request("POST", progress_url(f"https://127.0.0.1:{self.port}", key), body, f"Bearer {token}")

    async def request(
        self, method: str, url: str, body: bytes | AsyncIterator[bytes] = b"", authorization: str = ""
    ) -> Answer:
        headers = {"Authorization": authorization} if authorization else {}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, data=body, headers=headers, ssl=self.trust) as response,
        ):
            return Answer(response.status, await response.json(), response.headers.get("Retry-After"))
