"""Every default is documented here; what is given wins, zero included; what cannot be is refused in words."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.finetunejob import FineTuneJobSpec, Hyperparameters
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import Json
from finetune_operator.api.status import Resolved
from finetune_operator.planning.resolve import Rejection, resolve, resolve_hyperparameters
from tests.unit.planning.scene import CPU_SMALL, IMAGE, job_body

OFFERED = {"cpu-small": CPU_SMALL, "h100": InstanceTypeSpec(cpu="8", memory="64Gi")}

DEFAULTS: Json = {
    "epochs": 3.0,
    "batchSize": 8,
    "learningRate": 2e-4,
    "seed": 42,
    "lora": {"enabled": True, "rank": 16, "alpha": 32, "dropout": 0.0, "targetModules": []},
}

CHOICES: dict[str, tuple[Json, Json]] = {
    "nothing is given": ({}, {}),
    "steps replace epochs": ({"steps": 100}, {"steps": 100, "epochs": None}),
    "epochs are given": ({"epochs": 0.5}, {"epochs": 0.5}),
    "full training learns ten times slower": (
        {"lora": {"enabled": False}},
        {"learningRate": 2e-5, "lora": DEFAULTS["lora"] | {"enabled": False}},
    ),
    "the scale is twice the rank": (
        {"lora": {"rank": 4}},
        {"lora": DEFAULTS["lora"] | {"rank": 4, "alpha": 8}},
    ),
    "a scale is given": ({"lora": {"rank": 4, "alpha": 4}}, {"lora": DEFAULTS["lora"] | {"rank": 4, "alpha": 4}}),
    "a seed of zero is a seed": ({"seed": 0}, {"seed": 0}),
    "a dropout of zero is a dropout": ({"lora": {"dropout": 0}}, {}),
    "modules are named": (
        {"lora": {"targetModules": ["q_proj"]}},
        {"lora": DEFAULTS["lora"] | {"targetModules": ["q_proj"]}},
    ),
    "a rate and a batch are given": (
        {"learningRate": 0.01, "batchSize": 1},
        {"learningRate": 0.01, "batchSize": 1},
    ),
}


@pytest.mark.parametrize(("given", "changed"), CHOICES.values(), ids=CHOICES)
def test_hyperparameters_when(given: Json, changed: Json) -> None:
    wanted = {key: value for key, value in (DEFAULTS | changed).items() if value is not None}
    assert resolve_hyperparameters(Hyperparameters.model_validate(given)).wire() == wanted


def choose(**spec: object) -> Resolved | Rejection:
    """What is decided for a small job with these fields."""
    return resolve(FineTuneJobSpec.model_validate(job_body(spec)["spec"]), OFFERED, IMAGE)


def test_hardware_and_image_are_kept_as_they_were_offered() -> None:
    choice = choose()
    assert isinstance(choice, Resolved)
    assert (choice.image, choice.instance_type) == (IMAGE, CPU_SMALL)


def test_what_is_resolved_reads_back_as_it_was_written() -> None:
    choice = choose()
    assert isinstance(choice, Resolved)
    assert Resolved.model_validate(choice.wire()) == choice


def test_an_unknown_instance_type_may_still_come_and_is_answered_with_the_nearest() -> None:
    choice = choose(instanceType="cpu-smal")
    assert choice == Rejection(
        Reason.UNKNOWN_INSTANCE_TYPE,
        "spec.instanceType: no InstanceType is named 'cpu-smal'; did you mean 'cpu-small'?; offered: cpu-small, h100",
        "spec.instanceType",
        may_mend=True,
    )


ESCAPES: dict[str, tuple[Json, str]] = {
    "the model": ({"model": {"name": "pvc://models/../other"}}, "spec.model.name"),
    "a dataset": (
        {"datasets": [{"name": "a", "uri": "pvc://a/a"}, {"name": "b", "uri": "pvc://b/../../c"}]},
        "spec.datasets[1].uri",
    ),
    "the output": ({"output": {"uri": "pvc://models/../x"}}, "spec.output.uri"),
}


@pytest.mark.parametrize(("spec", "param"), ESCAPES.values(), ids=ESCAPES)
def test_a_path_out_of_its_claim_is_refused_for_good_in(spec: Json, param: str) -> None:
    choice = choose(**spec)
    assert isinstance(choice, Rejection)
    assert (choice.reason, choice.param, choice.may_mend) == (Reason.INVALID_SPEC, param, False)
    assert choice.message.startswith(f"{param}: 'pvc://")
    assert choice.message.endswith("leaves its claim")


def test_what_nothing_can_mend_is_said_before_what_may_still_come() -> None:
    choice = choose(model={"name": "pvc://models/.."}, instanceType="nothing")
    assert isinstance(choice, Rejection)
    assert choice.reason == Reason.INVALID_SPEC


@pytest.mark.parametrize(("batch", "nearest"), [(6, 8), (1, 4), (2, 4), (510, 512)])
def test_a_batch_that_the_gpus_cannot_share_is_refused_with_one_that_they_can(batch: int, nearest: int) -> None:
    four = InstanceTypeSpec.model_validate({"cpu": "8", "memory": "64Gi", "gpu": {"count": 4}})
    body = job_body()["spec"] | {"instanceType": "four", "hyperparameters": {"batchSize": batch}}
    refused = resolve(FineTuneJobSpec.model_validate(body), {"four": four}, IMAGE)
    assert isinstance(refused, Rejection)
    assert refused.param == "spec.hyperparameters.batchSize"
    assert f"{batch} rows" in refused.message
    assert f"such as {nearest}" in refused.message


@pytest.mark.parametrize(("gpus", "rows"), [(1, 8), (2, 8), (3, 9), (8, 8), (16, 16), (48, 48), (64, 64)])
def test_a_batch_that_nobody_gave_suits_the_gpus(gpus: int, rows: int) -> None:
    assert resolve_hyperparameters(Hyperparameters(), gpus).batch_size == rows


@pytest.mark.parametrize(("gpus", "nearest"), [(48, 480), (3, 510)])
def test_the_nearest_batch_is_one_that_the_schema_allows(gpus: int, nearest: int) -> None:
    hardware = InstanceTypeSpec.model_validate({"cpu": "8", "memory": "64Gi", "gpu": {"count": gpus}})
    spec = FineTuneJobSpec.model_validate(job_body({"hyperparameters": {"batchSize": 512}})["spec"])
    refused = resolve(spec, {"cpu-small": hardware}, IMAGE)
    assert isinstance(refused, Rejection)
    assert refused.message.endswith(f"such as {nearest}")


def test_a_broken_instance_type_concerns_only_who_asks_for_it() -> None:
    offered: dict[str, InstanceTypeSpec | Json] = {"cpu-small": CPU_SMALL, "broken": {"cpu": "1"}}
    spec = job_body()["spec"]
    assert isinstance(resolve(FineTuneJobSpec.model_validate(spec), offered, IMAGE), Resolved)
    refused = resolve(FineTuneJobSpec.model_validate(spec | {"instanceType": "broken"}), offered, IMAGE)
    assert isinstance(refused, Rejection)
    assert refused.message == "spec.instanceType: InstanceType 'broken' is unusable: memory: Field required"
