"""The credentials that open a place, from the environment by the contract's names; and text freed of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.transfer.places import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "FINETUNE_SECRET_"
SHORTEST_HIDDEN: Final = 4
"""Characters of a value that is hidden: a shorter one would tear words apart."""
SHOWN: Final = ("ENDPOINT", "REGION")
"""Suffixes of what is no secret."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the variables of one purpose hold: `MODEL`, `DATASET_0`, `OUTPUT`."""

    purpose: str
    values: Mapping[str, str]

    def get(self, suffix: str) -> str:
        """The value under a suffix, such as TOKEN; empty when there is none."""
        return self.values.get(suffix, "")

    @property
    def given(self) -> bool:
        """Whether there are any credentials."""
        return any(suffix not in SHOWN for suffix in self.values)

    @property
    def name(self) -> str:
        """The variables' common name, for messages."""
        return f"{PREFIX}{self.purpose}_*"


def secrets_of(purpose: str, environment: Mapping[str, str]) -> Secrets:
    """The credentials of one purpose; empty values count for nothing."""
    prefix = f"{PREFIX}{purpose}_"
    found = {name.removeprefix(prefix): value for name, value in environment.items() if name.startswith(prefix)}
    return Secrets(purpose, {suffix: value for suffix, value in found.items() if value})


def cleaned(text: str, environment: Mapping[str, str]) -> str:
    """`text` without any value of a secret and without the signatures of URLs."""
    hidden = {
        value
        for name, value in environment.items()
        if name.startswith(PREFIX) and not name.endswith(SHOWN) and len(value) >= SHORTEST_HIDDEN
    }
    for value in sorted(hidden, key=len, reverse=True):
        text = text.replace(value, "***")
    return masked(text)
