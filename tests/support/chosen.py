"""A slice of a full enumeration: some cases in `make test`, chosen by the seed of the run; all in `make test-all`."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

SEED: Final = "FINETUNE_FAULT_SEED"
"""Environment variable: the seed of a run to repeat. Worker processes inherit it."""


def seed() -> int:
    """The seed of this run."""
    return int(os.environ.setdefault(SEED, str(secrets.randbelow(10**6))))


def dice(name: str = "") -> random.Random:
    """A source of chance that gives the same again with the same seed."""
    return random.Random(f"{seed()} {name}")  # noqa: S311 - to be repeated, and no secret


def chosen(name: str, cases: Iterable[object], size: int) -> list[ParameterSet]:
    """The cases of an enumeration called ``name``; all but ``size`` of them are marked ``exhaustive``.

    A case is one value, or a tuple with one for each argument of the test.
    """
    every = list(cases)
    kept = set(dice(name).sample(range(len(every)), min(size, len(every))))
    return [_parameter(case, exhaustive=place not in kept) for place, case in enumerate(every)]


def _parameter(case: object, *, exhaustive: bool) -> ParameterSet:
    values = case if isinstance(case, tuple) else (case,)
    marks = [pytest.mark.exhaustive] if exhaustive else []
    return pytest.param(*values, id="-".join(map(str, values)), marks=marks)
