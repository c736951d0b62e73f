"""How a stage ends early: one exception per verdict that is not a success.

Raised anywhere inside a stage, caught once in `trainer.worker`, which turns it into a verdict.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.contract.report import Report
    from trainer.contract.result import Result


PEER_LOST: Final = "PeerLost"
"""The code of an end that only follows from another process's."""


class StageEnd(Exception):  # noqa: N818 - it carries an end, which need not be an error
    """A stage that cannot go on.

    `code` is stable CamelCase for programs, `message` one or two sentences for a person, `param` the field of the
    FineTuneJob that is to blame, `advice` what to do about it. `report` has the rows that are to blame.
    """

    result: ClassVar[Result] = "failed"

    def __init__(self, code: str, message: str, *, param: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.advice = advice
        self.report: Report | None = None

    def reporting(self, report: Report) -> Self:
        """The same end, with what was found."""
        self.report = report
        return self


class UserError(StageEnd):
    """What was asked for cannot be done: trying again would end in the same way."""

    result: ClassVar[Result] = "userError"


class Broken(StageEnd):
    """Something failed that may go better next time, on another node or from a checkpoint."""

    result: ClassVar[Result] = "failed"


class Interrupted(StageEnd):
    """The attempt was asked to end, or a newer attempt has taken over: the next attempt goes on."""

    result: ClassVar[Result] = "retry"


class OutOfMemory(StageEnd):
    """The GPU's memory does not hold this job."""

    result: ClassVar[Result] = "outOfMemory"


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """The end of a sentence, with a leading blank: the nearest right spelling, or nothing when none is near."""
    near = nearest(given, allowed)
    return f" Did you mean '{near}'?" if near else ""


def nearest(given: str, allowed: Iterable[str]) -> str:
    """The allowed word that is spelt most alike, case aside; empty when none is near."""
    words = {word.lower(): word for word in allowed}
    near = difflib.get_close_matches(given.lower(), list(words), n=1, cutoff=0.6)
    return words[near[0]] if near else ""
