"""The verbs: read, list, create, patch, replace and delete objects as plain JSON."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, TypeVar, cast

from finetune_operator.api.model import Json
from finetune_operator.api.names import MANAGER
from finetune_operator.cluster.bucket import Monotonic, TokenBucket
from finetune_operator.cluster.connection import Connection, Credentials
from finetune_operator.cluster.errors import ClusterError, Unavailable
from finetune_operator.cluster.resources import LEASES, TOKENREVIEWS, Key, ObjectKey, Resource
from finetune_operator.cluster.transport import Request, Transport

RELISTS: Final = 3
KEYS_ONLY: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
MERGE_PATCH: Final = "application/merge-patch+json"
UNMETERED: Final = frozenset({LEASES, TOKENREVIEWS})
"""Leadership and the verification of progress must not wait behind a storm of ordinary writes."""


@dataclass(frozen=True)
class Limits:
    """What a client asks of the API server: writes per second, writes at once, seconds per call, objects per page."""

    qps: float = 50
    burst: int = 100
    timeout: float = 30
    page: int = 200


@dataclass(frozen=True)
class CallRecord:
    """One finished call, for the metrics. ``outcome`` is ``ok`` or the name of the error's class."""

    verb: str
    plural: str
    outcome: str
    seconds: float


Objects = list[Json]
Keys = list[ObjectKey]
_Read = TypeVar("_Read")
_List = list[_Read]  # in the class below, `list` is a verb
OnCall = Callable[[CallRecord], None]


class Cluster:
    """A client of one API server. An async context manager; every method raises a ClusterError.

    Objects are dictionaries as the server sends them. Writes wait for a token bucket, reads do not.
    """

    def __init__(
        self,
        connection: Connection,
        limits: Limits = Limits(),
        on_call: OnCall = lambda _record: None,
        clock: Monotonic = time.monotonic,
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._on_call = on_call
        self._clock = clock
        self._bucket = TokenBucket(limits.qps, limits.burst, clock)
        self._transport: Transport | None = None

    async def __aenter__(self) -> Self:
        self._transport = await Transport.open(self._connection, self._limits.timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            await self._transport.close()
            self._transport = None

    async def credentials(self) -> Credentials:
        """Where we are connected to and as whom, read anew: for the event source's own client."""
        return await self._connection.credentials()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Json:
        """One object."""
        return await self._call("get", resource, Request("GET", resource.path(namespace, name)))

    async def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> Objects:
        """All objects, in pages; without a namespace, of all namespaces. Selectors as kubectl takes them."""
        query = _selectors(labels, fields)
        return await self._all(resource, namespace, query, {}, resource.whole)

    async def pages(self, resource: Resource, *, labels: str = "") -> AsyncIterator[Objects]:
        """All objects of all namespaces, a page at a time: never are all in memory at once.

        Pages expire after some minutes; then it begins anew, and objects come a second time.
        """
        for left in reversed(range(RELISTS)):
            try:
                async for page in self._pages(resource, None, _selectors(labels, ""), {}):
                    yield [resource.whole(item) for item in page]
            except Unavailable as error:
                if not _expired(error) or not left:
                    raise
            else:
                return

    async def list_keys(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> Keys:
        """Which objects there are and how new, without their contents."""
        query = _selectors(labels, fields)
        return await self._all(
            resource, namespace, query, {"Accept": KEYS_ONLY}, lambda item: _object_key(item["metadata"])
        )

    async def create(self, resource: Resource, namespace: str | None, body: Json) -> Json:
        """Create an object and return it as stored. Raises AlreadyExists."""
        return await self._write("create", resource, "POST", resource.path(namespace), body)

    async def patch(self, resource: Resource, namespace: str | None, name: str, body: Json) -> Json:
        """Merge-patch an object. A ``metadata.resourceVersion`` in it makes a stale patch a Conflict."""
        return await self._write("patch", resource, "PATCH", resource.path(namespace, name), body)

    async def patch_status(self, resource: Resource, namespace: str | None, name: str, body: Json) -> Json:
        """Merge-patch an object's status; ``body`` is ``{"status": …}``, with ``metadata.resourceVersion`` at will."""
        return await self._write("patch_status", resource, "PATCH", resource.path(namespace, name, "status"), body)

    async def replace(self, resource: Resource, namespace: str | None, name: str, body: Json) -> Json:
        """Replace an object; with ``metadata.resourceVersion`` in it only if it is still that one, else a Conflict."""
        return await self._write("replace", resource, "PUT", resource.path(namespace, name), body)

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        grace_seconds: int | None = None,
        foreground: bool = False,
    ) -> None:
        """Delete an object, its dependents after or before it. With ``uid``, only that very object, else a Conflict."""
        policy = "Foreground" if foreground else "Background"
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._write("delete", resource, "DELETE", resource.path(namespace, name), options)

    async def _all(
        self,
        resource: Resource,
        namespace: str | None,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        read: Callable[[Json], _Read],
    ) -> _List[_Read]:
        """What is read of each item of all pages. Pages expire after some minutes: then it begins anew."""
        for left in reversed(range(RELISTS)):
            found: _List[_Read] = []
            try:
                async for page in self._pages(resource, namespace, query, headers):
                    found += map(read, page)
            except Unavailable as error:
                if not _expired(error) or not left:
                    raise
            else:
                return found
        raise AssertionError("RELISTS is 0")

    async def _pages(
        self, resource: Resource, namespace: str | None, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[Objects]:
        where: dict[str, str] = {**query, "limit": str(self._limits.page)}
        while True:
            page = await self._call("list", resource, Request("GET", resource.path(namespace), where, headers))
            yield cast("Objects", page.get("items") or [])
            where["continue"] = page.get("metadata", {}).get("continue") or ""
            if not where["continue"]:
                return

    async def _write(self, verb: str, resource: Resource, method: str, path: str, body: Json) -> Json:
        if resource not in UNMETERED:
            await self._bucket.take()
        query = {} if method == "DELETE" else {"fieldManager": MANAGER}
        headers = {"Content-Type": MERGE_PATCH} if method == "PATCH" else {}
        return await self._call(verb, resource, Request(method, path, query, headers, body))

    async def _call(self, verb: str, resource: Resource, request: Request) -> Json:
        if self._transport is None:
            raise RuntimeError("the cluster client is used outside of its `async with`")
        async with self._recorded(verb, resource.plural):
            return await self._transport.send(request)

    @asynccontextmanager
    async def _recorded(self, verb: str, plural: str) -> AsyncIterator[None]:
        start = self._clock()
        outcome = "ok"
        try:
            yield
        except ClusterError as error:
            outcome = type(error).__name__
            raise
        finally:
            self._on_call(CallRecord(verb, plural, outcome, self._clock() - start))


def _expired(error: Unavailable) -> bool:
    return error.status == HTTPStatus.GONE


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {name: text for name, text in (("labelSelector", labels), ("fieldSelector", fields)) if text}


def _object_key(metadata: Json) -> ObjectKey:
    key = Key(metadata.get("namespace", ""), metadata["name"])
    return ObjectKey(key, metadata["uid"], metadata["resourceVersion"])
