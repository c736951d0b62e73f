"""Values that a job leaves open: its own go first, then the base model's, then the rule's, and each has its note."""

from __future__ import annotations

import pytest

from finetune_operator.api.basemodel import ModelLimits
from finetune_operator.api.finetunejob import Hyperparameters
from finetune_operator.api.model import Json
from finetune_operator.planning.resolving import rules
from finetune_operator.planning.resolving.automatic import Ask, choose_before_data
from finetune_operator.planning.resolving.rules import Group

MODEL = "the base model's default"


def chosen(
    given: Json, model: Json | None = None, limits: Json | None = None, group: Group = "language"
) -> tuple[Json, Json]:
    """The values as they are stored, and the rule of each that was chosen, by field."""
    ask = Ask(
        Hyperparameters.model_validate(given),
        Hyperparameters.model_validate(model or {}),
        ModelLimits.model_validate(limits or {}),
        group,
    )
    found = choose_before_data(ask)
    return found.values.wire(), {each.field.removeprefix("hyperparameters."): each.rule for each in found.choices}


def test_what_a_language_model_gets_when_nothing_is_given() -> None:
    values, notes = chosen({})
    assert values == {
        "learningRate": 2e-4,
        "warmupRatio": 0.03,
        "weightDecay": 0,
        "maxGradNorm": 1,
        "seed": 42,
        "packing": False,
        "precision": "auto",
        "quantization": "none",
        "imageAugmentation": False,
        "lora": {"enabled": True, "rank": 16, "alpha": 32, "dropout": 0, "targetModules": []},
        "extra": {},
    }
    assert notes == {
        "lora.enabled": "on for language models",
        "lora.rank": "16",
        "lora.alpha": "twice the rank",
        "lora.dropout": "none",
        "learningRate": "the usual one of language models with LoRA",
        "warmupRatio": "3 % of the steps",
        "weightDecay": "none",
        "maxGradNorm": "1",
        "seed": "42",
    }


def test_what_a_robot_policy_gets_when_nothing_is_given() -> None:
    values, notes = chosen({}, group="robot")
    assert (values["learningRate"], values["lora"]["enabled"]) == (1e-4, False)
    assert {"epochs", "steps", "batchSize"} & values.keys() == set()
    assert notes["lora.enabled"] == "off for robot policies"
    assert "lora.rank" not in notes, "an adapter that is switched off is not worth a note"


RATES: dict[tuple[Group, bool], float] = {
    ("language", True): 2e-4,
    ("language", False): 2e-5,
    ("dpo", True): 1e-5,
    ("dpo", False): 1e-6,
    ("robot", False): 1e-4,
}


@pytest.mark.parametrize(("method", "rate"), RATES.items())
def test_the_learning_rate_is_the_usual_one_of_the_method(method: tuple[Group, bool], rate: float) -> None:
    group, adapted = method
    values, notes = chosen({"lora": {"enabled": adapted}}, group=group)
    assert values["learningRate"] == rate
    assert notes["learningRate"] == rules.rate_rule(group, adapted=adapted)


