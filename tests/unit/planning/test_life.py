"""Whatever happens to an operator, its Jobs and their pods: never two writers, never a number twice, always an end."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from finetune_operator.api.conditions import TERMINAL_PHASES, Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import Attempt
from finetune_operator.planning.progress import Activity, Progress
from finetune_operator.planning.rest import at_rest
from tests.unit.planning.scene import verdict
from tests.unit.planning.world import Crashed, Key, World, live, success

WHICH = st.integers(0, 99)
CODES = st.sampled_from([1, 75, 137, 143])
RESULTS = st.sampled_from(["completed", "deadline", "stopped"])
IDLE = TERMINAL_PHASES | {Phase.SUSPENDED}
"""Phases in which no pod of the job is there to write."""
OUT_OF_MEMORY = 66
USER_ERROR = 64


class Life(RuleBasedStateMachine):
    """One FineTuneJob in a world where everything may go wrong between any two writes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.asked = dict(self.world.spec)
        self.ended: Json | None = None
        self.created_by_then = 0
        self.seconds = (0, 0.0)
        self.percent: tuple[tuple[int | None, int | None], int] = ((None, None), 0)

    @initialize(trains=st.booleans(), merges=st.booleans())
    def it_is_new_or_it_trains_already(self, *, trains: bool, merges: bool) -> None:
        if merges:
            self._ask(output={"merge": "merged"})
        if trains:
            _calm(self.world)
            self.world.watch()
            self.the_operator_visits()

    # ---- the operator ---------------------------------------------------------------------------

    @rule()
    def the_operator_visits(self) -> None:
        before = self.world.cluster.status_writes
        recorded, rested = _ended(self.world), self._rests()
        self.world.reconcile()
        assert self.world.cluster.status_writes - before <= 1
        assert self.world.writes <= (0 if rested else 2)
        self._no_verdict_is_lost(recorded)
        if self.world.cluster.status_writes > before and self.world.status.phase in IDLE:
            assert not live(self.world.cluster.pods), f"{self.world.status.phase}, and a pod may still write"

    @rule(writes=st.integers(0, 2))
    def the_operator_is_killed_between_two_writes_and_a_new_one_lists_everything(self, writes: int) -> None:
        with suppress(Crashed):
            self.world.reconcile(killed_after=writes)
        self.world.begin_anew()

    @rule(body=st.booleans(), jobs=st.booleans(), pods=st.booleans())
    def the_watch_brings_some_kinds(self, *, body: bool, jobs: bool, pods: bool) -> None:
        self.world.watch(body=body, jobs=jobs, pods=pods)
        self.the_operator_visits()

    @rule(seconds=st.sampled_from([1, 15, 400, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    # ---- the owner ------------------------------------------------------------------------------

    @rule(suspend=st.booleans())
    def its_owner_suspends_or_resumes_it(self, *, suspend: bool) -> None:
        self._ask(suspend=suspend)

    @rule()
    def its_owner_stops_it(self) -> None:
        self._ask(stop=True)

    @rule()
    def its_owner_cancels_it(self) -> None:
        self._ask(cancel=True)

    @rule(start=st.sampled_from(["checkpoint", "scratch"]))
    def its_owner_restarts_it(self, start: str) -> None:
        more = self.world.spec["restartGeneration"] + 1
        self._ask(restartGeneration=more, restartFrom=start, stop=False, cancel=False)

    @rule()
    def its_owner_gives_it_more_hours(self) -> None:
        self._ask(hours=self.world.spec["hours"] + 1)

    @rule(cost=st.sampled_from([0, 0.001, 1, 1000]))
    def its_owner_limits_the_cost(self, cost: float) -> None:
        self._ask(maxCost=cost)

    @rule(seconds=st.sampled_from([None, 10, 1000]))
    def its_owner_limits_how_long_it_may_wait_to_start(self, seconds: int | None) -> None:
        self._ask(startDeadlineSeconds=seconds)

    @rule(seconds=st.sampled_from([None, 30, 1000]))
    def its_owner_limits_its_silence(self, seconds: int | None) -> None:
        self._ask(stallTimeoutSeconds=seconds)

    # ---- pods -----------------------------------------------------------------------------------

    @rule(which=WHICH)
    def a_pod_starts(self, which: int) -> None:
        self.world.start_pod(self._one(which))

    @rule(which=WHICH, step=st.integers(0, 20), activity=st.sampled_from(["loading", "step", "save"]))
    def a_trainer_reports(self, which: int, step: int, activity: Activity) -> None:
        stage, number = self._one(which)
        if stage == "train":
            uid, now = f"pod-train-{number}", self.world.now
            self.world.mind.progress = Progress(
                number, uid, step, now, activity, 20, training_seconds=1.0 * number, checkpoint_step=step
            )

    @rule(which=WHICH)
    def a_trainer_is_silent_for_long(self, which: int) -> None:
        self.world.start_pod(self._one(which))
        self.world.watch()
        self.a_trainer_reports(which, 3, "step")
        self.the_operator_visits()
        self.time_passes(4000)
        self.the_operator_visits()

    @rule()
    def nothing_starts_for_long(self) -> None:
        self.world.watch()
        self.the_operator_visits()
        self.time_passes(4000)
        self.the_operator_visits()

    @rule(which=WHICH, code=CODES)
    def a_pod_fails_without_a_word(self, which: int, code: int) -> None:
        self.world.end_pod(self._one(which), code)

    @rule(which=WHICH)
    def a_pod_asks_to_be_started_again(self, which: int) -> None:
        key = self._one(which)
        word = verdict("retry", stage=key[0], attempt=key[1], step=key[1], training_seconds=1.0 * key[1])
        self.world.end_pod(key, 75, word)

    @rule(which=WHICH)
    def a_pod_runs_out_of_gpu_memory(self, which: int) -> None:
        key = self._one(which)
        self.world.end_pod(key, OUT_OF_MEMORY, verdict("outOfMemory", stage=key[0], attempt=key[1]))

    @rule(which=WHICH)
    def a_pod_blames_its_user(self, which: int) -> None:
        key = self._one(which)
        if self.world.spec["hours"] % 2:  # not too often: it is the end
            self.world.end_pod(key, USER_ERROR, verdict("userError", stage=key[0], attempt=key[1]))

    @rule(which=WHICH, result=RESULTS)
    def a_pod_succeeds(self, which: int, result: str) -> None:
        key = self._one(which)
        self.world.end_pod(key, 0, success(key, result if key[0] == "train" else "completed"))

    @rule(which=WHICH)
    def a_node_drains(self, which: int) -> None:
        self.world.disrupt(self._one(which))

    @rule(which=WHICH)
    def a_pod_is_lost(self, which: int) -> None:
        self.world.lose_pod(self._one(which))

    # ---- Jobs -----------------------------------------------------------------------------------

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

    # ---- what always holds ----------------------------------------------------------------------

    @invariant()
    def there_are_never_two_attempts_at_once(self) -> None:
        assert len(live(self.world.cluster.pods)) <= 1

    @invariant()
    def no_number_is_given_twice(self) -> None:
        created = self.world.cluster.created
        assert len(created) == len(set(created))

    @invariant()
    def nobody_but_its_owner_writes_the_spec(self) -> None:
        assert self.world.spec == self.asked

    @invariant()
    def a_terminal_state_is_never_left_but_for_a_new_run(self) -> None:
        status = self.world.status
        said = {
            "phase": status.phase,
            "reason": status.reason,
            "attempts": status.attempts,
            "run": status.restart_generation,
        }
        if self.ended is not None and self.ended["run"] == said["run"]:
            assert said == self.ended
        elif status.phase in TERMINAL_PHASES:
            self.ended, self.created_by_then = said, len(self.world.cluster.created)

    @invariant()
    def nothing_starts_after_the_end_but_for_a_new_run(self) -> None:
        if self.ended is not None and self.asked["restartGeneration"] == (self.ended["run"] or 0):
            assert len(self.world.cluster.created) == self.created_by_then

    @invariant()
    def training_time_never_shrinks_within_a_run(self) -> None:
        status = self.world.status
        run, seconds = status.restart_generation or 0, status.usage.training_seconds if status.usage else 0.0
        assert seconds >= self.seconds[1] or run > self.seconds[0]
        self.seconds = (run, seconds)

    @invariant()
    def a_percentage_falls_only_with_an_edit_or_a_new_run(self) -> None:
        """More hours are more to do; and what ends for a new run is told of with the same edit as that run itself."""
        progress, status = self.world.status.progress, self.world.status
        what = status.observed_generation, status.restart_generation
        percentage = (progress.percentage if progress else None) or 0
        assert percentage >= self.percent[1] or what != self.percent[0]
        self.percent = (what, percentage)

    @invariant()
    def nobody_promises_when_a_training_ends_that_does_not_train(self) -> None:
        status = self.world.status
        if status.progress and status.reason != Reason.TRAINING:
            assert not status.progress.estimated_remaining_seconds

    @invariant()
    def what_a_limit_ended_is_told_as_that(self) -> None:
        for attempt in self.world.status.attempts:
            if attempt.ends_for == Reason.START_DEADLINE_EXCEEDED:
                assert attempt.outcome in {None, "Requested", "Succeeded", "UserError"}
            if attempt.reason == Reason.STEP_STALLED:
                assert attempt.outcome == "Platform"
            if attempt.reason == Reason.MAX_COST_REACHED:
                assert attempt.outcome == "Succeeded"
                assert "hours" not in (attempt.message or "")

    def _no_verdict_is_lost(self, recorded: dict[Key, Attempt]) -> None:
        """What a pod that the operator could see said at its end is what the status says of the attempt."""
        seen = {**self.world.mind.gone, **self.world.mind.pods}
        for key, attempt in _ended(self.world).items() - recorded.items():
            word = _outcome_of(seen.get(key))
            assert word is None or attempt.outcome == word, f"{key}: {attempt.outcome}, and its pod said {word}"

    def _ask(self, **changes: object) -> None:
        self.asked |= changes
        self.world.cluster.edit(changes)

    def _one(self, which: int) -> Key:
        """One of the attempts that have a Job or a pod; most often the newest."""
        there = sorted(set(self.world.cluster.jobs) | set(self.world.cluster.pods), key=lambda key: (key[0], key[1]))
        return there[-1 - which // 50 % len(there)] if there else ("prepare", 1)

    @override
    def teardown(self) -> None:
        """However it went, a world that calms down comes to an end, and then rests."""
        self._ask(suspend=False)
        for _ in range(60):
            if self._is_over():
                break
            _calm(self.world)
        assert self._is_over(), self.world.status
        writes = self.world.cluster.status_writes
        self.world.watch()
        assert not self.world.reconcile()
        assert self.world.cluster.status_writes == writes
        assert self._rests()

    def _rests(self) -> bool:
        """Whether the operator would not even look at it."""
        return at_rest(self.world.mind.body, self.world.mind.jobs.values())

    def _is_over(self) -> bool:
        status = self.world.status
        observed = status.observed_generation == self.world.cluster.body["metadata"]["generation"]
        return (
            observed
            and status.phase in TERMINAL_PHASES
            and (status.restart_generation or 0) == self.asked["restartGeneration"]
        )


def _ended(world: World) -> dict[Key, Attempt]:
    return {(a.stage, a.number): a for a in world.status.attempts if a.end_time}


def _outcome_of(pod: Json | None) -> str | None:
    """How an attempt must be recorded whose pod ended so, where its exit code and its word leave no doubt."""
    states = [each["state"].get("terminated") for each in pod["status"].get("containerStatuses", ())] if pod else []
    ended = states[0] if states else None
    if not ended or not ended.get("message"):
        return None
    return {0: "Succeeded", USER_ERROR: "UserError", OUT_OF_MEMORY: "UserError"}.get(ended["exitCode"])


def _calm(world: World) -> None:
    """Every pod runs and succeeds, the watch is prompt and nobody interferes."""
    world.watch()
    world.reconcile()
    for key in set(world.cluster.jobs) | set(world.cluster.pods):
        world.start_pod(key)
        world.end_pod(key, 0, success(key))
        world.settle_job(key)
        world.collect(key)
        world.collect(key)
    world.now += timedelta(minutes=6)


TestLife = Life.TestCase
TestLife.settings = settings(
    stateful_step_count=50,
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
