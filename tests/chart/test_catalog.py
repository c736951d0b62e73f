"""The catalog that the chart ships: sound, free of contradictions, and an administrator's to change field by field."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Final, cast

import pytest
import yaml

from finetune_operator.api.basemodel import Architecture, BaseModelSpec
from finetune_operator.api.finetunejob.words import LANGUAGE_MODEL, SELF_NAMED_TYPES
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import ApiModel, Json
from finetune_operator.api.quantity import byte_count
from finetune_operator.api.resolved import ResolvedHyperparameters, ResolvedLora
from finetune_operator.planning.sizing.fit import size
from finetune_operator.planning.sizing.training import Training
from tests.chart.rendering import CHART, of_kind, refusal, rendered

COUNTED: Final = 0.02
"""How far the weights that are counted from the figures may be from those that are stated: norms and biases."""
COUNTS: Final = {1, 2, 4, 8}
SEEDS: Final = {
    "meta-llama/Llama-3.1-70B-Instruct": "llama-3.1-70b-instruct",
    "meta-llama/Llama-3.1-70B": "llama-3.1-70b",
    "meta-llama/Llama-3.1-8B-Instruct": "llama-3.1-8b-instruct",
    "meta-llama/Llama-3.1-8B": "llama-3.1-8b",
    "Newton::c2_4_7b_251215a172f6d7": "newton-c2-4-7b",
    "lerobot/smolvla_base": "smolvla",
}
"""How hosted APIs spell models in their documentation, and the entry that answers."""


@cache
def shipped(part: str) -> Json:
    """The chart's own file of one part of the catalog."""
    return cast("Json", yaml.safe_load((CHART / f"catalog/{part}.yaml").read_text(encoding="utf-8")))


@cache
def objects() -> tuple[Json, ...]:
    """What the chart makes without any value given."""
    return tuple(rendered())


def specs(kind: str, values: Json | None = None) -> dict[str, Json]:
    """The catalog's entries of a kind as the cluster gets them."""
    found = of_kind(kind, list(objects()) if values is None else rendered(values))
    return {name: item["spec"] for name, item in found.items()}


def base_models() -> dict[str, BaseModelSpec]:
    return {name: BaseModelSpec.model_validate(spec) for name, spec in specs("BaseModel").items()}


def instance_types() -> dict[str, InstanceTypeSpec]:
    return {name: InstanceTypeSpec.model_validate(spec) for name, spec in specs("InstanceType").items()}


LANGUAGE_MODELS: Final = sorted(name for name, spec in shipped("basemodels").items() if spec["type"] == LANGUAGE_MODEL)
GPU_TYPES: Final = sorted(name for name, spec in shipped("instancetypes").items() if "gpu" in spec)


@pytest.mark.parametrize(("kind", "model"), [("InstanceType", InstanceTypeSpec), ("BaseModel", BaseModelSpec)], ids=str)
def test_every_entry_is_one_that_the_operator_understands_to_the_last_field(kind: str, model: type[ApiModel]) -> None:
    for name, spec in specs(kind).items():
        assert _fields(model.model_validate(spec).wire()) >= _fields(spec), name


@pytest.mark.parametrize(("part", "kind"), [("instanceTypes", "InstanceType"), ("baseModels", "BaseModel")])
def test_values_yaml_names_every_shipped_entry_so_that_it_can_be_found_and_left_out(part: str, kind: str) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert list(values[part]) == list(shipped(part.lower()))
    assert specs(kind).keys() == shipped(part.lower()).keys()


def test_cpu_small_is_what_it_always_was() -> None:
    assert specs("InstanceType")["cpu-small"] == {
        "description": "One CPU core, for small models and for trying things out",
        "cpu": "1",
        "memory": "4Gi",
    }


@pytest.mark.parametrize("name", GPU_TYPES)
def test_a_gpu_type_says_all_that_fit_estimate_and_placement_rest_on(name: str) -> None:
    entry = instance_types()[name]
    assert entry.gpu
    assert entry.gpu.count in COUNTS
    assert entry.gpu.memory
    assert entry.gpu.peak_tflops
    assert entry.node_selector == {"nvidia.com/gpu.product": entry.gpu.product}
    assert entry.ephemeral_storage
    assert (entry.price_per_hour, entry.currency) != (None, None)
    assert entry.automatic


