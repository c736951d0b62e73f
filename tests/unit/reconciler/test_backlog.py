"""The order of work, by example and against a model that is too simple to be wrong."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from finetune_operator.reconciler.backlog import TURNS, Backlog, Priority
from finetune_operator.reconciler.task import Task

A, B, C = (Task("ns", name) for name in "abc")
LIVE, RESYNC = Priority.LIVE, Priority.RESYNC


def test_a_key_that_is_added_twice_is_handed_out_once() -> None:
    backlog = Backlog()
    backlog.add(A, 0, LIVE)
    backlog.add(A, 1, LIVE)

    assert backlog.take(2) == A
    assert backlog.take(2) is None


def test_what_happens_now_comes_before_what_makes_sure() -> None:
    backlog = Backlog()
    backlog.add(A, 0, RESYNC)
    backlog.add(B, 1, LIVE)
    backlog.add(C, 2, RESYNC)

    assert [backlog.take(3) for _ in range(3)] == [B, A, C]


def test_what_makes_sure_has_a_turn_of_its_own_however_much_happens() -> None:
    backlog = Backlog()
    backlog.add(A, 0, RESYNC)
    taken = []
    for now in range(TURNS):
        backlog.add(B, now, LIVE)
        key = backlog.take(now)
        assert key is not None
        taken.append(key)
        backlog.done(key, now)

    assert taken == [B] * (TURNS - 1) + [A]


def test_a_key_moves_up_when_something_happens_to_it() -> None:
    backlog = Backlog()
    backlog.add(A, 0, RESYNC)
    backlog.add(B, 0, RESYNC)
    backlog.add(B, 1, LIVE)

    assert [backlog.take(2) for _ in range(3)] == [B, A, None]


def test_a_key_in_work_waits_until_it_is_done() -> None:
    backlog = Backlog()
    backlog.add(A, 0, LIVE)
    assert backlog.take(0) == A
    backlog.add(A, 1, LIVE)

    assert backlog.take(1) is None
    backlog.done(A, 2)
    assert backlog.take(2) == A


def test_a_key_is_due_at_the_earliest_time_it_was_asked_for() -> None:
    backlog = Backlog()
    backlog.add_later(A, 10, LIVE)
    backlog.add_later(A, 5, LIVE)
    backlog.add_later(A, 20, LIVE)

    assert backlog.next_due() == 5
    assert backlog.take(4.9) is None
    assert backlog.take(5) == A
    backlog.done(A, 5)
    assert (backlog.take(100), backlog.next_due()) == (None, None)


def test_the_age_is_that_of_the_key_that_waits_longest() -> None:
    backlog = Backlog()
    backlog.add(A, 3, RESYNC)
    backlog.add(B, 1, RESYNC)
    backlog.add(A, 9, LIVE)

    assert backlog.oldest() == 1
    assert backlog.take(9) == A
    assert backlog.take(9) == B
    assert backlog.oldest() is None


KEYS = st.sampled_from([A, B, C])


class BacklogModel(RuleBasedStateMachine):
    """The same operations on sets: nothing asked for is lost, nothing is handed out unasked or twice at once."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog()
        self.now = 0.0
        self.turn = 0
        self.ready: dict[Task, Priority] = {}
        self.due: dict[Task, tuple[float, Priority]] = {}
        self.working: set[Task] = set()
        self.marked: dict[Task, Priority] = {}

    def _add(self, key: Task, priority: Priority) -> None:
        place = self.marked if key in self.working else self.ready
        place[key] = min(priority, place.get(key, priority))

    @rule(key=KEYS, priority=st.sampled_from(Priority))
    def add(self, key: Task, priority: Priority) -> None:
        self.backlog.add(key, self.now, priority)
        self._add(key, priority)

    @rule(key=KEYS, after=st.integers(1, 5), priority=st.sampled_from(Priority))
    def add_later(self, key: Task, after: int, priority: Priority) -> None:
        due = self.now + after
        self.backlog.add_later(key, due, priority)
        if key not in self.due or due < self.due[key][0]:
            self.due[key] = (due, priority)

    @rule(seconds=st.integers(1, 4))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        for key, (due, priority) in list(self.due.items()):
            if due <= self.now:
                del self.due[key]
                self._add(key, priority)
        taken = self.backlog.take(self.now)
        self.turn += 1
        if taken is None:
            assert not self.ready
        else:
            first, last = min(self.ready.values()), max(self.ready.values())
            assert self.ready[taken] == (last if self.turn % TURNS == 0 else first)
            assert taken not in self.working
            del self.ready[taken]
            self.working.add(taken)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        self.backlog.done(key, self.now)
        self.working.discard(key)
        if key in self.marked:
            self._add(key, self.marked.pop(key))

    @invariant()
    def the_next_due_time_is_the_models(self) -> None:
        assert self.backlog.next_due() == min((due for due, _ in self.due.values()), default=None)

    @invariant()
    def as_many_are_in_work(self) -> None:
        assert self.backlog.working == len(self.working)


TestBacklogModel = BacklogModel.TestCase
