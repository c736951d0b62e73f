"""Whether the hardware holds a training: refused before a GPU is asked for, by what is known at the time."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import Report
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import complete
from tests.unit.planning.resolving.shop import (
    MODELS,
    TYPES,
    accepts,
    admitted,
    completed,
    gpu_type,
    refused,
    report_of,
    shop,
    spec_of,
)

LLAMA = {"name": "llama-8b"}
TIGHT = shop(types=TYPES | {"tight": gpu_type(1, "18Gi", 1)})
"""The model with rows of 256 tokens fits on this, with rows of 4096 it does not."""
FULL: Json = {"lora": {"enabled": False}}


def test_the_fit_is_recorded_with_its_arithmetic() -> None:
    fit = admitted(spec_of(model=LLAMA)).resolved.fit
    assert fit is not None
    assert fit.bytes_per_gpu < fit.available_bytes == 24 * 2**30
    assert fit.message.startswith("LoRA of rank 16, 1 row of 4096 tokens at once: weights (8.0 billion x 2 bytes")


def test_a_named_type_that_cannot_hold_it_is_refused_with_the_change_that_helps() -> None:
    found = refused(spec_of(model=LLAMA, hyperparameters=FULL))
    assert (found.reason, found.param, found.may_mend) == (Reason.DOES_NOT_FIT, "spec.instanceType", False)
    assert found.message.startswith(
        "spec.instanceType: small does not hold it: training of all weights, 1 row of 256 tokens"
    )
    assert (
        "Set hyperparameters.lora.enabled to true; or choose an instance type whose GPUs have at least" in found.message
    )


def test_the_change_that_helps_does_help() -> None:
    assert accepts(spec_of(model=LLAMA, hyperparameters={"lora": {"enabled": True}}))


def test_overcommit_accepts_it_with_a_warning() -> None:
    plan = admitted(spec_of(model=LLAMA, hyperparameters=FULL, allowMemoryOvercommit=True))
    assert plan.warnings[0].startswith("spec.instanceType: starts although it does not fit: training of all weights")
    assert completed(
        spec_of(model=LLAMA, hyperparameters=FULL, allowMemoryOvercommit=True), report_of()
    ).resolved.complete


class TestRowsOfOpenLength:
    """No contextLength is given: only the data say how long rows are."""

    def test_what_fits_with_short_rows_alone_is_accepted_with_a_warning(self) -> None:
        plan = admitted(spec_of(model=LLAMA, instanceType="tight"), TIGHT)
        (warning,) = plan.warnings
        assert warning.startswith("spec.instanceType: rows as long as the model can do not fit, and the data decide")

    def test_rows_that_turn_out_short_are_trained(self) -> None:
        plan = completed(spec_of(model=LLAMA, instanceType="tight"), report_of(longest=300), TIGHT)
        assert plan.resolved.fit is not None
        assert plan.resolved.fit.bytes_per_gpu <= plan.resolved.fit.available_bytes

    def test_rows_that_turn_out_long_are_refused_with_the_arithmetic_before_a_gpu_is_asked_for(self) -> None:
        spec = spec_of(model=LLAMA, instanceType="tight")
        found = complete(spec, admitted(spec, TIGHT).resolved, report_of(longest=4096))
        assert isinstance(found, Rejection)
        assert found.reason == Reason.DOES_NOT_FIT
        assert found.message.startswith(
            "spec.instanceType: tight does not hold it: LoRA of rank 16, 1 row of 4096 tokens"
        )
        assert "Set hyperparameters.quantization to nf4; or choose" in found.message

    def test_with_overcommit_they_are_trained_all_the_same(self) -> None:
        spec = spec_of(model=LLAMA, instanceType="tight", allowMemoryOvercommit=True)
        assert completed(spec, report_of(longest=4096), TIGHT).resolved.complete

    def test_an_image_that_does_not_report_them_is_given_the_benefit_of_the_doubt(self) -> None:
        for report in (None, Report(rows=10, tokens=10)):
            assert completed(spec_of(model=LLAMA, instanceType="tight"), report, TIGHT).resolved.complete

    @pytest.mark.parametrize("given", [{"contextLength": 4096}, {"packing": True}])
    def test_rows_of_a_known_length_are_judged_at_once(self, given: Json) -> None:
        found = refused(spec_of(model=LLAMA, instanceType="tight", hyperparameters=given), TIGHT)
        assert found.reason == Reason.DOES_NOT_FIT

    def test_who_names_no_hardware_gets_one_that_holds_the_longest_rows(self) -> None:
        assert admitted(spec_of(model=LLAMA, instanceType=None), TIGHT).resolved.instance_type_name == "small"


def test_the_rows_that_a_gpu_holds_at_once_are_recorded_once_batch_and_rows_are_known() -> None:
    spec = spec_of(model=LLAMA, hyperparameters={"batchSize": 16})
    assert admitted(spec).resolved.micro_batch_size is None
    assert completed(spec, report_of(longest=500)).resolved.micro_batch_size == 8
    assert completed(spec, report_of(longest=4096)).resolved.micro_batch_size == 1


@pytest.mark.parametrize("model", [{"name": "someone/something"}, {"name": "pvc://models/tiny"}])
def test_a_model_of_unknown_size_is_accepted_without_a_fit(model: Json) -> None:
    plan = completed(spec_of(model=model), report_of())
    assert (plan.resolved.fit, plan.resolved.micro_batch_size) == (None, None)


def test_gpus_of_unknown_memory_are_accepted_without_a_fit() -> None:
    assert completed(spec_of(model=LLAMA, instanceType="unmeasured"), report_of()).resolved.fit is None


class TestOnCpu:
    """GPU memory does not apply; what surely exceeds the pod's memory is refused."""

    def test_a_tiny_model_by_name_is_accepted_without_a_fit(self) -> None:
        for model in ({"name": "tiny"}, {"name": "pvc://models/tiny"}):
            assert completed(spec_of(model=model, instanceType="cpu-small"), report_of()).resolved.fit is None

    def test_weights_that_exceed_the_pods_memory_are_refused_with_the_arithmetic(self) -> None:
        found = refused(spec_of(model=LLAMA, instanceType="cpu-small"))
        assert found.reason == Reason.DOES_NOT_FIT
        assert found.message == (
            "spec.instanceType: cpu-small does not hold it: 8,030,261,248 weights x 4 bytes and 0.5 GiB for the trainer = "
            "30.4 GiB of the 4.0 GiB of the pod. Choose an instance type with more memory than 31Gi, or with GPUs; "
            "allowMemoryOvercommit starts it all the same"
        )

    @pytest.mark.parametrize(
        ("given", "bytes_each"),
        [(FULL, 16), ({"precision": "bf16"}, 2), ({"quantization": "nf4"}, 0.5), ({}, 4)],
    )
    def test_a_weight_takes_what_its_training_takes(self, given: Json, bytes_each: float) -> None:
        offer = shop(types={"cpu": {"cpu": "1", "memory": "1Gi", "sharedMemory": "64Mi"}})
        found = refused(spec_of(model=LLAMA, instanceType="cpu", hyperparameters=given), offer)
        assert f"x {bytes_each:g} bytes" in found.message

    def test_a_policy_is_not_judged(self) -> None:
        spec = spec_of(jobType="vla", model={"type": "act"}, hours=1, instanceType="cpu-small")
        assert admitted(spec, shop(models=MODELS)).resolved.fit is None
