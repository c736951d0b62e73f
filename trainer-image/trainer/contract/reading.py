"""Reading JSON objects with a complaint for every surprise: unknown keys, missing keys, wrong types, numbers out of range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_Number = TypeVar("_Number", int, float)

LONGEST_SHOWN: Final = 64
"""Characters of a value that a message repeats; longer ones are named by their kind."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which numbers are allowed. `above` excludes its end, `least` and `most` include theirs."""

    above: float | None = None
    least: float | None = None
    most: float | None = None

    def allow(self, number: float) -> bool:
        """Whether `number` is finite and within all ends that are set."""
        return (
            math.isfinite(number)
            and (self.above is None or number > self.above)
            and (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
        )

    @property
    def in_words(self) -> str:
        """The bounds as a sentence goes on after 'must be'."""
        words = [
            f"{word} {end:g}"
            for word, end in (("greater than", self.above), ("at least", self.least), ("at most", self.most))
            if end is not None
        ]
        return " and ".join(words) or "a finite number"


ANY_NUMBER = Bounds()


class Fields:
    """A JSON object of which every key is known by name.

    `where` is its place in the document (`hyperparameters.lora`; empty for the document itself). All methods raise
    UserError with code RunInvalid that names the field, what was given and what is allowed.
    """

    def __init__(self, value: object, where: str, known: Iterable[str]) -> None:
        if not isinstance(value, dict):
            raise invalid(where or "the document", f"is {kind(value)}, must be an object")
        self._value: Mapping[str, object] = value
        self._where = where
        names = list(known)
        for key in value:
            if key not in names:
                allowed = ", ".join(names)
                raise invalid(self.path(key), f"is not known.{did_you_mean(key, names)} Known here: {allowed}")

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def path(self, key: str) -> str:
        """The full name of a key, as it stands in messages."""
        return f"{self._where}.{key}" if self._where else key

    def raw(self, key: str) -> object:
        """The value under `key`, which must be there."""
        if key not in self._value:
            raise invalid(self.path(key), "is missing")
        return self._value[key]

    def text(self, key: str, allowed: tuple[str, ...] = ()) -> str:
        """A string; one of `allowed` when that is given."""
        value = self.raw(key)
        if not isinstance(value, str):
            raise invalid(self.path(key), f"is {kind(value)}, must be a string")
        if allowed and value not in allowed:
            raise invalid(self.path(key), f"is '{value}', must be one of {', '.join(allowed)}")
        return value

    def integer(self, key: str, bounds: Bounds = ANY_NUMBER) -> int:
        """A whole number within `bounds`."""
        value = self.raw(key)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON has one kind of number: 3.0 is 3
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(self.path(key), f"is {shown(value)}, must be a whole number")
        return self._within(key, value, bounds)

    def number(self, key: str, bounds: Bounds = ANY_NUMBER) -> float:
        """A finite number within `bounds`."""
        value = self.raw(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(self.path(key), f"is {shown(value)}, must be a number")
        return self._within(key, float(value), bounds)

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self.raw(key)
        if not isinstance(value, bool):
            raise invalid(self.path(key), f"is {shown(value)}, must be true or false")
        return value

    def section(self, key: str, known: Iterable[str]) -> Fields:
        """The object under `key`."""
        return Fields(self.raw(key), self.path(key), known)

    def items(self, key: str) -> list[object]:
        """The list under `key`."""
        value = self.raw(key)
        if not isinstance(value, list):
            raise invalid(self.path(key), f"is {kind(value)}, must be a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        values = self.items(key)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise invalid(f"{self.path(key)}[{index}]", f"is {kind(value)}, must be a string")
        return tuple(str(value) for value in values)

    def mapping(self, key: str) -> Mapping[str, object]:
        """An object whose keys are somebody else's to judge."""
        value = self.raw(key)
        if not isinstance(value, dict):
            raise invalid(self.path(key), f"is {kind(value)}, must be an object")
        return value

    def text_or(self, key: str, absent: str = "", allowed: tuple[str, ...] = ()) -> str:
        """A string, or `absent` when the key is not there."""
        return self.text(key, allowed) if key in self else absent

    def texts_or(self, key: str, absent: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of strings, or `absent` when the key is not there."""
        return self.texts(key) if key in self else absent

    def integer_or_none(self, key: str, bounds: Bounds = ANY_NUMBER) -> int | None:
        """A whole number within `bounds`, or None when the key is not there."""
        return self.integer(key, bounds) if key in self else None

    def number_or_none(self, key: str, bounds: Bounds = ANY_NUMBER) -> float | None:
        """A finite number within `bounds`, or None when the key is not there."""
        return self.number(key, bounds) if key in self else None

    def number_or(self, key: str, absent: float, bounds: Bounds = ANY_NUMBER) -> float:
        """A finite number within `bounds`, or `absent` when the key is not there."""
        return self.number(key, bounds) if key in self else absent

    def flag_or(self, key: str, *, absent: bool = False) -> bool:
        """True or false; `absent` when the key is not there."""
        return self.flag(key) if key in self else absent

    def _within(self, key: str, number: _Number, bounds: Bounds) -> _Number:
        if not bounds.allow(number):
            raise invalid(self.path(key), f"is {number:g}, must be {bounds.in_words}")
        return number


def invalid(where: str, problem: str) -> UserError:
    """The complaint about one field of run.json."""
    return UserError("RunInvalid", f"run.json: {where} {problem}")


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    names: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "true or false"),
        (str, "a string"),
        ((int, float), "a number"),
        (list, "a list"),
        (dict, "an object"),
    ]
    return next((name for types, name in names if isinstance(value, types)), "null")


def shown(value: object) -> str:
    """A JSON value as it may stand in a message: short ones as they are, long ones by their kind."""
    scalar = isinstance(value, str | int | float | bool)
    return repr(value) if scalar and len(repr(value)) <= LONGEST_SHOWN else kind(value)
