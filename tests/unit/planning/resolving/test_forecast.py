"""Time and cost: the most that they can be at admission, and what they will be once the data are known."""

from __future__ import annotations

from tests.unit.planning.resolving.shop import admitted, completed, report_of, robot_of, spec_of

LLAMA = {"name": "llama-8b"}


def test_at_admission_the_whole_budget_is_the_most() -> None:
    estimate = admitted(spec_of(model=LLAMA, instanceType="large-x8", hours=10, nodes=2)).estimate
    assert estimate is not None
    assert estimate.wire() == {
        "trainingSeconds": 36_000,
        "cost": 640,
        "currency": "USD",
        "message": "at most 10 h x 2 nodes x 32 USD = 640.00 USD",
    }


def test_hardware_without_a_price_has_no_cost() -> None:
    estimate = admitted(spec_of(instanceType="cpu-small", hours=2)).estimate
    assert estimate is not None
    assert estimate.wire() == {"trainingSeconds": 7200, "message": "at most 2 h"}


def test_the_data_say_what_it_will_be() -> None:
    plan = completed(spec_of(model=LLAMA, hours=10), report_of(1000))
    assert plan.estimate is not None
    assert plan.estimate.steps == 3 * 250
    assert plan.estimate.training_seconds is not None
    assert plan.estimate.training_seconds < 36_000
    assert plan.estimate.message.startswith("750 steps (3 epochs of 250)")
    assert plan.warnings == ()


def test_hours_that_end_before_the_epochs_are_warned_of() -> None:
    plan = completed(spec_of(model=LLAMA, hours=0.1), report_of(8000))
    assert plan.estimate is not None
    assert plan.estimate.training_seconds == 360
    (warning,) = plan.warnings
    assert warning.startswith("spec.hours: 0.1 end at about epoch ")


def test_where_it_cannot_be_reckoned_the_first_estimate_stands() -> None:
    for plan in (
        completed(spec_of(model={"name": "someone/something"}), report_of()),
        completed(spec_of(model=LLAMA), None),
        completed(robot_of(instanceType="small"), report_of()),
    ):
        assert plan.estimate is None
