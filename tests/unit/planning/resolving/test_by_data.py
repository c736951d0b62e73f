"""Batch size and epochs, from what prepare found."""

from __future__ import annotations

import pytest

from finetune_operator.planning.resolving.by_data import batch_for, epochs_for, multiple
from tests.unit.planning.resolving.shop import completed, report_of, robot_of, rules_of, spec_of

EPOCHS = {1: 25, 4: 25, 5: 20, 20: 5, 33: 3, 34: 3, 8333: 3, 8334: 2, 12_500: 2, 12_501: 1, 10_000_000: 1}
BATCHES = {1: 1, 7: 1, 8: 2, 15: 2, 16: 4, 4000: 8, 3999: 4, 8000: 16, 31_999: 32, 32_000: 64, 10_000_000: 64}


@pytest.mark.parametrize(("rows", "epochs"), EPOCHS.items())
def test_epochs_follow_the_rows(rows: int, epochs: int) -> None:
    assert epochs_for(rows) == epochs


@pytest.mark.parametrize(("rows", "batch"), BATCHES.items())
def test_the_batch_follows_the_rows(rows: int, batch: int) -> None:
    assert batch_for(rows) == batch


@pytest.mark.parametrize("rows", [None, 0])
def test_three_epochs_where_the_rows_are_not_known(rows: int | None) -> None:
    assert epochs_for(rows) == 3


@pytest.mark.parametrize(("gpus", "rows"), [(1, 8), (2, 8), (3, 9), (8, 8), (16, 16), (48, 48), (64, 64), (511, 511)])
def test_a_batch_that_nobody_gave_suits_the_gpus(gpus: int, rows: int) -> None:
    assert multiple(8, gpus) == rows


@pytest.mark.parametrize(("batch", "gpus", "most", "rows"), [(512, 48, 512, 480), (64, 8, 60, 56), (9, 8, 512, 16)])
def test_a_multiple_keeps_to_the_largest_batch(batch: int, gpus: int, most: int, rows: int) -> None:
    assert multiple(batch, gpus, most) == rows


def test_the_rules_are_noted_with_what_they_saw() -> None:
    plan = completed(spec_of(instanceType="large-x8", hours=1), report_of(8000))
    assert (plan.resolved.hyperparameters.batch_size, plan.resolved.hyperparameters.epochs) == (16, 3)
    notes = rules_of(plan)
    assert notes["batchSize"] == (
        "0.2% of 8000 rows as a power of two from 4 to 64, at least 4 steps an epoch, as a multiple of 8 processes"
    )
    assert notes["epochs"] == "3, more for few rows and fewer for many; rows: 8000"


def test_packed_sequences_count_where_rows_are_packed() -> None:
    packed = spec_of(hyperparameters={"packing": True})
    plan = completed(packed, report_of(8000, sequences=40))
    assert (plan.resolved.hyperparameters.batch_size, plan.resolved.hyperparameters.epochs) == (4, 3)


def test_what_is_given_is_kept_and_not_noted() -> None:
    plan = completed(spec_of(hyperparameters={"batchSize": 3, "steps": 7}), report_of(8000))
    values = plan.resolved.hyperparameters
    assert (values.batch_size, values.steps, values.epochs) == (3, 7, None)
    assert {"batchSize", "epochs"} & rules_of(plan).keys() == set()


def test_an_image_that_reports_nothing_leaves_the_general_defaults() -> None:
    plan = completed(spec_of(), None)
    assert (plan.resolved.hyperparameters.batch_size, plan.resolved.hyperparameters.epochs) == (8, 3)
    assert plan.resolved.complete


def test_a_robot_policy_has_the_base_models_batch_and_neither_epochs_nor_steps() -> None:
    values = completed(robot_of(instanceType="small"), report_of(100_000)).resolved.hyperparameters
    assert (values.batch_size, values.epochs, values.steps) == (16, None, None)


def test_a_robot_policy_without_a_preset_has_a_batch_of_eight() -> None:
    plan = completed(robot_of(model={"type": "act"}, instanceType="small"), report_of(100_000))
    assert plan.resolved.hyperparameters.batch_size == 8
    assert rules_of(plan)["batchSize"] == "8"


def test_the_base_models_batch_is_raised_to_what_the_gpus_can_share() -> None:
    plan = completed(robot_of(instanceType="large-x8", nodes=2, output={"accessModes": ["ReadWriteMany"]}), None)
    assert plan.resolved.hyperparameters.batch_size == 16
    plan = completed(robot_of(instanceType="large-x8", hyperparameters={"batchSize": 24}), None)
    assert plan.resolved.hyperparameters.batch_size == 24
    assert plan.resolved.micro_batch_size == 3


def test_the_limit_of_the_base_model_holds_for_the_automatic_batch() -> None:
    plan = completed(spec_of(model={"name": "capped"}), report_of(100_000))
    assert plan.resolved.hyperparameters.batch_size == 8
