"""Whether it fits, in which micro-batch, and what to change when it does not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.planning.sizing.fit import MOST_ROWS, Sized, micro_batches, size
from finetune_operator.planning.sizing.training import Training
from tests.unit.planning.sizing.scene import CPU_ONLY, LLAMA_8B, LLAMA_70B, SMOLVLA, hardware, hyperparameters, training


def sized(asked: Training) -> Sized:
    answer = size(asked)
    assert answer is not None
    return answer


def advice(asked: Training) -> str:
    answer = sized(asked)
    assert not answer.fits
    assert answer.advice is not None
    return answer.advice


def test_lora_on_eight_billion_weights_fits_and_shows_its_arithmetic() -> None:
    answer = sized(training())
    assert (answer.fits, answer.micro_batch, answer.advice) == (True, 8, None)
    assert answer.fit.message == (
        "LoRA of rank 16, 8 rows of 4096 tokens at once: weights (8.0 billion x 2 bytes, adapters 41.9 million x 4) 15.1 + "
        "gradients (41.9 million x 4 bytes) 0.2 + AdamW (41.9 million x 8 bytes) 0.3 + activations (32,768 tokens, "
        "recomputed block by block) 20.8 + lost between allocations 2.1 + CUDA 1.0 = 39.4 GiB of the 80.0 GiB of a GPU"
    )


def test_on_a_small_gpu_fewer_rows_are_held_at_once() -> None:
    assert sized(training(instance_type=hardware("24Gi"))).micro_batch == 1


def test_more_than_one_row_at_once_leaves_a_tenth_free() -> None:
    answer = sized(training(instance_type=hardware("40Gi")))
    assert answer.micro_batch > 1
    assert answer.fit.bytes_per_gpu <= 0.9 * answer.fit.available_bytes


@pytest.mark.parametrize(
    ("share", "sizes"), [(1, [1]), (2, [2, 1]), (6, [2, 1]), (16, [8, 4, 2, 1]), (24, [8, 4, 2, 1])]
)
def test_rows_at_once_divide_the_share_of_a_gpu(share: int, sizes: list[int]) -> None:
    assert list(micro_batches(share)) == sizes


def test_the_smallest_batch_is_assumed_while_it_is_not_known() -> None:
    assert sized(training(given=hyperparameters(batch_size=None))).micro_batch == 1


@pytest.mark.parametrize(
    "asked",
    [
        training(instance_type=CPU_ONLY),
        training(instance_type=hardware(None)),
        training(LLAMA_8B.model_copy(update={"architecture": None})),
        training(SMOLVLA.model_copy(update={"memory": None})),
    ],
    ids=["on CPU", "GPU memory unknown", "architecture unknown", "policy's memory unknown"],
)
def test_nothing_is_said_where_nothing_is_known(asked: Training) -> None:
    assert size(asked) is None


def test_all_weights_on_one_gpu_are_answered_with_lora_or_more_gpus() -> None:
    said = advice(training(given=hyperparameters(lora=False)))
    assert said.startswith(
        "set hyperparameters.lora.enabled to true; or choose an instance type whose GPUs have at least"
    )
    assert said.endswith("or 2 GPUs like these")


def test_seventy_billion_frozen_weights_are_answered_with_four_bits() -> None:
    assert advice(training(LLAMA_70B)).startswith("set hyperparameters.quantization to nf4; or")


def test_rows_that_are_a_little_too_long_are_answered_with_shorter_ones() -> None:
    asked = training(given=hyperparameters(context_length=131_072))
    said = advice(asked)
    shorter = re.match(r"set hyperparameters\.contextLength to (\d+), now 131072; or", said)
    assert shorter is not None
    length = int(shorter[1])
    assert sized(training(given=hyperparameters(context_length=length))).fits
    assert not sized(training(given=hyperparameters(context_length=length + 256))).fits


def test_what_nothing_helps_is_answered_with_hardware() -> None:
    said = advice(training(LLAMA_70B, instance_type=hardware("16Gi")))
    assert said == "choose an instance type whose GPUs have at least 145Gi"


def test_more_gpus_like_these_do_fit() -> None:
    asked = training(LLAMA_70B, given=hyperparameters(lora=False, batch_size=64))
    count = re.search(r"or (\d+) GPUs like these", advice(asked))
    assert count is not None
    assert sized(replace(asked, instance_type=hardware(gpus=int(count[1])))).fits


def test_a_policy_holds_its_whole_share_of_the_batch() -> None:
    answer = sized(training(SMOLVLA, hyperparameters(batch_size=64)))
    assert (answer.fits, answer.micro_batch) == (True, 64)
    assert answer.fit.message == (
        "smolvla: 6Gi and 64 rows x 1Gi = 70.0 GiB of the 80.0 GiB of a GPU (the catalog's figures: a guide)"
    )


def test_a_policy_that_does_not_fit_is_answered_with_the_batch_that_does() -> None:
    asked = training(SMOLVLA, hyperparameters(batch_size=64), instance_type=hardware("24Gi", gpus=2))
    assert advice(asked) == (
        "set hyperparameters.batchSize to 36, now 64; or choose an instance type whose GPUs have at least 38Gi"
    )
    assert sized(replace(asked, hyperparameters=hyperparameters(batch_size=36))).fits


def test_a_policy_of_which_no_row_fits_needs_other_hardware() -> None:
    said = advice(training(SMOLVLA, hyperparameters(batch_size=8), instance_type=hardware("6Gi")))
    assert said == "choose an instance type whose GPUs have at least 14Gi"


trainings = st.builds(
    training,
    st.sampled_from([LLAMA_8B, LLAMA_70B]),
    st.builds(
        hyperparameters,
        lora=st.booleans(),
        rank=st.sampled_from([1, 16, 512]),
        batch_size=st.sampled_from([None, 1, 6, 64, 512]),
        context_length=st.none() | st.integers(1, 200_000),
    ),
    job_type=st.sampled_from(["sft", "dpo", "style"]),
    instance_type=st.builds(hardware, st.sampled_from(["8Gi", "24Gi", "80Gi", "141Gi"]), st.sampled_from([1, 2, 8])),
    nodes=st.sampled_from([1, 4]),
)


@given(trainings)
def test_an_answer_is_bounded_and_always_the_same(asked: Training) -> None:
    answer = sized(asked)
    assert len(answer.fit.message) <= 1024
    assert asked.rows_per_gpu % answer.micro_batch == 0
    assert 1 <= answer.micro_batch <= MOST_ROWS
    assert answer.fits == (answer.advice is None)
    assert sized(asked) == answer


@given(trainings)
def test_following_the_first_advice_makes_it_fit(asked: Training) -> None:
    first, _, _ = (sized(asked).advice or "").partition(";")
    given_ = asked.hyperparameters
    if "quantization" in first:
        changed = given_.model_copy(update={"quantization": "nf4"})
    elif "lora.enabled" in first:
        changed = given_.model_copy(update={"lora": given_.lora.model_copy(update={"enabled": True})})
    elif shorter := re.search(r"contextLength to (\d+)", first):
        changed = given_.model_copy(update={"context_length": int(shorter[1])})
    else:
        return
    assert sized(replace(asked, hyperparameters=changed)).fits
