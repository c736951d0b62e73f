"""What should run for ever is started again, whatever ended it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from finetune_operator.reconciler.queue import Backoff
from finetune_operator.reconciler.supervisor import Supervisor
from tests.support.clock import HandClock
from tests.support.eventually import eventually


class Ends:
    """Something that ends in one way after the other, and then goes on for ever."""

    def __init__(self, *ways: Exception | None) -> None:
        self.ways = list(ways)
        self.starts = 0

    async def run(self) -> None:
        self.starts += 1
        if not self.ways:
            await asyncio.Event().wait()
        if (way := self.ways.pop(0)) is not None:
            raise way


async def test_it_starts_again_after_an_error_and_after_a_return() -> None:
    ends, restarts = Ends(OSError("gone"), None, ExceptionGroup("several", [ValueError("one")])), list[None]()
    supervisor = Supervisor("it", ends.run, time.monotonic, lambda: 1.0, Backoff(first=0.001, longest=0.01))
    running = asyncio.ensure_future(supervisor.run(lambda: restarts.append(None)))

    await eventually(lambda: ends.starts == 4, within=5)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert supervisor.restarts == len(restarts) == 3


async def test_cancelling_it_cancels_what_it_runs() -> None:
    ends = Ends()
    running = asyncio.ensure_future(Supervisor("it", ends.run, HandClock(), lambda: 1.0).run(lambda: None))
    await eventually(lambda: ends.starts == 1, within=5)

    running.cancel()
    done, _ = await asyncio.wait([running], timeout=1)

    assert running in done
    assert ends.starts == 1
