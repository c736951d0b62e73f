"""Bytes on one GPU: by hand where that can be done, and in which direction they change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.api.basemodel import Architecture
from finetune_operator.planning.sizing.language import LanguageModel, language_model
from finetune_operator.planning.sizing.load import NF4_BYTES, Adapter, Load, Widths, load_of
from finetune_operator.planning.sizing.memory import GIB, memory_of
from tests.unit.planning.sizing.scene import LLAMA_8B, SMOLVLA, hardware, hyperparameters, training


def llama() -> LanguageModel:
    model = language_model(LLAMA_8B)
    assert model is not None
    return model


LORA = Load(llama(), Adapter(16), Widths(), rows=1, row_tokens=2048)
FULL = Load(llama(), None, Widths(frozen=4, residual=4), rows=1, row_tokens=2048)


@st.composite
def loads(draw: st.DrawFn) -> Load:
    """Trainings of models of any shape."""
    heads = draw(st.sampled_from([4, 8, 16, 32]))
    hidden = heads * draw(st.sampled_from([32, 64, 128]))
    shape = Architecture(
        layers=draw(st.integers(1, 100)),
        hidden_size=hidden,
        intermediate_size=draw(st.integers(1, 8)) * hidden,
        attention_heads=heads,
        key_value_heads=draw(st.sampled_from([1, 2, 4])),
        vocabulary_size=draw(st.integers(100, 300_000)),
    )
    dense = LanguageModel(10**15, 10**15, shape)
    parameters = shape.layers * dense.active_block + draw(st.sampled_from([1, 2])) * dense.embedding
    adapter = draw(st.none() | st.builds(Adapter, rank=st.integers(1, 64)))
    return Load(
        LanguageModel(parameters, parameters, shape),
        adapter,
        draw(
            st.sampled_from([Widths(), Widths(frozen=NF4_BYTES), Widths(frozen=4, computed=4, residual=4, outside=4)])
        ),
        rows=draw(st.integers(1, 8)),
        row_tokens=draw(st.integers(1, 100_000)),
        accumulates=draw(st.booleans()),
        shards=draw(st.sampled_from([1, 2, 8, 64])),
        tiled_head=draw(st.booleans()),
    )


def test_the_weights_of_an_adapter_are_those_that_peft_makes() -> None:
    assert llama().adapter(16, ()) == 41_943_040
    assert llama().adapter(16, ("q_proj", "v_proj")) == 16 * 32 * (8192 + 5120)


def test_a_layer_that_is_not_known_counts_as_the_widest() -> None:
    assert llama().adapter(8, ("in_proj",)) == llama().adapter(8, ("up_proj",))


def test_lora_holds_two_bytes_for_a_frozen_weight_and_sixteen_for_one_of_the_adapter() -> None:
    memory = memory_of(LORA)
    assert memory.weights == 2 * 8_030_261_248 + 4 * 41_943_040
    assert memory.gradients + memory.optimizer == 12 * 41_943_040


def test_full_training_holds_sixteen_bytes_for_each_weight() -> None:
    memory = memory_of(FULL)
    assert memory.weights + memory.gradients + memory.optimizer == 16 * 8_030_261_248


def test_nf4_leaves_embedding_and_head_as_they_are() -> None:
    memory = memory_of(replace(LORA, adapter=Adapter(1), widths=Widths(frozen=NF4_BYTES)))
    outside = 2 * 128256 * 4096
    assert memory.weights == pytest.approx(2 * outside + (8_030_261_248 - outside) * NF4_BYTES, rel=0.01)


def test_experts_stay_whole_with_nf4_and_get_no_adapter() -> None:
    dense, mixture = llama(), replace(llama(), parameters=40_000_000_000)
    assert mixture.linear == 32 * mixture.attention < dense.linear
    assert mixture.adapter(16, ()) == dense.adapter(16, ("q_proj", "k_proj", "v_proj", "o_proj"))


def test_logits_as_a_whole_take_gibibytes_that_tiles_do_not() -> None:
    tiled, whole = memory_of(LORA), memory_of(replace(LORA, tiled_head=False))
    assert whole.total - tiled.total > 2048 * 128256 * 8


def test_full_preference_training_holds_a_second_model_and_an_adapter_none() -> None:
    full = training(given=hyperparameters(lora=False), job_type="dpo")
    assert memory_of(load_of(full, llama())).reference == 4 * 8_030_261_248
    assert memory_of(load_of(training(job_type="dpo"), llama())).reference == 0


def test_a_pair_is_two_sequences() -> None:
    assert load_of(training(job_type="dpo"), llama()).tokens == 2 * load_of(training(), llama()).tokens


def test_a_model_without_architecture_has_no_sizes() -> None:
    assert language_model(SMOLVLA) is None


@pytest.mark.parametrize(
    ("fields", "longest", "tokens"),
    [
        ({}, None, 4096),
        ({"context_length": 512}, None, 512),
        ({"context_length": 512}, 300, 300),
        ({"context_length": 512, "packing": True}, 300, 512),
        ({"context_length": 1_000_000}, None, 131_072),
        ({}, 9000, 4096),
    ],
)
def test_rows_are_as_long_as_allowed_or_as_the_longest_of_the_data(
    fields: dict[str, Any], longest: int | None, tokens: int
) -> None:
    asked = training(given=hyperparameters(**fields), longest_row_tokens=longest)
    assert load_of(asked, llama()).row_tokens == tokens


def test_several_gpus_share_the_weights_over_all_nodes() -> None:
    asked = training(instance_type=hardware(gpus=8), nodes=2)
    assert load_of(asked, llama()).shards == 16


@given(loads())
def test_every_part_is_there_and_none_is_negative(load: Load) -> None:
    memory = memory_of(load)
    parts = [memory.weights, memory.gradients, memory.optimizer, memory.reference, memory.gathered]
    assert min(*parts, memory.activations, memory.loss, memory.allocator) >= 0
    assert memory.total > memory.allocated > 0
    assert memory.total >= GIB


@given(loads(), st.integers(1, 8))
def test_more_rows_and_longer_rows_never_need_less(load: Load, more: int) -> None:
    least = memory_of(load).total
    assert memory_of(replace(load, rows=load.rows + more)).total >= least
    assert memory_of(replace(load, row_tokens=load.row_tokens + more)).total >= least


@given(loads())
def test_more_gpus_hold_less_of_the_weights_each(load: Load) -> None:
    one, two = memory_of(replace(load, shards=2)), memory_of(replace(load, shards=4))
    assert two.weights <= one.weights
    assert two.total <= one.total


@given(loads(), st.integers(1, 64))
def test_a_higher_rank_never_needs_less(load: Load, rank: int) -> None:
    low, high = replace(load, adapter=Adapter(rank)), replace(load, adapter=Adapter(rank + 1))
    assert memory_of(low).total <= memory_of(high).total
