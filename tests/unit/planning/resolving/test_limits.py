"""What the catalog allows of a model, the budget that follows from it, and what is superfluous and does no harm."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.resolving.limits import budget_hours, superfluous
from tests.unit.planning.resolving.shop import admitted, refused, robot_of, rules_of, spec_of

CAPPED = {"name": "capped"}
OVER: dict[str, tuple[Json, str]] = {
    "hours": ({"hours": 24.5}, "spec.hours: 24.5 was given; BaseModel 'capped' allows at most 24"),
    "a batch": (
        {"hyperparameters": {"batchSize": 16}},
        "spec.hyperparameters.batchSize: 16 was given; BaseModel 'capped' allows at most 8",
    ),
    "a row": (
        {"hyperparameters": {"contextLength": 1_048_576}},
        "spec.hyperparameters.contextLength: 1048576 was given; BaseModel 'capped' allows at most 1024",
    ),
    "a rank": (
        {"hyperparameters": {"lora": {"rank": 16}}},
        "spec.hyperparameters.lora.rank: 16 was given; BaseModel 'capped' allows at most 8",
    ),
}


@pytest.mark.parametrize(("given", "message"), OVER.values(), ids=OVER)
def test_more_than_the_model_allows_is_refused_of(given: Json, message: str) -> None:
    found = refused(spec_of(model=CAPPED, **given))
    assert (found.reason, found.message) == (Reason.INVALID_SPEC, message)


def test_a_row_is_no_longer_than_the_model_can_read() -> None:
    found = refused(spec_of(hyperparameters={"contextLength": 4096}))
    assert found.message == "spec.hyperparameters.contextLength: 4096 was given; BaseModel 'tiny' allows at most 2048"


def test_robot_policies_need_hours() -> None:
    assert refused(robot_of(hours=None)).message == (
        "spec.hours: jobType vla needs hours: its training has no end of its own"
    )


BUDGETS: dict[str, tuple[Json, float]] = {
    "what the job says": ({"hours": 5}, 5),
    "a week when nothing is said": ({}, 168),
    "what the base model allows when nothing is said": ({"model": CAPPED}, 24),
    "what the instance type allows when nothing is said": ({"instanceType": "large-x8"}, 48),
}


@pytest.mark.parametrize(("given", "hours"), BUDGETS.values(), ids=BUDGETS)
def test_the_budget_is(given: Json, hours: float) -> None:
    spec = spec_of(**given)
    plan = admitted(spec)
    assert budget_hours(spec, plan.resolved) == hours
    limited = "hours" not in given and hours < 168
    assert rules_of(plan).get("hours") == ("the longest that base model and instance type allow" if limited else None)


def test_hours_that_grow_beyond_what_was_allowed_are_not_given() -> None:
    spec = spec_of(model=CAPPED, hours=10)
    assert budget_hours(spec.model_copy(update={"hours": 100}), admitted(spec).resolved) == 24


REWARDS: dict[str, tuple[Json, Json, tuple[str, ...]]] = {
    "weighting is off": (
        {},
        {"useRabc": False, "modelUri": "example", "imageKey": "example", "headMode": "sparse"},
        ("spec.reward: no effect while useRabc is false: modelUri, imageKey",),
    ),
    "nothing but defaults is given": ({}, {"useRabc": False, "headMode": "sparse", "hoursShare": 0.3}, ()),
    "weighting is on": ({}, {"useRabc": True, "modelUri": "hf://a/b", "kappa": 0.1}, ()),
    "no reward model is trained": (
        {},
        {"useRabc": True, "progressUri": "hf://a/b", "hoursShare": 0.5},
        ("spec.reward: no effect where no reward model is trained: hoursShare",),
    ),
    "only a reward model is trained": (
        {"jobType": "reward", "model": {"type": "sarm"}},
        {"useRabc": True, "kappa": 0.1, "annotationMode": "dual"},
        ("spec.reward: no effect where only a reward model is trained: useRabc, kappa",),
    ),
    "the job trains its own": (
        {"jobType": "vla_w_reward"},
        {"modelUri": "hf://a/b", "kappa": 0.1},
        ("spec.reward: no effect where the job trains its own reward model: modelUri",),
    ),
    "both heads": (
        {"jobType": "vla_w_reward"},
        {"headMode": "both"},
        ("spec.reward.headMode: both computes progress with either head; rows are weighted by the sparse one",),
    ),
}


@pytest.mark.parametrize(("given", "reward", "warnings"), REWARDS.values(), ids=REWARDS)
def test_fields_of_the_reward_are_warned_of_when(given: Json, reward: Json, warnings: tuple[str, ...]) -> None:
    assert superfluous(robot_of(**given, reward=reward)) == warnings


UNUSED: dict[str, tuple[Json, str]] = {
    "an adapter's fields while it is off": (
        {"hyperparameters": {"lora": {"enabled": False, "rank": 8}}},
        "spec.hyperparameters.lora: its fields have no effect while enabled is false",
    ),
    "a fraction beside a validation dataset": (
        {
            "evaluation": {"fraction": 0.1},
            "datasets": [{"name": "a", "uri": "pvc://a/a"}, {"name": "a", "split": "validation", "uri": "pvc://a/b"}],
        },
        "spec.evaluation.fraction: not used: there is a validation dataset",
    ),
    "a limit in money where nothing has a price": (
        {"maxCost": 5, "instanceType": "unpriced"},
        "spec.maxCost: it limits nothing: InstanceType 'unpriced' has no pricePerHour; hours limit the training",
    ),
    "merging without an adapter": (
        {"hyperparameters": {"lora": {"enabled": False}}, "output": {"merge": "merged"}},
        "spec.output.merge: not used: without an adapter the weights are published as they are",
    ),
}


@pytest.mark.parametrize(("given", "warning"), UNUSED.values(), ids=UNUSED)
def test_it_is_accepted_with_a_warning_to_give(given: Json, warning: str) -> None:
    assert warning in admitted(spec_of(**given)).warnings
