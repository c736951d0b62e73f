"""Faults to order, for the proxy before the API server: of single requests, and of single events of a watch."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import web

from finetune_operator.api.model import Json

Deliver = Callable[[], Awaitable[web.Response]]
"""Passes the request on to the API server and gives its answer."""
Fault = Callable[[web.Request, Deliver], Awaitable[web.StreamResponse | None]]
"""Answers a request in the server's place, or gives None and leaves it to the server."""
Match = Callable[[web.Request], bool]

READS: Final = frozenset({"GET", "HEAD"})
APART: Final = ("/leases", "/tokenreviews", "/pods/")
"""What an operator writes about itself: leadership, proofs of tokens, the label of its own pod."""
REASONS: Final = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 504: "Timeout"}


class Channel(Protocol):
    """One open watch, as its client sees it."""

    async def send(self, line: bytes) -> None:
        """Let the client have a line."""

    def hold(self, line: bytes) -> None:
        """Let the client have a line only after the next one."""

    def abort(self) -> None:
        """Cut the connection."""


EventFault = Callable[[Channel, bytes], Awaitable[None]]
"""Does with an event (a line of the stream) what it likes."""


@dataclass
class Nth:
    """True once: for the n-th, from 1, of what ``match`` is true of."""

    number: int
    match: Callable[..., bool]
    seen: int = 0

    def __call__(self, *subject: object) -> bool:
        """Whether this is the one."""
        if not self.match(*subject):
            return False
        self.seen += 1
        return self.seen == self.number

    @property
    def came(self) -> bool:
        """Whether there were as many."""
        return self.seen >= self.number

    def not_this(self) -> None:
        """The n-th does not count, however many have come since: the next one takes its place."""
        self.seen = self.number - 1


def a_write(request: web.Request) -> bool:
    """Whether the operator writes anything but about itself."""
    return request.method not in READS and not any(part in request.path for part in APART)


def a_write_in(namespace: str) -> Match:
    """Whether it writes so in a namespace."""
    return lambda request: a_write(request) and namespace_of(request.path) == namespace


def a_write_of(method: str, plural: str) -> Match:
    """Whether it is that verb on that kind, wherever."""
    end = re.compile(rf"/{plural}(/[^/]+)?(/status)?$")
    return lambda request: request.method == method and end.search(request.path) is not None


def a_lease_write(request: web.Request) -> bool:
    """Whether it is about leadership."""
    return request.method not in READS and "/leases" in request.path


def an_event_in(namespace: str) -> Callable[[Json], bool]:
    """Whether an event of a watch is about an object of a namespace."""
    return lambda event: bool(event["object"].get("metadata", {}).get("namespace") == namespace)


def is_deletion_of(kind: str, namespace: str) -> Callable[[Json], bool]:
    """Whether an event tells that an object of that kind is gone from a namespace."""
    there = an_event_in(namespace)
    return lambda event: event["type"] == "DELETED" and event["object"].get("kind") == kind and there(event)


def namespace_of(path: str) -> str:
    """The namespace that a request is about; empty for none."""
    found = re.search(r"/namespaces/([^/]+)/", path)
    return found.group(1) if found else ""


# ---- of requests ------------------------------------------------------------------------------------


def answer(status: int, *, retry_after: int | None = None, delivered: bool = False) -> Fault:
    """An error in the place of the answer. ``delivered``: the request took effect before."""

    async def fault(request: web.Request, deliver: Deliver) -> web.StreamResponse:
        if delivered:
            await deliver()
        created_before = delivered and status == web.HTTPConflict.status_code and request.method == "POST"
        reason = "AlreadyExists" if created_before else REASONS.get(status, "")
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return web.json_response(_status(status, reason), status=status, headers=headers)

    return fault


def hang(*, delivered: bool = False) -> Fault:
    """No answer, ever."""

    async def fault(_: web.Request, deliver: Deliver) -> web.StreamResponse:
        if delivered:
            await deliver()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    return fault


def cut(*, delivered: bool = False) -> Fault:
    """The connection is cut: in the middle of the answer, or before there is one."""

    async def fault(request: web.Request, deliver: Deliver) -> web.StreamResponse:
        broken = web.StreamResponse()
        if delivered:
            answered = await deliver()
            body = answered.body if isinstance(answered.body, bytes) else b""
            broken.content_length = len(body) + 1
            await broken.prepare(request)
            await broken.write(body[: len(body) // 2])
        _abort(request)
        return broken

    return fault


def end(kill: Callable[[], object], *, delivered: bool, match: Match | None = None) -> Fault:
    """Whoever asked is killed, before or after what it asked for took effect.

    What is refused kills nobody after it; of an n-th one, ``match``, the next takes its place.
    """

    async def fault(request: web.Request, deliver: Deliver) -> web.StreamResponse:
        if delivered and (answered := await deliver()).status >= web.HTTPBadRequest.status_code:
            if isinstance(match, Nth):
                match.not_this()
            return answered
        kill()
        _abort(request)
        return web.StreamResponse()

    return fault


def by_chance(dice: random.Random, *faults: Fault) -> Fault:
    """One of the faults at each request."""

    async def fault(request: web.Request, deliver: Deliver) -> web.StreamResponse | None:
        return await dice.choice(faults)(request, deliver)

    return fault


class Late:
    """It takes effect only when ``gate`` opens, whether or not who asked still waits; ``arrived`` tells that it has."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.arrived = asyncio.Event()

    async def __call__(self, _: web.Request, deliver: Deliver) -> web.StreamResponse:
        """The fault."""
        return await asyncio.shield(asyncio.ensure_future(self._deliver(deliver)))

    async def _deliver(self, deliver: Deliver) -> web.Response:
        await self.gate.wait()
        try:
            return await deliver()
        finally:
            self.arrived.set()


# ---- of events --------------------------------------------------------------------------------------


async def dropped(_: Channel, __: bytes) -> None:
    """It never comes."""


async def doubled(channel: Channel, line: bytes) -> None:
    """It comes twice."""
    await channel.send(line)
    await channel.send(line)


async def delayed(channel: Channel, line: bytes) -> None:
    """It comes after the one that follows it."""
    channel.hold(line)


async def cut_off(channel: Channel, line: bytes) -> None:
    """The connection is cut in its middle."""
    await channel.send(line[: len(line) // 2])
    channel.abort()


def replaced_by_error(code: int) -> EventFault:
    """The watch says an error in its place and ends."""

    async def fault(channel: Channel, _: bytes) -> None:
        await channel.send(json.dumps({"type": "ERROR", "object": _status(code, REASONS[code])}).encode() + b"\n")
        channel.abort()

    return fault


def _status(code: int, reason: str) -> Json:
    words = f"made to fail with {code}"
    return {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": words, "status": "Failure"}


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
