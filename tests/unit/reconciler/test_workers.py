"""Workers outlive every failure, and ask again when and only when somebody wants it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from finetune_operator.cluster.errors import Conflict, Unavailable
from finetune_operator.reconciler.queue import Backoff, WorkQueue
from finetune_operator.reconciler.task import Task
from finetune_operator.reconciler.workers import Workers
from tests.support.eventually import eventually

A = Task("ns", "a")


class Notes:
    """An Observer that writes down."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def reconciled(self, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.outcomes.append(outcome)


async def worked(
    reconcile: Callable[[Task], Awaitable[float | None]], until: Callable[[Notes], bool]
) -> tuple[Notes, WorkQueue]:
    queue, notes = WorkQueue(time.monotonic, lambda: 1.0, Backoff(first=0.001, longest=0.01)), Notes()
    running = asyncio.ensure_future(Workers(queue, reconcile, notes, time.monotonic).run(3))
    queue.add(A)
    await eventually(lambda: until(notes), within=5)
    running.cancel()
    await asyncio.wait([running])
    return notes, queue


async def test_a_key_that_wants_nothing_more_is_left_alone() -> None:
    async def reconcile(_: Task) -> None:
        return None

    notes, queue = await worked(reconcile, lambda notes: bool(notes.outcomes))

    assert notes.outcomes == ["ok"]
    assert queue.depth == 0


async def test_a_key_comes_again_when_it_asked_for_it() -> None:
    async def reconcile(_: Task) -> float:
        return 0.001

    notes, _ = await worked(reconcile, lambda notes: len(notes.outcomes) >= 3)

    assert set(notes.outcomes[:3]) == {"ok"}


@pytest.mark.parametrize("error", [Unavailable("the server is busy"), Conflict("changed"), ValueError("a defect")])
async def test_a_failure_is_tried_again_until_it_goes_well(error: Exception) -> None:
    failures = iter([error, error])

    async def reconcile(_: Task) -> None:
        for failure in failures:
            raise failure

    notes, _ = await worked(reconcile, lambda notes: "ok" in notes.outcomes)

    assert notes.outcomes == [type(error).__name__] * 2 + ["ok"]


async def test_a_defect_is_logged_once_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    defects = iter([ZeroDivisionError("of ours")])

    async def reconcile(_: Task) -> None:
        for defect in defects:
            raise defect

    await worked(reconcile, lambda notes: "ok" in notes.outcomes)

    (record,) = [record for record in caplog.records if record.exc_info]
    assert "a defect of the operator" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_work_that_never_waits_leaves_others_their_turn() -> None:
    turns = [0]
    at_call: list[int] = []

    async def reconcile(_: Task) -> None:
        at_call.append(turns[0])

    async def others() -> None:
        while True:
            await asyncio.sleep(0)
            turns[0] += 1

    queue, notes = WorkQueue(time.monotonic, lambda: 1.0), Notes()
    for number in range(300):
        queue.add(Task("ns", str(number)))
    tasks = [asyncio.ensure_future(others())]
    tasks.append(asyncio.ensure_future(Workers(queue, reconcile, notes, time.monotonic).run(3)))
    await eventually(lambda: len(notes.outcomes) == 300, within=5)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    assert at_call[-1] >= 90
