"""Waiting for a condition with a deadline: the only place in the tests where time passes for its own sake."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, overload

Value = TypeVar("Value")

PAUSE: Final = 0.05
DEADLINE: Final = 30.0


@overload
async def eventually(probe: Callable[[], Awaitable[Value]], within: float = DEADLINE) -> Value: ...


@overload
async def eventually(probe: Callable[[], Value], within: float = DEADLINE) -> Value: ...


async def eventually(probe: Callable[[], object], within: float = DEADLINE) -> object:
    """Call ``probe`` until its answer is true, and return it. An AssertionError in it means: not yet.

    Raises AssertionError after ``within`` seconds, with what the last call said.
    """
    end = time.monotonic() + within
    while True:
        answer, complaint = await _ask(probe)
        if complaint is None:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {complaint}")
        await asyncio.sleep(PAUSE)


def wait_until(probe: Callable[[], Value], within: float = DEADLINE) -> Value:
    """The same for tests without an event loop."""
    end = time.monotonic() + within
    while True:
        try:
            answer = probe()
            complaint = None if answer else f"it is {answer!r}"
        except AssertionError as error:
            complaint = str(error)
        if complaint is None:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {complaint}")
        time.sleep(PAUSE)


async def _ask(probe: Callable[[], object]) -> tuple[object, str | None]:
    answer: object = None
    try:
        answer = probe()
        if inspect.isawaitable(answer):
            answer = await answer
        complaint = None if answer else f"it is {answer!r}"
    except AssertionError as error:
        complaint = str(error) or "its assertion does not hold"
    return answer, complaint
