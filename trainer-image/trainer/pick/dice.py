"""Chance in the simulation: the same words give the same numbers, on every machine."""

from __future__ import annotations

from random import Random


def dice(*words: object) -> Random:
    """Random numbers by words such as ``"try", 7``."""
    return Random(" ".join(map(str, words)))  # noqa: S311 - a simulation, no secret
