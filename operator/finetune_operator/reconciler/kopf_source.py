"""Events through kopf, used as nothing but an event source: it writes nothing to anybody's resource.

kopf runs in a thread and an event loop of its own. When ``kopf.operator()`` ends, it cancels every task of its loop
that began after it, whoever began it: in our loop that would be the workers. There it may also stall or die as it
likes; the supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

import kopf
from typing_extensions import override

from finetune_operator.api.model import Json
from finetune_operator.api.names import MANAGER
from finetune_operator.cluster.resources import Resource
from finetune_operator.reconciler.kopf_history import NoHistory
from finetune_operator.reconciler.kopf_login import EndlessBackoffs, Login, Sessions
from finetune_operator.reconciler.kopf_pages import PAGE, answers
from finetune_operator.reconciler.slim import slim
from finetune_operator.reconciler.source import LABELS, Sink

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 3.0
END_SECONDS: Final = 2.0
"""When kopf has come to its clean-up, a watch of its may still hang, and kopf with it, for ever."""
WIND_UP_SECONDS: Final = 1.0


class KopfStuckError(Exception):
    """kopf was at its end and did not end."""


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

    async def deliver_page(self, resource: Resource, page: list[Json]) -> None:
        """Returns when the page was taken: who lists faster than it is taken would pile it up."""
        taking = self._take(resource, [slim(resource, body) for body in page])
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(taking, self._loop))

    async def _take(self, resource: Resource, page: list[Json]) -> None:
        for body in page:
            self._sink.changed(resource, body)


class _KopfThread(threading.Thread):
    def __init__(self, login: Login, relay: _Relay, ended: Future[None]) -> None:
        super().__init__(name="kopf", daemon=True)
        self._sessions = Sessions(login, answers(relay.deliver_page))
        self._registry = _registry(self._sessions, relay, self._ending)
        self._ended = ended
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    @override
    def run(self) -> None:
        loop = self._loop = asyncio.new_event_loop()
        # It leaves failed tasks behind that nobody asks for their errors; those that matter end it and are told.
        loop.set_exception_handler(lambda _loop, context: log.debug("in kopf's loop: %s", context["message"]))
        task = self._task = loop.create_task(self._operate())
        error: BaseException | None = None
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            log.debug("kopf was cancelled")
        except BaseException as failure:  # noqa: BLE001 - handed to who waits for the end
            error = failure
        try:
            loop.run_until_complete(_wind_up(self._sessions))
            loop.close()
        finally:
            self._tell(error)

    def stop(self) -> None:
        if self._loop is not None and self._task is not None:
            # The loop closes when kopf ends by itself.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _operate(self) -> None:
        # Cancelled and not stopped by a flag: it leaves the waiting for the flag behind, and waits 5 s for that to end.
        await kopf.operator(
            registry=self._registry,
            settings=_settings(),
            clusterwide=True,
            # Without one it looks up the name of its user, which a pod with an assigned user id has not.
            # Its type is a NewType of str that kopf does not export.
            identity=MANAGER,  # type: ignore[arg-type]
        )

    def _ending(self) -> None:
        if self._loop is not None:
            self._loop.call_later(END_SECONDS, self._give_up, self._loop)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._task is not None and not self._task.done():
            self._tell(KopfStuckError("kopf failed, as it has logged, and did not come to its end"))
            loop.stop()

    def _tell(self, error: BaseException | None) -> None:
        # Only the first word counts: a kopf that was given up has already been told of.
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))


async def _wind_up(sessions: Sessions) -> None:
    """End what is left in the loop. Not as ``asyncio.run`` does, which waits for tasks that hang."""
    if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=WIND_UP_SECONDS)
    await sessions.close()
    # Connections that were closed are gone only some rounds of the loop later.
    await asyncio.sleep(0.05)


def _registry(sessions: Sessions, relay: _Relay, ending: Callable[[], None]) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.cleanup(registry=registry)
    async def clean_up(**_: object) -> None:
        ending()

    @kopf.on.login(registry=registry)
    async def log_in(**_: object) -> kopf.AiohttpSession:
        return await sessions.open()

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
    settings.persistence.diffbase_storage = NoHistory()
    settings.process.ultimate_exiting_timeout = None  # it would kill our process
    settings.watching.chunk_size = PAGE
    settings.watching.server_timeout = 300
    settings.queueing.worker_limit = 200
    settings.queueing.idle_timeout = 0.05  # a worker holds its place among the 200 for so long
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = EndlessBackoffs()
    settings.networking.enforce_retry_after = True
    for resource, labels in LABELS.items():
        if labels:
            settings.watching.label_selectors[resource.group, resource.version, resource.plural] = labels
    return settings
