"""The queue as workers see it: who waits is woken, nobody gets the same key at the same time, failures wait longer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import hypothesis.strategies as st
from hypothesis import given, settings

from finetune_operator.reconciler.backlog import Priority
from finetune_operator.reconciler.queue import Backoff, WorkQueue
from finetune_operator.reconciler.task import Task
from tests.support.clock import HandClock
from tests.support.eventually import eventually

A, B = Task("ns", "a"), Task("ns", "b")


def queue(clock: HandClock | None = None) -> WorkQueue:
    return WorkQueue(clock or time.monotonic, lambda: 1.0, Backoff(first=0.01, longest=60))


async def test_a_waiting_worker_gets_what_is_added() -> None:
    work = queue()
    waiting = asyncio.ensure_future(work.get())
    await asyncio.sleep(0)

    work.add(A)

    assert await asyncio.wait_for(waiting, 1) == A


async def test_a_key_comes_when_it_is_due_without_anybody_asking() -> None:
    work = queue()
    work.add(B, after=0.05)
    work.add(A, after=0.02)

    assert [await asyncio.wait_for(work.get(), 5) for _ in range(2)] == [A, B]


async def test_a_key_that_was_added_in_work_comes_again_after_it() -> None:
    work = queue()
    work.add(A)
    key = await work.get()
    work.add(A)
    waiting = asyncio.ensure_future(work.get())
    await asyncio.sleep(0)
    assert not waiting.done()

    work.done(key)

    assert await asyncio.wait_for(waiting, 1) == A


async def test_a_worker_that_is_cancelled_loses_no_key() -> None:
    work = queue()
    first, second = (asyncio.ensure_future(work.get()) for _ in range(2))
    await asyncio.sleep(0)
    work.add(A)
    first.cancel()

    assert await asyncio.wait_for(second, 1) == A


async def test_each_failure_waits_twice_as_long_and_a_success_starts_anew() -> None:
    work = queue(HandClock())

    assert [work.retry(A) for _ in range(3)] == [0.01, 0.02, 0.04]
    work.forget(A)
    assert work.retry(A) == 0.01


async def test_a_retry_is_not_before_what_the_server_asked_for() -> None:
    assert queue(HandClock()).retry(A, at_least=7) == 7


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_backoff_is_bounded_and_never_less_than_half(failures: int, spread: float) -> None:
    backoff = Backoff(first=0.2, longest=120)
    whole = min(120, 0.2 * 2.0 ** min(failures - 1, 30))

    assert whole / 2 <= backoff.delay(failures, spread) <= whole


async def test_depth_and_age_tell_what_waits() -> None:
    clock = HandClock()
    work = queue(clock)
    work.add(A)
    clock.pass_(3)
    work.add(B, priority=Priority.RESYNC)
    clock.pass_(2)

    assert (work.depth, work.working, work.oldest_age) == (2, 0, 5)
    await work.get()
    assert (work.depth, work.working, work.oldest_age) == (1, 1, 2)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 5))
def test_many_workers_do_all_that_is_asked_and_never_the_same_key_at_once(asked: list[int], workers: int) -> None:
    assert set(asyncio.run(_worked(asked, workers))) == {str(number) for number in asked}


async def _worked(asked: list[int], workers: int) -> Counter[str]:
    work, inside, seen = queue(), set[Task](), Counter[str]()

    async def worker() -> None:
        while True:
            key = await work.get()
            assert key not in inside
            inside.add(key)
            await asyncio.sleep(0)
            inside.remove(key)
            seen[key.name] += 1
            work.done(key)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(worker()) for _ in range(workers)]
        for number in asked:
            work.add(Task("ns", str(number)))
            await asyncio.sleep(0)
        await eventually(lambda: not work.depth and not work.working, within=5)
        for task in tasks:
            task.cancel()
    return seen
