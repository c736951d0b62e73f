"""The newest report of every job, and the news that there is one. Memory only: who reports next fills it again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from finetune_operator.cluster.bucket import TokenBucket
from finetune_operator.cluster.resources import Key
from finetune_operator.planning.progress import Progress, moved
from finetune_operator.reconciler.progress.pace import Pace, pace_with
from finetune_operator.reconciler.progress.reporter import Reporter

OnNews = Callable[[Key, float], None]
"""Called with a job's key and the seconds after which its news is wanted: the work queue's ``add``."""
OnTaken = Callable[[Reporter, Progress], None]
"""Called with each report that is taken, its log lines included."""
SET: Final = timedelta(seconds=5)
"""A clock that is off by more was set; by less it was corrected little by little."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Of one job: the newest report, the one that statuses may tell of, and from when on that is the newest."""

    reporter: Reporter
    progress: Progress
    shown: Progress
    due: float
    pace: Pace
    heard: float
    """When the newest came, in monotonic seconds."""


class Inbox:
    """Reports by the uid of their job. Only the newest is held, and an older one never replaces it.

    Newer is the later attempt, then the later pod (one attempt may have several, one after the other), then the
    higher step; the same step again is a sign of life and is taken. ``on_news`` hears of a job at once, then at most
    once per ``interval`` seconds, and of all jobs together as often as ``bucket`` allows; what comes between is waited
    for and told together. Nothing of it waits that is a transition: a new attempt or pod, and its first step.
    ``clock`` is monotonic seconds, ``now`` the time of day, which somebody may set: what was heard keeps its age then.
    """

    def __init__(
        self,
        interval: float,
        on_news: OnNews,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        bucket: TokenBucket | None = None,
        on_taken: OnTaken = lambda _reporter, _progress: None,
    ) -> None:
        self._interval = interval
        self._on_news = on_news
        self._on_taken = on_taken
        self._clock = clock
        self._now = now
        self._bucket = bucket
        self._held: dict[str, _Held] = {}

    def offer(self, reporter: Reporter, progress: Progress) -> bool:
        """Hold a report, unless what is held is newer. Whether it was taken."""
        held = self._held.get(reporter.job_uid)
        if held is not None and _rank(reporter, progress) < _rank(held.reporter, held.progress):
            return False
        before = held.progress if held else None
        pace = pace_with(held.pace if held else Pace(), before, progress)
        kept = replace(_never_less(before, progress), log_lines=(), seconds_per_step=pace.seconds_per_step)
        self._hold(reporter, kept, pace)
        self._on_taken(reporter, progress)
        return True

    def newest(self, uid: str) -> Progress | None:
        """What a status may tell of the job with this uid, with the time of its last sign of life.

        Between two pieces of news it stays as it is: whoever looks at the job for another reason writes no progress.
        """
        held = self._held.get(uid)
        if held is None:
            return None
        if held.shown is held.progress or held.due <= self._clock():
            return moved(held.progress, self._shift(held))
        shown = replace(held.shown, told_at=held.shown.received_at, received_at=held.progress.received_at)
        return moved(shown, self._shift(held))

    def awaited(self, uid: str) -> float | None:
        """Seconds until there is news that ``newest`` keeps back yet; None when it keeps nothing back.

        Whoever looks at a job before that must look again then: a queue forgets the later of two times.
        """
        held, now = self._held.get(uid), self._clock()
        kept_back = held is not None and held.shown is not held.progress and held.due > now
        return held.due - now if held and kept_back else None

    def last_heard(self, uid: str) -> datetime | None:
        """When the job with this uid last reported."""
        held = self._held.get(uid)
        return held.progress.received_at + self._shift(held) if held else None

    def forget(self, uid: str) -> None:
        """Drop what is held of a job that has ended or is gone."""
        self._held.pop(uid, None)

    def __len__(self) -> int:
        return len(self._held)

    def _shift(self, held: _Held) -> timedelta:
        """By how much the time of day was set since the newest report came."""
        age = timedelta(seconds=self._clock() - held.heard)
        shift = self._now() - age - held.progress.received_at
        return timedelta(seconds=round(shift.total_seconds())) if abs(shift) >= SET else timedelta()

    def _hold(self, reporter: Reporter, progress: Progress, pace: Pace) -> None:
        due, shown, after = self._planned(self._held.get(reporter.job_uid), progress, self._clock())
        self._held[reporter.job_uid] = _Held(reporter, progress, shown, due, pace, self._clock())
        if after is not None:
            self._on_news(reporter.key, after)

    def _planned(self, held: _Held | None, progress: Progress, now: float) -> tuple[float, Progress, float | None]:
        """When it is told, what statuses may tell until then, and the seconds to announce; None: that was done."""
        if held is None:
            due = self._next(-math.inf, now)
            return due, progress, due - now
        if _is_transition(held.progress, progress):
            return max(held.due, now), progress, 0.0
        matters = _matters(held.progress, progress)
        if held.due > now:
            # The news that is announced for then will carry this report too.
            return held.due, progress if matters else held.shown, None
        due = self._next(held.due, now)
        return due, progress if matters or due <= now else held.progress, due - now

    def _next(self, last: float, now: float) -> float:
        wait = self._bucket.reserve() if self._bucket else 0.0
        return max(now + wait, last + self._interval)


def _rank(reporter: Reporter, progress: Progress) -> tuple[int, float, str, int]:
    return reporter.attempt, reporter.pod_created.timestamp(), reporter.pod_uid, progress.step


def _never_less(before: Progress | None, after: Progress) -> Progress:
    """Of one pod neither the training time nor what is wasted of it shrinks; what did not change is not held twice."""
    if before is None or before.pod_uid != after.pod_uid:
        return after
    return replace(
        after,
        training_seconds=_most(before.training_seconds, after.training_seconds),
        wasted_seconds=_most(before.wasted_seconds, after.wasted_seconds),
        checkpoints=before.checkpoints if before.checkpoints == after.checkpoints else after.checkpoints,
    )


def _most(before: float | None, after: float | None) -> float | None:
    return after if before is None else before if after is None else max(before, after)


def _is_transition(before: Progress, after: Progress) -> bool:
    return before.pod_uid != after.pod_uid or (before.step == 0 and after.step > 0)


def _matters(before: Progress, after: Progress) -> bool:
    """What decisions rest on, beyond how far the training is."""
    return (before.activity, before.checkpoint_step) != (after.activity, after.checkpoint_step)