@pytest.mark.parametrize("name", [name for name in GPU_TYPES if "-x" in name])
def test_several_gpus_are_so_many_times_one(name: str) -> None:
    many, one = instance_types()[name], instance_types()[name.rpartition("-x")[0]]
    assert many.gpu
    assert one.gpu
    count = many.gpu.count
    assert name.endswith(f"-x{count}")
    assert many.gpu == one.gpu.model_copy(update={"count": count})
    assert int(many.cpu) == count * int(one.cpu)
    assert _gibibytes(many.memory) == count * _gibibytes(one.memory)
    assert _gibibytes(many.shared_memory) == count * _gibibytes(one.shared_memory)
    assert many.price_per_hour == pytest.approx(count * (one.price_per_hour or 0))


def test_a_big_cpu_type_is_never_chosen_for_a_job_that_names_none() -> None:
    assert not instance_types()["cpu-large"].automatic


def test_every_type_of_robot_policy_has_one_entry_with_a_source_unless_it_is_trained_from_scratch() -> None:
    robots = {name: entry for name, entry in base_models().items() if entry.type != LANGUAGE_MODEL}
    types = [entry.type for entry in robots.values()]
    expected = {"act", "smolvla", "pi0", "pi05", "gr00t_n1_5", "gr00t_n1_6", "sarm", "wall_oss", "xvla"}
    assert Counter(types) == Counter(expected)
    assert {entry.type for entry in robots.values() if entry.source is None} == {"act", "sarm"}
    assert expected >= set(SELF_NAMED_TYPES)
    assert {name: _slots(entry) for name, entry in robots.items() if entry.camera_slots} == {
        "smolvla": ["camera1", "camera2", "camera3"],
        "pi0": ["base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb"],
        "pi05": ["base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb"],
        "xvla": ["image", "image2", "image3"],
        "sarm": [None],
    }


def test_what_is_guessed_about_memory_says_so() -> None:
    guessed = {"pi0", "pi05", "gr00t-n1-6", "sarm", "wall-oss", "xvla"}
    sources = {name: entry.memory.source or "" for name, entry in base_models().items() if entry.memory}
    assert {name for name, source in sources.items() if source.startswith("A guess")} == guessed


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_the_weights_of_a_language_model_follow_from_its_figures(name: str) -> None:
    entry = base_models()[name]
    assert entry.architecture
    stated = entry.active_parameters or entry.parameters
    assert stated
    assert min(abs(counted / stated - 1) for counted in _counted(entry.architecture)) < COUNTED
    assert entry.max_sequence_length
    assert entry.provider
    assert entry.license
    assert entry.tasks == ("text-generation",)


def test_a_name_of_a_model_means_one_entry_only() -> None:
    entries = base_models()
    names = [*entries, *(alias for entry in entries.values() for alias in entry.aliases or ())]
    assert {name for name, times in Counter(names).items() if times > 1} == set()


def test_every_model_on_the_hub_answers_to_its_name_there_and_a_stand_in_does_not() -> None:
    silent = {
        name
        for name, entry in base_models().items()
        if entry.source and entry.source.uri.removeprefix("hf://") not in (entry.aliases or ())
    }
    assert silent == {"newton-c2-4-7b", "vaero-1"}
    assert all("Stand-in" in (base_models()[name].display_name or "") for name in silent)


@pytest.mark.parametrize(("spelling", "name"), SEEDS.items(), ids=SEEDS)
def test_hosted_apis_find_their_models_under_their_own_spelling(spelling: str, name: str) -> None:
    assert spelling in (base_models()[name].aliases or ())


@pytest.mark.parametrize("name", ["llama-3.1-8b", "llama-3.1-70b", "mistral-7b-v0.3", "vaero-1"])
def test_models_that_hosted_apis_name_as_a_resource_may_be_named_are_resources(name: str) -> None:
    assert name in base_models()


def test_one_field_of_a_shipped_entry_can_be_changed() -> None:
    values = {
        "instanceTypes": {"h100-80gb": {"pricePerHour": 2, "automatic": False, "gpu": {"product": "H100"}}},
        "baseModels": {"act": {"hyperparameters": {"batchSize": 16}}},
    }
    type_, model = specs("InstanceType", values)["h100-80gb"], specs("BaseModel", values)["act"]
    before = specs("InstanceType")["h100-80gb"]
    changed = {"pricePerHour": 2, "automatic": False, "gpu": {**before["gpu"], "product": "H100"}}
    assert type_ == {**before, **changed}
    assert model["hyperparameters"] == {**specs("BaseModel")["act"]["hyperparameters"], "batchSize": 16}


