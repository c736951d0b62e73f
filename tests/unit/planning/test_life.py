"""Whatever happens to an operator, its Jobs and their pods: never two writers, never a number twice, always an end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.status import FineTuneJobStatus
from tests.unit.planning.scene import verdict
from tests.unit.planning.world import Crash, Crashed, Key, World, live, success

WHICH = st.integers(0, 99)
CRASHES: st.SearchStrategy[Crash] = st.sampled_from(["before the create", "between create and status"])
CODES = st.sampled_from([1, 75, 137, 143])


class Life(RuleBasedStateMachine):
    """One FineTuneJob in a world where everything may go wrong between any two writes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.ended: FineTuneJobStatus | None = None
        self.created_by_then = 0
        self.seconds = 0.0

    @initialize(trains=st.booleans())
    def it_is_new_or_it_trains_already(self, *, trains: bool) -> None:
        if trains:
            _calm(self.world)
            for _ in range(2):
                self.world.watch()
                self.world.reconcile()

    @rule()
    def the_operator_visits(self) -> None:
        before = self.world.cluster.status_writes
        self.world.reconcile()
        assert self.world.cluster.status_writes - before <= 1
        assert self.world.creates <= 1

    @rule(crash=CRASHES)
    def the_operator_is_killed_and_a_new_one_lists_everything(self, crash: Crash) -> None:
        with pytest.raises(Crashed):
            self.world.reconcile(crash)
        self.world.watch()

    @rule()
    def the_watch_brings_jobs(self) -> None:
        self.world.watch(pods=False)
        self.the_operator_visits()

    @rule()
    def the_watch_brings_pods(self) -> None:
        self.world.watch(jobs=False)
        self.the_operator_visits()

    @rule(seconds=st.sampled_from([1, 15, 400]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(which=WHICH, code=CODES)
    def a_pod_fails(self, which: int, code: int) -> None:
        self.world.end_pod(self._one(which), code)

    @rule(which=WHICH)
    def a_pod_asks_to_be_started_again(self, which: int) -> None:
        key = self._one(which)
        word = verdict("retry", stage=key[0], attempt=key[1], step=key[1], training_seconds=1.0 * key[1])
        self.world.end_pod(key, 75, word)

    @rule(which=WHICH)
    def a_pod_succeeds(self, which: int) -> None:
        key = self._one(which)
        self.world.end_pod(key, 0, success(key))

    @rule(which=WHICH)
    def a_node_drains(self, which: int) -> None:
        self.world.disrupt(self._one(which))

    @rule(which=WHICH)
    def a_pod_is_lost(self, which: int) -> None:
        self.world.lose_pod(self._one(which))

    @rule(which=WHICH)
    def the_job_controller_settles(self, which: int) -> None:
        self.world.settle_job(self._one(which))

    @precondition(lambda self: self.world.status.attempts)
    @rule(which=WHICH)
    def somebody_deletes_a_job_that_is_known(self, which: int) -> None:
        key = self._one(which)
        if any((a.stage, a.number) == key for a in self.world.status.attempts):
            self.world.delete_job(key)

    @rule(which=WHICH)
    def the_garbage_collector_comes(self, which: int) -> None:
        self.world.collect(self._one(which))

    @invariant()
    def there_is_never_a_second_writer(self) -> None:
        pods = self.world.cluster.pods
        assert len(live(pods, "train") + live(pods, "prepare")) <= 1

    @invariant()
    def no_number_is_given_twice(self) -> None:
        created = self.world.cluster.created
        assert len(created) == len(set(created))

    @invariant()
    def a_terminal_state_is_never_left(self) -> None:
        status = self.world.status
        if self.ended is not None:
            assert status == self.ended
        elif status.phase in TERMINAL_PHASES:
            self.ended = status
            self.created_by_then = len(self.world.cluster.created)

    @invariant()
    def nothing_starts_after_the_end(self) -> None:
        if self.ended is not None:
            assert len(self.world.cluster.created) == self.created_by_then

    @invariant()
    def training_time_never_shrinks(self) -> None:
        usage = self.world.status.usage
        seconds = usage.training_seconds if usage else 0.0
        assert seconds >= self.seconds
        self.seconds = seconds

    def _one(self, which: int) -> Key:
        """One of the attempts that have a Job or a pod; most often the newest."""
        there = sorted(set(self.world.cluster.jobs) | set(self.world.cluster.pods), key=lambda key: (key[0], key[1]))
        return there[-1 - which // 50 % len(there)] if there else ("prepare", 1)

    @override
    def teardown(self) -> None:
        """However it went, a world that calms down comes to an end, and then rests."""
        for _ in range(40):
            if self.world.status.phase in TERMINAL_PHASES:
                break
            _calm(self.world)
        assert self.world.status.phase in TERMINAL_PHASES
        writes = self.world.cluster.status_writes
        self.world.watch()
        assert not self.world.reconcile()
        assert self.world.cluster.status_writes == writes


def _calm(world: World) -> None:
    """Every pod runs and succeeds, the watch is prompt and nobody interferes."""
    world.watch()
    world.reconcile()
    for key in set(world.cluster.jobs) | set(world.cluster.pods):
        world.collect(key)
        world.end_pod(key, 0, success(key))
        world.settle_job(key)
    world.now += timedelta(minutes=6)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_an_undisturbed_life_takes_two_jobs_and_few_writes() -> None:
    world = World()
    for _ in range(40):
        _calm(world)
    assert world.status.phase == "Succeeded"
    assert world.cluster.created == [("prepare", 1), ("train", 1)]
    assert world.cluster.status_writes <= 4
