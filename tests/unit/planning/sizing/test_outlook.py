"""Time, cost, and whether hours end before epochs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.api.model import LARGEST_COUNT
from finetune_operator.planning.sizing.outlook import Outlook, Rows, duration, outlook
from finetune_operator.planning.sizing.training import Training
from tests.unit.planning.sizing.scene import CPU_ONLY, LLAMA_8B, SMOLVLA, hardware, hyperparameters, training

TEN_THOUSAND = Rows(10_000, 5_000_000)
WEEK = 168


def expected(asked: Training, rows: Rows = TEN_THOUSAND, hours: float = WEEK) -> Outlook:
    answer = outlook(asked, rows, hours)
    assert answer is not None
    return answer


def seconds(asked: Training, rows: Rows = TEN_THOUSAND) -> float:
    found = expected(asked, rows).estimate.training_seconds
    assert found is not None
    return found


def test_a_training_shows_its_arithmetic() -> None:
    answer = expected(training())
    assert answer.estimate.message == (
        "1875 steps (3 epochs of 625); 8,000 tokens x 45 GFLOP a step, over 1 GPU x 989 TFLOPS at 42 %, take 0.88 s; "
        "1875 x 0.88 s = 27 min; 0.457 h x 4 USD = 1.83 USD"
    )
    assert (answer.estimate.steps, answer.estimate.cost, answer.estimate.currency) == (1875, 1.83, "USD")
    assert answer.warning is None


def test_hours_that_end_before_the_epochs_are_warned_of() -> None:
    answer = expected(training(), hours=0.25)
    assert answer.estimate.training_seconds == 900
    assert answer.estimate.cost == 1
    assert answer.warning == (
        "spec.hours: 0.25 end at about epoch 1.6 of 3 (step 1026 of 1875): give 0.5 hours, fewer epochs or larger hardware"
    )
    assert "hours end it after 15 min" in answer.estimate.message


def test_nodes_are_paid_for_each() -> None:
    answer = expected(training(instance_type=hardware(gpus=8), nodes=2), hours=0.01)
    assert answer.estimate.cost == pytest.approx(0.01 * 4 * 2, abs=0.01)
    assert "x 2 nodes x 4 USD" in answer.estimate.message


def test_without_a_price_there_is_time_and_no_cost() -> None:
    answer = expected(training(instance_type=hardware(price_per_hour=None, currency=None)))
    assert answer.estimate.cost is None
    assert "USD" not in answer.estimate.message


@pytest.mark.parametrize(
    "asked",
    [
        training(instance_type=CPU_ONLY),
        training(LLAMA_8B.model_copy(update={"architecture": None})),
        training(given=hyperparameters(batch_size=None)),
        training(given=hyperparameters(epochs=None)),
        training(SMOLVLA.model_copy(update={"parameters": None})),
    ],
    ids=["on CPU", "architecture unknown", "batch unknown", "steps unknown", "policy's weights unknown"],
)
def test_nothing_is_said_where_nothing_is_known(asked: Training) -> None:
    assert outlook(asked, TEN_THOUSAND, WEEK) is None


def test_all_weights_cost_a_pass_more_and_a_reference_another() -> None:
    large = hardware("2000Gi")
    lora = seconds(training(instance_type=large))
    full = seconds(training(given=hyperparameters(lora=False), instance_type=large))
    pairs = seconds(training(job_type="dpo", instance_type=large))
    assert full / lora == pytest.approx(4 / 3, rel=0.01)
    assert pairs / lora == pytest.approx(2 * 4 / 3, rel=0.05)


def test_packing_makes_fewer_steps_of_the_same_tokens() -> None:
    packed = expected(training(given=hyperparameters(packing=True, context_length=4096)))
    assert packed.estimate.steps == 231


def test_more_steps_than_a_status_can_hold_are_told_as_the_most_that_it_can() -> None:
    absurd = training(hyperparameters=hyperparameters(epochs=1000, batch_size=1))
    assert expected(absurd, Rows(LARGEST_COUNT, 10**15)).estimate.steps == LARGEST_COUNT


def test_given_steps_count_and_epochs_follow() -> None:
    answer = expected(training(given=hyperparameters(epochs=None, steps=100)))
    assert answer.estimate.steps == 100
    assert answer.estimate.message.startswith("100 steps (0.16 epochs of 625)")


def test_a_policy_is_reckoned_by_its_weights_and_rows() -> None:
    asked = training(SMOLVLA, hyperparameters(batch_size=64))
    answer = expected(asked, Rows(64_000))
    assert answer.estimate.steps == 3000
    assert answer.estimate.training_seconds == pytest.approx(3000 * 64 * 450e6 * 20e-12, rel=0.01)


@pytest.mark.parametrize(("count", "said"), [(0.4, "0 s"), (119, "119 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations_are_said_in_their_unit(count: float, said: str) -> None:
    assert duration(count) == said


@given(
    st.builds(
        training,
        st.sampled_from([LLAMA_8B, SMOLVLA]),
        st.builds(
            hyperparameters,
            lora=st.booleans(),
            batch_size=st.integers(1, 512),
            epochs=st.floats(0.01, 1000),
            packing=st.booleans(),
            quantization=st.sampled_from(["none", "nf4"]),
        ),
        instance_type=st.builds(hardware, gpus=st.sampled_from([1, 8])),
        nodes=st.sampled_from([1, 2, 64]),
    ),
    st.builds(Rows, st.integers(1, 10**9), st.none() | st.integers(1, 10**12)),
    st.floats(0.01, 168),
)
def test_an_estimate_stays_within_hours_and_is_bounded(asked: Training, rows: Rows, hours: float) -> None:
    answer = outlook(asked, rows, hours)
    assert answer is not None
    found = answer.estimate
    assert found.training_seconds is not None
    assert 0 <= found.training_seconds <= hours * 3600 + 0.1
    assert len(found.message) <= 1024
    assert answer.warning is None or len(answer.warning) <= 256
    assert outlook(asked, rows, hours) == answer