def test_null_takes_a_field_or_an_entry_away() -> None:
    values = {"instanceTypes": {"l4-24gb": {"nodeSelector": None}, "cpu-small": None}, "baseModels": {"vaero-1": None}}
    types = specs("InstanceType", values)
    assert "nodeSelector" not in types["l4-24gb"]
    assert specs("InstanceType").keys() - types.keys() == {"cpu-small"}
    assert specs("BaseModel").keys() - specs("BaseModel", values).keys() == {"vaero-1"}


def test_an_entry_of_ones_own_stands_beside_the_shipped_ones() -> None:
    own = {"cpu": "12", "memory": "96Gi", "gpu": {"count": 1}, "nodeSelector": {"gpu": "h100"}}
    types = specs("InstanceType", {"instanceTypes": {"mine": own}})
    assert types["mine"] == own
    assert types.keys() - {"mine"} == specs("InstanceType").keys()


def test_the_hardware_that_a_cluster_has_can_be_named() -> None:
    values = {
        "catalog": {"instanceTypes": ["cpu-small", "l40s-48gb"], "baseModels": ["act"]},
        "instanceTypes": {"h200-141gb": {"pricePerHour": 3}, "mine": {"cpu": "1", "memory": "1Gi"}},
    }
    assert specs("InstanceType", values).keys() == {"cpu-small", "l40s-48gb", "h200-141gb", "mine"}
    assert specs("BaseModel", values).keys() == {"act"}


def test_the_whole_shipped_catalog_can_be_left_out() -> None:
    own = {"cpu": "1", "memory": "1Gi"}
    values = {"catalog": {"defaults": False}, "instanceTypes": {"mine": own}}
    assert specs("InstanceType", values) == {"mine": own}
    assert specs("BaseModel", values) == {}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"instanceTypes": {"mine": {"cpu": "1"}}},
            "instanceTypes.mine: memory is missing, and the chart ships no entry of that name to take it from",
        ),
        ({"baseModels": {"mine": {"type": "act"}}}, "baseModels.mine: family is missing"),
        (
            {"catalog": {"defaults": False}, "instanceTypes": {"h100-80gb": {"pricePerHour": 2}}},
            "instanceTypes.h100-80gb: cpu is missing",
        ),
        ({"catalog": {"instanceTypes": ["h100"]}}, 'catalog.instanceTypes: the chart ships no "h100"; it ships a100'),
    ],
)
def test_an_entry_that_is_not_whole_is_refused_with_its_name(values: Json, sentence: str) -> None:
    assert sentence in refusal(values)


def test_what_fits_into_the_gpus_in_four_bits_can_be_fetched_whole() -> None:
    for name, offered in instance_types().items():
        for model, entry in base_models().items():
            if offered.gpu and _holds_in_four_bits(entry, offered):
                room = byte_count(offered.ephemeral_storage or "0")
                assert 2 * (entry.parameters or 0) <= room, f"{model} on {name}"


def _holds_in_four_bits(entry: BaseModelSpec, offered: InstanceTypeSpec) -> bool:
    lora = ResolvedLora(enabled=True, rank=8, alpha=16, dropout=0)
    given = ResolvedHyperparameters(learning_rate=1e-4, seed=1, context_length=256, quantization="nf4", lora=lora)
    sized = size(Training(entry, "sft", given, offered)) if entry.type == LANGUAGE_MODEL else None
    return sized is not None and sized.fits


def _counted(shape: Architecture) -> tuple[int, int]:
    """The weights of a decoder of these figures, with embedding and head tied and not tied."""
    head = shape.head_size or shape.hidden_size // shape.attention_heads
    attention = 2 * shape.hidden_size * head * (shape.attention_heads + shape.key_value_heads)
    blocks = shape.layers * (attention + 3 * shape.hidden_size * shape.intermediate_size)
    table = shape.vocabulary_size * shape.hidden_size
    return blocks + table, blocks + 2 * table


def _slots(entry: BaseModelSpec) -> list[str | None]:
    return [slot.key and slot.key.removeprefix("observation.images.") for slot in entry.camera_slots or ()]


def _gibibytes(quantity: str) -> int:
    assert quantity.endswith("Gi")
    return int(quantity.removesuffix("Gi"))


def _fields(value: object, path: str = "") -> set[str]:
    """Every path of a document: what a model does not know, it drops."""
    if isinstance(value, dict):
        return {f"{path}.{key}" for key in value}.union(*(_fields(v, f"{path}.{k}") for k, v in value.items()))
    if isinstance(value, list):
        return set().union(*(_fields(item, f"{path}[]") for item in value))
    return set()
