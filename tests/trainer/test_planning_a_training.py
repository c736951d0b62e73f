"""How many steps, how large, and how fast: decided from the numbers alone."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.documents import run_document
from trainer.contract.run import Hyperparameters, parse_run
from trainer.contract.surroundings import Hardware
from trainer.dataset.setting_aside import set_aside
from trainer.failures import UserError
from trainer.training.evaluations import is_among_best, is_out_of_patience
from trainer.training.packing import packed_sequences
from trainer.training.plan import Plan, learning_rate_factor, make_plan, warnings_of

ONE_CPU = Hardware(gpus=0, nodes=1, cpus=1)


def hyperparameters(epochs: float | None = 3, batch_size: int | None = 8, steps: int | None = None) -> Hyperparameters:
    golden = parse_run(run_document()).hyperparameters
    return dataclasses.replace(golden, epochs=epochs, batch_size=batch_size, steps=steps)


def planned(asked: Hyperparameters, rows: int, hardware: Hardware = ONE_CPU) -> Plan:
    plan = make_plan(asked, rows, hardware)
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    ("epochs", "batch", "rows", "steps"),
    [(3, 8, 48, 18), (3, 8, 49, 21), (0.5, 8, 48, 3), (0.01, 8, 48, 1), (1, 512, 3, 1)],
)
def test_steps_follow_from_epochs_rows_and_batch(epochs: float, batch: int, rows: int, steps: int) -> None:
    assert planned(hyperparameters(epochs, batch), rows).total_steps == steps


def test_explicit_steps_win_over_epochs() -> None:
    plan = planned(hyperparameters(steps=7), rows=48)
    assert (plan.total_steps, plan.by_epochs) == (7, False)
    assert plan.total_epochs == pytest.approx(7 / 6)
    assert planned(hyperparameters(epochs=None, steps=7), rows=48).total_steps == 7


@pytest.mark.parametrize("left_open", [{"batch_size": None}, {"epochs": None}, {"epochs": None, "batch_size": None}])
def test_there_is_no_plan_before_batch_and_length_are_chosen(left_open: dict[str, None]) -> None:
    assert make_plan(hyperparameters(**left_open), 48, ONE_CPU) is None


@given(batch=st.integers(1, 512), gpus=st.integers(0, 8), nodes=st.integers(1, 4), fitting=st.integers(1, 64))
def test_the_global_batch_is_kept_or_refused(batch: int, gpus: int, nodes: int, fitting: int) -> None:
    asked, hardware = hyperparameters(batch_size=batch), Hardware(gpus, nodes, cpus=1, micro_batch_size=fitting)
    if batch % hardware.processes:
        with pytest.raises(UserError, match="cannot be split evenly"):
            make_plan(asked, 48, hardware)
        return
    plan = planned(asked, 48, hardware)
    assert plan.micro_batch * plan.accumulation * hardware.processes == batch
    assert plan.micro_batch <= fitting


def test_a_process_holds_at_most_eight_rows_when_nobody_has_reckoned_how_many_fit() -> None:
    assert planned(hyperparameters(batch_size=64), 48).micro_batch == 8


@given(batch=st.integers(1, 512), fitting=st.integers(1, 64), halvings=st.integers(0, 16))
def test_halving_what_is_held_at_once_keeps_the_batch(batch: int, fitting: int, halvings: int) -> None:
    whole, half = (
        planned(hyperparameters(batch_size=batch), 48, Hardware(0, 1, 1, micro_batch_size=fitting, halvings=times))
        for times in (0, halvings)
    )
    assert half.micro_batch * half.accumulation == whole.micro_batch * whole.accumulation == batch
    assert 1 <= half.micro_batch <= max(1, whole.micro_batch / 2**halvings)
    assert dataclasses.replace(half, micro_batch=0, accumulation=0) == dataclasses.replace(
        whole, micro_batch=0, accumulation=0
    )


@pytest.mark.parametrize(("halvings", "rows"), [(0, 8), (1, 4), (2, 2), (3, 1), (4, 1)])
def test_each_halving_halves_the_rows_down_to_one(halvings: int, rows: int) -> None:
    assert planned(hyperparameters(batch_size=8), 48, Hardware(0, 1, 1, halvings=halvings)).micro_batch == rows


def test_a_batch_that_cannot_be_split_is_refused_with_one_that_can() -> None:
    with pytest.raises(UserError, match="batchSize 10 is global and cannot be split evenly over 4 GPUs") as refused:
        make_plan(hyperparameters(batch_size=10), 48, Hardware(gpus=4, nodes=1, cpus=4))
    assert refused.value.advice == "Use a multiple of 4, such as 8."
    with pytest.raises(UserError, match="cannot be split evenly over 2 nodes of 4 GPUs"):
        make_plan(hyperparameters(batch_size=10), 48, Hardware(gpus=4, nodes=2, cpus=4))


def plan_of(steps: int, *, warmup: int = 3, by_epochs: bool = True) -> Plan:
    return Plan(total_steps=steps, steps_per_epoch=6, micro_batch=8, accumulation=1, warmup=warmup, by_epochs=by_epochs)


def test_the_learning_rate_rises_shortly_to_its_peak_and_falls_to_nothing() -> None:
    plan = plan_of(100)
    factors = [learning_rate_factor(plan, step, 0.0) for step in range(101)]
    assert factors[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert factors[3:] == sorted(factors[3:], reverse=True)
    assert factors[100] == 0.0


@pytest.mark.parametrize(
    ("changes", "warmup"),
    [
        ({}, 3),
        ({"warmup_ratio": 0.5}, 50),
        ({"warmup_ratio": 0.0}, 0),
        ({"warmup_ratio": 1.0}, 100),
        ({"warmup_steps": 7}, 7),
        ({"warmup_steps": 0}, 0),
    ],
)
def test_the_rise_is_as_long_as_the_job_says(changes: dict[str, float], warmup: int) -> None:
    asked = dataclasses.replace(hyperparameters(steps=100), **changes)  # type: ignore[arg-type]
    assert planned(asked, 48).warmup == warmup


@given(steps=st.integers(1, 300), warmup=st.integers(0, 400), share=st.floats(0, 2))
def test_the_learning_rate_never_leaves_its_bounds(steps: int, warmup: int, share: float) -> None:
    plan = plan_of(steps, warmup=warmup)
    assert all(0 <= learning_rate_factor(plan, step, share) <= 1 for step in range(steps + 1))


def test_the_learning_rate_falls_with_the_hours_unless_steps_are_given() -> None:
    assert learning_rate_factor(plan_of(100, warmup=0), 10, share_of_budget=0.6) == pytest.approx(0.4)
    unhurried = plan_of(100, warmup=0, by_epochs=False)
    assert learning_rate_factor(unhurried, 10, share_of_budget=0.6) == pytest.approx(0.9)
    assert learning_rate_factor(plan_of(100), 10, share_of_budget=1.7) == 0.0


def test_few_steps_and_a_rise_without_end_are_warned_of_with_a_remedy() -> None:
    assert "only 18 optimizer steps are planned (6 per epoch)" in warnings_of(plan_of(18))[0]
    assert warnings_of(plan_of(50)) == ()
    assert "lower warmupSteps or warmupRatio" in warnings_of(plan_of(60, warmup=60))[0]


@given(lengths=st.lists(st.integers(1, 40), max_size=60), longest=st.integers(40, 64))
def test_packing_uses_no_more_sequences_than_rows_and_no_fewer_than_tokens_need(
    lengths: list[int], longest: int
) -> None:
    sequences = packed_sequences(Counter(lengths), longest)
    assert math.ceil(sum(lengths) / longest) <= sequences <= len(lengths)


def test_rows_that_fit_together_share_a_sequence() -> None:
    assert packed_sequences({10: 4, 20: 2}, longest=40) == 2
    assert packed_sequences({30: 2, 10: 2, 15: 1}, longest=40) == 3
    assert packed_sequences({40: 3}, longest=40) == 3
    assert packed_sequences({}, longest=40) == 0


@given(fraction=st.floats(0.01, 0.5), seed=st.integers(0, 2**32 - 1))
def test_a_fraction_of_any_many_rows_is_set_aside_the_same_each_time(fraction: float, seed: int) -> None:
    rows = list(itertools.islice(set_aside(fraction, seed), 1000))
    assert sum(rows) == pytest.approx(1000 * fraction, abs=1.5)
    assert rows == list(itertools.islice(set_aside(fraction, seed), 1000))


@pytest.mark.parametrize(
    ("losses", "best", "over"),
    [([3.0], True, False), ([3.0, 2.0], True, False), ([2.0, 2.0], False, False), ([2.0, 2.5, 2.1], False, True)],
)
def test_evaluations_say_what_is_best_and_when_to_end(losses: list[float], best: bool, over: bool) -> None:  # noqa: FBT001
    assert is_among_best(losses, 1) == best
    assert is_out_of_patience(losses, 2) == over
    assert not is_out_of_patience(losses, None)
    assert not is_among_best(losses, 0)
