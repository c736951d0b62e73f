"""Names of layers that a job gives are held against the model's."""

from __future__ import annotations

import pytest

from trainer.backends.trl.target_modules import check_names
from trainer.failures import UserError

LAYERS = {
    "model": False,
    "model.layers": False,
    "model.layers.0.self_attn": False,
    "model.layers.0.self_attn.q_proj": True,
    "model.layers.0.self_attn.v_proj": True,
    "model.layers.0.mlp.0": True,
    "lm_head": True,
}


@pytest.mark.parametrize("target", ["q_proj", "self_attn.q_proj", "model.layers.0.self_attn.v_proj", "lm_head"])
def test_a_layer_is_named_by_the_end_of_its_name(target: str) -> None:
    check_names([target], LAYERS, "pvc://models/tiny")


def test_a_name_that_the_model_has_not_is_answered_with_the_nearest_that_it_has() -> None:
    with pytest.raises(UserError) as refused:
        check_names(["v_proj", "q_prj"], LAYERS, "pvc://models/tiny")
    assert (refused.value.code, refused.value.param) == (
        "HyperparameterUnsupported",
        "spec.hyperparameters.lora.targetModules",
    )
    assert refused.value.message == (
        "targetModules names 'q_prj', which pvc://models/tiny has not. Did you mean 'q_proj'?"
        " Layers that can have one: lm_head, q_proj, v_proj"
    )


@pytest.mark.parametrize("target", ["proj", "0", "attn.q_proj"])
def test_half_a_name_is_none(target: str) -> None:
    with pytest.raises(UserError, match=r"has not|no adapter in"):
        check_names([target], {**LAYERS, "model.layers.0": False}, "m")


def test_what_holds_layers_can_have_no_adapter_itself() -> None:
    with pytest.raises(UserError, match="'self_attn', which m can have no adapter in"):
        check_names(["self_attn"], LAYERS, "m")


def test_of_very_many_layers_some_are_listed() -> None:
    with pytest.raises(UserError, match="layer15 and 84 more"):
        check_names(["none"], {f"m.layer{number:02}": True for number in range(100)}, "m")