GIVEN: Json = {
    "batchSize": 1, "learningRate": 0.01, "warmupRatio": 0, "weightDecay": 0, "maxGradNorm": 0, "seed": 0, "contextLength": 1,
    "packing": False, "precision": "fp32", "quantization": "none", "trainOn": "all", "imageAugmentation": False, "epochs": 0.5,
}  # fmt: skip
OTHER: Json = {
    "batchSize": 2, "learningRate": 0.02, "warmupRatio": 0.2, "weightDecay": 2, "maxGradNorm": 2, "seed": 2, "contextLength": 2,
    "packing": True, "precision": "bf16", "quantization": "nf4", "trainOn": "completion", "imageAugmentation": True, "epochs": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_given_wins_zero_and_false_included(name: str) -> None:
    values, notes = chosen({name: GIVEN[name]}, OTHER)
    assert values[name] == GIVEN[name]
    assert name not in notes


@pytest.mark.parametrize("name", OTHER)
def test_what_is_not_given_comes_from_the_base_model(name: str) -> None:
    values, notes = chosen({}, OTHER)
    assert values[name] == OTHER[name]
    assert notes[name] == MODEL


LENGTHS: dict[str, tuple[Json, Json, Json]] = {
    "steps replace epochs": ({"steps": 100}, {"epochs": 2}, {"steps": 100}),
    "epochs replace the base model's steps": ({"epochs": 2}, {"steps": 100}, {"epochs": 2}),
    "steps of the base model": ({}, {"steps": 100}, {"steps": 100}),
    "steps win over epochs": ({"epochs": 2, "steps": 100}, {}, {"steps": 100}),
    "the base model's steps win over its epochs": ({}, {"epochs": 2, "steps": 100}, {"steps": 100}),
    "neither": ({}, {}, {}),
}


@pytest.mark.parametrize(("given", "model", "wanted"), LENGTHS.values(), ids=LENGTHS)
def test_the_length_of_the_training_is(given: Json, model: Json, wanted: Json) -> None:
    values, _ = chosen(given, model)
    assert {key: value for key, value in values.items() if key in {"epochs", "steps"}} == wanted


def test_a_robot_policy_is_trained_for_its_hours_whatever_steps_its_preset_has() -> None:
    values, _ = chosen({}, {"steps": 20_000}, group="robot")
    assert "steps" not in values
    assert chosen({"steps": 5}, {"steps": 20_000}, group="robot")[0]["steps"] == 5


WARMUPS: dict[str, tuple[Json, Json, Json]] = {
    "steps replace the ratio": ({"warmupSteps": 0}, {"warmupRatio": 0.1}, {"warmupSteps": 0}),
    "a ratio replaces the base model's steps": ({"warmupRatio": 0.1}, {"warmupSteps": 9}, {"warmupRatio": 0.1}),
    "steps of the base model": ({}, {"warmupSteps": 9}, {"warmupSteps": 9}),
    "a ratio of the base model": ({}, {"warmupRatio": 0.1}, {"warmupRatio": 0.1}),
}


@pytest.mark.parametrize(("given", "model", "wanted"), WARMUPS.values(), ids=WARMUPS)
def test_the_warm_up_is(given: Json, model: Json, wanted: Json) -> None:
    values, _ = chosen(given, model)
    assert {key: value for key, value in values.items() if key.startswith("warmup")} == wanted


ADAPTERS: dict[str, tuple[Json, Json, Json]] = {
    "the scale is twice the rank": ({"lora": {"rank": 4}}, {}, {"rank": 4, "alpha": 8}),
    "a scale is given": ({"lora": {"rank": 4, "alpha": 4}}, {}, {"rank": 4, "alpha": 4}),
    "rank and scale of the base model": ({}, {"lora": {"rank": 64, "alpha": 16}}, {"rank": 64, "alpha": 16}),
    "the base model's scale belongs to its own rank": (
        {"lora": {"rank": 4}},
        {"lora": {"rank": 64, "alpha": 16}},
        {"rank": 4, "alpha": 8},
    ),
    "a dropout of zero is a dropout": ({"lora": {"dropout": 0}}, {"lora": {"dropout": 0.1}}, {"dropout": 0}),
    "modules are named": ({"lora": {"targetModules": ["q_proj"]}}, {}, {"targetModules": ["q_proj"]}),
    "modules of the base model": ({}, {"lora": {"targetModules": ["q_proj"]}}, {"targetModules": ["q_proj"]}),
    "given fields switch it on": ({"lora": {"rank": 4}}, {"lora": {"enabled": False}}, {"enabled": True}),
    "the base model switches it off": ({}, {"lora": {"enabled": False}}, {"enabled": False}),
    "4-bit weights need it": ({"quantization": "nf4"}, {"lora": {"enabled": False}}, {"enabled": True}),
}


@pytest.mark.parametrize(("given", "model", "wanted"), ADAPTERS.values(), ids=ADAPTERS)
def test_of_the_adapter(given: Json, model: Json, wanted: Json) -> None:
    values, _ = chosen(given, model)
    assert wanted.items() <= values["lora"].items()


def test_the_base_models_4_bit_weights_are_none_of_a_job_that_trains_them_all() -> None:
    assert chosen({"lora": {"enabled": False}}, {"quantization": "nf4"})[0]["quantization"] == "none"


def test_the_base_models_learning_rate_is_one_for_its_own_method() -> None:
    preset: Json = {"learningRate": 0.5}
    assert chosen({}, preset)[0]["learningRate"] == 0.5
    assert chosen({"lora": {"enabled": False}}, preset)[0]["learningRate"] == 2e-5
    assert chosen({}, preset, group="dpo")[0]["learningRate"] == 1e-5
    assert chosen({"lora": {"enabled": False}}, preset | {"lora": {"enabled": False}})[0]["learningRate"] == 0.5


def test_beta_is_for_dpo_alone() -> None:
    assert "dpoBeta" not in chosen({})[0]
    assert chosen({}, group="dpo")[0]["dpoBeta"] == 0.1
    assert chosen({}, {"dpo": {"beta": 0.2}}, group="dpo")[0]["dpoBeta"] == 0.2
    assert chosen({"dpo": {"beta": 0.3}}, {"dpo": {"beta": 0.2}}, group="dpo")[0]["dpoBeta"] == 0.3


def test_further_settings_of_job_and_base_model_are_put_together() -> None:
    assert chosen({"extra": {"a": 1, "b": 1}}, {"extra": {"b": 2, "c": 2}})[0]["extra"] == {"a": 1, "b": 1, "c": 2}


LIMITS: dict[str, tuple[Json, Json, str, object]] = {
    "a rank": ({"loraRank": 8}, {}, "lora.rank", 8),
    "the base model's own batch": ({"batchSize": 16}, {"batchSize": 64}, "batchSize", 16),
    "a row's length, where it is below what the trainer would take": (
        {"contextLength": 1024},
        {},
        "contextLength",
        1024,
    ),
}


@pytest.mark.parametrize(("limits", "model", "name", "wanted"), LIMITS.values(), ids=LIMITS)
def test_a_limit_of_the_base_model_holds_for(limits: Json, model: Json, name: str, wanted: object) -> None:
    values, notes = chosen({}, model, limits)
    group, _, field = name.rpartition(".")
    assert (values[group] if group else values)[field] == wanted
    assert name in notes


def test_a_longer_limit_leaves_the_row_to_the_trainer() -> None:
    assert "contextLength" not in chosen({}, {}, {"contextLength": 8192})[0]
