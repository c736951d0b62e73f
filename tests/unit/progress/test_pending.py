"""What waits to be written: joined in order, bounded for each job and for all."""

from __future__ import annotations

import json

from finetune_operator.planning.curve import Curve
from finetune_operator.reconciler.progress.pending import MOST_BYTES, MOST_LINES, MOST_POINTS, Pending, Told
from tests.unit.progress.stories import JOB_UID, KEY


def told(step: int, *lines: str, run: int = 0, uid: str = JOB_UID) -> Told:
    return Told(uid, run, step, {"loss": 1 / step}, lines)


def steps(curve: Curve) -> list[int]:
    return list(json.loads(curve.document())["metrics"]["loss"]["steps"])


def test_what_comes_later_is_joined_and_taken_out_together() -> None:
    pending = Pending()
    assert pending.note(KEY, told(1, "a", "b"))
    assert not pending.note(KEY, told(2))
    assert not pending.note(KEY, told(3, "b", "c"))
    found = pending.take(KEY)
    assert found is not None
    assert (found.lines, steps(found.curve)) == (("a", "b", "c"), [1, 2, 3])
    assert pending.take(KEY) is None
    assert pending.note(KEY, told(4))


def test_nothing_is_held_of_a_report_that_tells_nothing() -> None:
    pending = Pending()
    assert not pending.note(KEY, Told(JOB_UID, 0, 0, {"loss": 1.0}))
    assert not pending.note(KEY, Told(JOB_UID, 0, 5, {}))
    assert len(pending) == 0


def test_what_could_not_be_written_comes_before_what_has_come_since() -> None:
    pending = Pending()
    pending.note(KEY, told(1, "a"))
    unwritten = pending.take(KEY)
    assert unwritten is not None
    pending.note(KEY, told(2, "b"))
    pending.put_back(KEY, unwritten)
    found = pending.take(KEY)
    assert found is not None
    assert (found.lines, steps(found.curve)) == (("a", "b"), [1, 2])


def test_a_new_run_and_a_namesake_begin_anew() -> None:
    for later in (told(1, "b", run=1), told(1, "b", uid="another"), told(1, run=1)):
        pending = Pending()
        pending.note(KEY, told(100, "a"))
        pending.note(KEY, later)
        found = pending.take(KEY)
        assert found is not None
        assert (found.uid, found.run, found.lines, steps(found.curve)) == (later.uid, later.run, later.lines, [1])


def test_a_job_that_floods_loses_its_oldest_lines_and_points() -> None:
    pending = Pending()
    for number in range(1, 1001):
        pending.note(KEY, told(number, f"{number:04}"))
    found = pending.take(KEY)
    assert found is not None
    assert found.lines == tuple(f"{number:04}" for number in range(1001 - MOST_LINES, 1001))
    assert len(steps(found.curve)) == MOST_POINTS
    assert pending.dropped == 1000 - MOST_LINES


def test_all_jobs_together_hold_no_more_than_there_is_room_for() -> None:
    pending = Pending(most_bytes=2 * MOST_BYTES)
    for number in range(10):
        pending.note(KEY._replace(name=str(number)), told(1, *(f"{line:0600}" for line in range(100))))
    held = [pending.take(KEY._replace(name=str(number))) for number in range(10)]
    assert sum(len(line) for each in held if each for line in each.lines) <= 2 * MOST_BYTES
    pending.note(KEY, told(1, "room again"))
    found = pending.take(KEY)
    assert found is not None
    assert found.lines == ("room again",)


def crowd(pending: Pending, jobs: int, step: int = 1) -> None:
    for number in range(jobs):
        metrics = {f"m{place}": 1.0 * step for place in range(64)}
        pending.note(KEY._replace(name=str(number)), Told(JOB_UID, 0, step, metrics))


def test_the_curves_of_all_jobs_together_take_no_more_than_there_is_room_for() -> None:
    room = 100_000
    pending = Pending(room)
    for step in range(1, 9):
        crowd(pending, 20, step)
    held = [pending.take(KEY._replace(name=str(number))) for number in range(20)]
    sizes = [each.curve.size for each in held if each]
    assert room / 2 < sum(sizes) < room + max(sizes)
    assert pending.note(KEY, told(1))


def test_where_there_is_no_room_a_curve_goes_back_with_its_training_and_gets_the_end_of_its_run() -> None:
    pending = Pending(100_000)
    pending.note(KEY, told(90))
    pending.note(KEY, told(100))
    crowd(pending, 20)
    pending.note(KEY, told(95))
    pending.note(KEY, Told(JOB_UID, 0, 120, {"loss": 0.5}, is_end=True))
    found = pending.take(KEY)
    assert found is not None
    assert steps(found.curve) == [90, 120]
