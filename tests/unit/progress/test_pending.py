"""What waits to be written: joined in order, bounded for each job and for all."""

from __future__ import annotations

import json

from finetune_operator.planning.curve import Curve
from finetune_operator.reconciler.progress.pending import MOST_BYTES, MOST_LINES, MOST_POINTS, Part, Pending
from tests.unit.progress.stories import JOB_UID, KEY


def part(*lines: str, steps: tuple[int, ...] = (), run: int = 0, uid: str = JOB_UID) -> Part:
    made = Part(uid, run, lines=lines)
    for step in steps:
        made.curve.add(step, {"loss": 1 / step})
    return made


def steps(curve: Curve) -> list[int]:
    return list(json.loads(curve.document())["metrics"]["loss"]["steps"])


def test_what_comes_later_is_joined_and_taken_out_together() -> None:
    pending = Pending()
    pending.add(KEY, part("a", "b", steps=(1, 2)))
    pending.add(KEY, part("b", "c", steps=(3,)))
    found = pending.take(KEY)
    assert found is not None
    assert (found.lines, steps(found.curve)) == (("a", "b", "c"), [1, 2, 3])
    assert pending.take(KEY) is None


def test_what_could_not_be_written_comes_before_what_has_come_since() -> None:
    pending = Pending()
    pending.add(KEY, part("a", steps=(1,)))
    unwritten = pending.take(KEY)
    assert unwritten is not None
    pending.add(KEY, part("b", steps=(2,)))
    pending.put_back(KEY, unwritten)
    found = pending.take(KEY)
    assert found is not None
    assert (found.lines, steps(found.curve)) == (("a", "b"), [1, 2])


def test_a_new_run_and_a_namesake_begin_anew() -> None:
    for later in (part("b", run=1), part("b", uid="another")):
        pending = Pending()
        pending.add(KEY, part("a"))
        pending.add(KEY, later)
        assert pending.take(KEY) == later


def test_a_job_that_floods_loses_its_oldest_lines_and_points() -> None:
    pending = Pending()
    for number in range(1, 1001):
        pending.add(KEY, part(f"{number:04}", steps=(number,)))
    found = pending.take(KEY)
    assert found is not None
    assert found.lines == tuple(f"{number:04}" for number in range(1001 - MOST_LINES, 1001))
    assert len(steps(found.curve)) == MOST_POINTS
    assert pending.dropped == 1000 - MOST_LINES


def test_all_jobs_together_hold_no_more_than_there_is_room_for() -> None:
    pending = Pending(most_bytes=2 * MOST_BYTES)
    for number in range(10):
        pending.add(KEY._replace(name=str(number)), part(*(f"{line:0600}" for line in range(100))))
    held = [pending.take(KEY._replace(name=str(number))) for number in range(10)]
    assert sum(len(line) for each in held if each for line in each.lines) <= 2 * MOST_BYTES
    pending.add(KEY, part("room again"))
    assert len(pending) == 1
