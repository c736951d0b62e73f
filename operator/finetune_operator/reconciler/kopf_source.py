"""Events through kopf, used as nothing but an event source: it writes nothing to anybody's resource.

kopf runs in a thread and an event loop of its own. When ``kopf.operator()`` ends, it cancels every task of its loop
that began after it, whoever began it: in our loop that would be the workers. There it may also stall or die as it
likes; the supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

import kopf
from typing_extensions import override

from finetune_operator.api.model import Json
from finetune_operator.api.names import MANAGER
from finetune_operator.cluster.connection import Credentials
from finetune_operator.cluster.resources import Resource
from finetune_operator.reconciler.slim import slim
from finetune_operator.reconciler.source import LABELS, Sink

log = logging.getLogger(__name__)

Login = Callable[[], Awaitable[Credentials]]
STOP_SECONDS: Final = 3.0


class KopfSource:
    """An EventSource. ``login`` gives fresh credentials and is called in kopf's thread."""

    def __init__(self, login: Login) -> None:
        self._login = login

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled; raises what ended kopf."""
        ended: Future[None] = Future()
        thread = _KopfThread(self._login, _Relay(asyncio.get_running_loop(), sink), ended)
        thread.start()
        waiting = asyncio.wrap_future(ended)
        try:
            await asyncio.wait({waiting})
        finally:
            thread.stop()
            await asyncio.wait({waiting}, timeout=STOP_SECONDS)
            failure = waiting.exception() if waiting.done() else None
        if failure is not None:
            raise failure


class _Relay:
    """Carries events from kopf's thread into the operator's event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sink: Sink) -> None:
        self._loop = loop
        self._sink = sink

    async def deliver(self, resource: Resource, event: kopf.RawEvent) -> None:
        body: Json = dict(event["object"])
        report = self._sink.deleted if event["type"] == "DELETED" else self._sink.changed
        # What is not kept is left behind in this thread, so that only the small rest waits in the other loop.
        self._loop.call_soon_threadsafe(report, resource, slim(resource, body))


class _KopfThread(threading.Thread):
    def __init__(self, login: Login, relay: _Relay, ended: Future[None]) -> None:
        super().__init__(name="kopf", daemon=True)
        self._registry = _registry(login, relay)
        self._ended = ended
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    @override
    def run(self) -> None:
        try:
            asyncio.run(self._operate())
        except asyncio.CancelledError:
            self._ended.set_result(None)
        except BaseException as error:  # noqa: BLE001 - handed to who waits for the end
            self._ended.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
        else:
            self._ended.set_result(None)

    def stop(self) -> None:
        if self._loop is not None and self._task is not None:
            # The loop closes when kopf ends by itself.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _operate(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        # It leaves failed tasks behind that nobody asks for their errors; those that matter end it and are told.
        self._loop.set_exception_handler(lambda _loop, context: log.debug("in kopf's loop: %s", context["message"]))
        # Cancelled and not stopped by a flag: it leaves the waiting for the flag behind, and waits 5 s for that to end.
        await kopf.operator(
            registry=self._registry,
            settings=_settings(),
            clusterwide=True,
            # Without one it looks up the name of its user, which a pod with an assigned user id has not.
            # Its type is a NewType of str that kopf does not export.
            identity=MANAGER,  # type: ignore[arg-type]
        )


def _registry(login: Login, relay: _Relay) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def log_in(**_: object) -> kopf.ConnectionInfo:
        return _connection_info(await login())

    for resource in LABELS:
        _register(registry, resource, relay)
    return registry


def _register(registry: kopf.OperatorRegistry, resource: Resource, relay: _Relay) -> None:
    @kopf.on.event(resource.group, resource.version, resource.plural, registry=registry, id=resource.plural)
    async def saw(event: kopf.RawEvent, **_: object) -> None:
        await relay.deliver(resource, event)


def _settings() -> kopf.OperatorSettings:
    """As lean as kopf gets; each value was measured."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.process.ultimate_exiting_timeout = None  # it would kill our process
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 300
    settings.queueing.worker_limit = 200
    settings.queueing.idle_timeout = 0.05  # a worker holds its place among the 200 for so long
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = _EndlessBackoffs()
    settings.networking.enforce_retry_after = True
    for resource, labels in LABELS.items():
        if labels:
            settings.watching.label_selectors[resource.group, resource.version, resource.plural] = labels
    return settings


class _EndlessBackoffs:
    """Iterated anew for each request; when it ends, kopf ends."""

    def __iter__(self) -> Iterator[float]:
        delay = 0.5
        while True:
            yield delay * random.uniform(0.5, 1.5)  # noqa: S311 - to spread load
            delay = min(delay * 2, 30)


def _connection_info(found: Credentials) -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(
        server=found.server,
        insecure=found.insecure,
        ca_path=found.authority_path,
        certificate_path=found.certificate_path,
        private_key_path=found.key_path,
        proxy_url=found.proxy,
        scheme=found.scheme,
        token=found.token,
        trust_env=True,
    )
