"""A run goes on from a checkpoint only with the method by which it was made."""

from __future__ import annotations

import pytest

from tests.trainer.documents import Json, run_document
from trainer.contract.run import parse_run
from trainer.failures import UserError
from trainer.training.method import check_method, method_of


def method(changes: Json | None = None, *, continued: bool = False) -> Json:
    return method_of(parse_run(run_document("train", **(changes or {}))).hyperparameters, continued=continued)


@pytest.mark.parametrize(
    "changes",
    [
        {"hyperparameters__learningRate": 1e-3},
        {"hyperparameters__epochs": 9, "hyperparameters__batchSize": 4},
        {"hyperparameters__lora": {"enabled": True, "dropout": 0.1}},
        {"hyperparameters__extra": {"optimizer": "adamw_torch_fused"}},
    ],
)
def test_how_long_and_how_fast_is_trained_may_change(changes: Json) -> None:
    check_method(method(changes), 60, method())


@pytest.mark.parametrize(
    ("lora", "param", "message"),
    [
        ({"enabled": False}, "lora.enabled", "lora.enabled was true when it was taken, and is false now"),
        ({"enabled": True, "rank": 2}, "lora.rank", "lora.rank was 16 when it was taken, and is 2 now"),
        ({"enabled": True, "alpha": 8}, "lora.alpha", "lora.alpha was 32 when it was taken, and is 8 now"),
        (
            {"enabled": True, "targetModules": ["v_proj", "q_proj"]},
            "lora.targetModules",
            "lora.targetModules was every linear layer when it was taken, and is q_proj, v_proj now",
        ),
    ],
)
def test_another_adapter_is_refused_with_both_values_and_what_to_do(lora: Json, param: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        check_method(method({"hyperparameters__lora": lora}), 60, method())
    assert (refused.value.code, refused.value.param) == ("MethodChanged", f"spec.hyperparameters.{param}")
    assert refused.value.message == f"checkpoint 60 cannot be gone on from: hyperparameters.{message}"
    assert "restartFrom: scratch" in refused.value.advice


def test_another_optimizer_is_refused() -> None:
    with pytest.raises(UserError, match=r"extra\.optimizer was adamw_torch when it was taken, and is sgd now"):
        check_method(method({"hyperparameters__extra": {"optimizer": "sgd"}}), 60, method())


def test_an_adapter_that_goes_on_being_trained_keeps_its_own_rank() -> None:
    other: Json = {"hyperparameters__lora": {"enabled": True, "rank": 2}}
    check_method(method(other, continued=True), 60, method(continued=True))


def test_a_marker_that_does_not_tell_the_method_is_taken_at_its_word() -> None:
    check_method(method({"hyperparameters__lora": {"enabled": False}}), 60, {})
