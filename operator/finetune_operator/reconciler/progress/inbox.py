"""The newest report of every job, and the news that there is one. Memory only: who reports next fills it again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from finetune_operator.cluster.resources import Key
from finetune_operator.planning.progress import Progress
from finetune_operator.reconciler.progress.reporter import Reporter

PACE_SECONDS: Final = 180.0
"""Time constant of the smoothed pace: an evaluation shows in it, and is forgotten."""

OnNews = Callable[[Key, float], None]
"""Called with a job's key and the seconds after which its news is wanted: the work queue's ``add``."""


@dataclass(frozen=True)
class Pace:
    """Seconds and steps seen so far, older ones with less weight; at the start the plain mean of all."""

    seconds: float = 0.0
    steps: float = 0.0

    def after(self, seconds: float, steps: int) -> Pace:
        """The pace after so much more time and so many more steps."""
        kept = math.exp(-seconds / PACE_SECONDS)
        return Pace(self.seconds * kept + seconds, self.steps * kept + steps)

    @property
    def seconds_per_step(self) -> float | None:
        """None until a step was timed."""
        return self.seconds / self.steps if self.steps > 0 and self.seconds > 0 else None


@dataclass(frozen=True)
class _Held:
    reporter: Reporter
    progress: Progress
    pace: Pace


class Inbox:
    """Reports by the uid of their job. Only the newest is held, and an older one never replaces it.

    Newer is the later attempt, then the later pod (one attempt may have several, one after the other), then the
    higher step; the same step again is a sign of life and is taken. ``on_news`` hears of a job at once, then at most
    once per ``interval`` seconds; what comes between is waited for and told together. ``clock`` is monotonic seconds.
    """

    def __init__(self, interval: float, on_news: OnNews, clock: Callable[[], float]) -> None:
        self._interval = interval
        self._on_news = on_news
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._told: dict[str, float] = {}

    def offer(self, reporter: Reporter, progress: Progress) -> bool:
        """Hold a report, unless what is held is newer. Whether it was taken."""
        held = self._held.get(reporter.job_uid)
        if held is not None and _rank(reporter, progress) < _rank(held.reporter, held.progress):
            return False
        pace = _pace(held, progress)
        timed = replace(progress, seconds_per_step=pace.seconds_per_step)
        self._held[reporter.job_uid] = _Held(reporter, timed, pace)
        self._tell(reporter)
        return True

    def newest(self, uid: str) -> Progress | None:
        """The newest report of the job with this uid."""
        held = self._held.get(uid)
        return held.progress if held else None

    def forget(self, uid: str) -> None:
        """Drop what is held of a job that has ended or is gone."""
        self._held.pop(uid, None)
        self._told.pop(uid, None)

    def __len__(self) -> int:
        return len(self._held)

    def _tell(self, reporter: Reporter) -> None:
        now = self._clock()
        told = self._told.get(reporter.job_uid, -math.inf)
        if told > now:
            # The news that is already announced for then will carry this report too.
            return
        at = max(now, told + self._interval)
        self._told[reporter.job_uid] = at
        self._on_news(reporter.key, at - now)


def _rank(reporter: Reporter, progress: Progress) -> tuple[int, float, str, int]:
    return reporter.attempt, reporter.pod_created.timestamp(), reporter.pod_uid, progress.step


def _pace(held: _Held | None, progress: Progress) -> Pace:
    """The pace with this report; a new pod starts anew, since it may run on other hardware and has loading behind it."""
    if held is None or held.progress.pod_uid != progress.pod_uid:
        return Pace()
    before = held.progress
    steps = progress.step - before.step
    if before.step == 0:
        # Loading and compiling come before the first step and would be taken for slow steps.
        return Pace()
    return held.pace.after(_seconds_between(before, progress), steps)


def _seconds_between(before: Progress, after: Progress) -> float:
    """Training time where both tell it, which pauses do not count in; else our clock, which may have been stepped."""
    if before.training_seconds is not None and after.training_seconds is not None:
        return max(0.0, after.training_seconds - before.training_seconds)
    return max(0.0, (after.received_at - before.received_at).total_seconds())
