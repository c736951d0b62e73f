"""How many steps, how large, and how fast: decided from the numbers alone."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.documents import run_document
from trainer.contract.run import Hyperparameters, parse_run
from trainer.failures import UserError
from trainer.training.plan import Plan, few_steps_warning, learning_rate_factor, make_plan


def hyperparameters(epochs: float = 3, batch_size: int = 8, steps: int | None = None) -> Hyperparameters:
    golden = parse_run(run_document()).hyperparameters
    return dataclasses.replace(golden, epochs=epochs, batch_size=batch_size, steps=steps)


@pytest.mark.parametrize(
    ("epochs", "batch", "rows", "steps"),
    [(3, 8, 48, 18), (3, 8, 49, 21), (0.5, 8, 48, 3), (0.01, 8, 48, 1), (1, 512, 3, 1)],
)
def test_steps_follow_from_epochs_rows_and_batch(epochs: float, batch: int, rows: int, steps: int) -> None:
    assert make_plan(hyperparameters(epochs, batch), rows, processes=1).total_steps == steps


def test_explicit_steps_win_over_epochs() -> None:
    plan = make_plan(hyperparameters(steps=7), rows=48, processes=1)
    assert (plan.total_steps, plan.by_epochs) == (7, False)
    assert plan.total_epochs == pytest.approx(7 / 6)


@given(batch=st.integers(1, 512), processes=st.integers(1, 8), rows=st.integers(1, 5000))
def test_the_global_batch_is_kept_or_refused(batch: int, processes: int, rows: int) -> None:
    asked = hyperparameters(batch_size=batch)
    if batch % processes:
        with pytest.raises(UserError, match="cannot be split evenly"):
            make_plan(asked, rows, processes)
        return
    plan = make_plan(asked, rows, processes)
    assert plan.micro_batch * plan.accumulation * processes == batch
    assert plan.micro_batch <= 8


def test_a_batch_that_cannot_be_split_is_refused_with_one_that_can() -> None:
    with pytest.raises(UserError, match="batchSize 10 is global and cannot be split evenly over 4 GPUs") as refused:
        make_plan(hyperparameters(batch_size=10), 48, processes=4)
    assert refused.value.advice == "Use a multiple of 4, such as 8."


def plan_of(steps: int, *, by_epochs: bool = True) -> Plan:
    return Plan(total_steps=steps, steps_per_epoch=6, micro_batch=8, accumulation=1, by_epochs=by_epochs)


def test_the_learning_rate_rises_shortly_and_falls_to_nothing() -> None:
    plan = plan_of(100)
    factors = [learning_rate_factor(plan, step, 0.0) for step in range(101)]
    assert factors[0] == pytest.approx(0.25)
    assert max(factors) == pytest.approx(0.97)
    assert factors[3:] == sorted(factors[3:], reverse=True)
    assert factors[100] == 0.0


def test_the_learning_rate_falls_with_the_hours_unless_steps_are_given() -> None:
    assert learning_rate_factor(plan_of(100), 10, share_of_budget=0.6) == pytest.approx(0.4)
    assert learning_rate_factor(plan_of(100, by_epochs=False), 10, share_of_budget=0.6) == pytest.approx(0.9)
    assert learning_rate_factor(plan_of(100), 10, share_of_budget=1.7) == 0.0


def test_few_steps_are_warned_of_with_a_remedy() -> None:
    assert "only 18 optimizer steps are planned (6 per epoch)" in (few_steps_warning(plan_of(18)) or "")
    assert few_steps_warning(plan_of(50)) is None
