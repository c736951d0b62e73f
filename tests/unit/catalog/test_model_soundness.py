"""A base model whose entry contradicts itself or another one is told apart, with the field first."""

from __future__ import annotations

from pathlib import Path
from typing import Final, get_args

import pytest
import yaml

from finetune_operator.api.basemodel import BaseModelSpec
from finetune_operator.api.finetunejob.words import ModelType
from finetune_operator.api.model import Json
from finetune_operator.catalog.catalog import Broken, read_catalog
from finetune_operator.catalog.families import FAMILIES, job_types_of
from finetune_operator.catalog.model_soundness import contradictions_of_base_model, gaps_of_base_model

SHIPPED: Final = Path(__file__).parents[3] / "charts/finetune-operator/catalog"
LLAMA: Final[Json] = {
    "type": "causal_lm",
    "family": "trl",
    "source": {"uri": "hf://meta-llama/Llama-3.1-8B"},
    "parameters": 8_030_261_248,
    "maxSequenceLength": 131_072,
    "architecture": {
        "layers": 32,
        "hiddenSize": 4096,
        "intermediateSize": 14_336,
        "attentionHeads": 32,
        "keyValueHeads": 8,
        "vocabularySize": 128_256,
    },
}
PI0: Final[Json] = {"type": "pi0", "family": "lerobot", "source": {"uri": "hf://lerobot/pi0_base"}}


def found(spec: Json, others: dict[str, Json] | None = None) -> list[str]:
    read = {name: BaseModelSpec.model_validate(other) for name, other in (others or {}).items()}
    return list(contradictions_of_base_model("mine", BaseModelSpec.model_validate(spec), read))


def shaped(**shape: object) -> Json:
    return {**LLAMA, "architecture": {**LLAMA["architecture"], **shape}}


@pytest.mark.parametrize("spec", [LLAMA, PI0])
def test_a_plain_one_is_sound(spec: Json) -> None:
    assert found(spec) == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({**PI0, "family": "groot-n15"}, "family is groot-n15: type pi0 is trained by lerobot"),
        ({**PI0, "type": "gr00t_n1_6"}, "family is lerobot: type gr00t_n1_6 is trained by groot-n16"),
        ({**LLAMA, "jobTypes": ["sft", "vla"]}, "jobTypes has vla: with type causal_lm there is sft, dpo, style"),
        (
            {**PI0, "type": "xvla", "jobTypes": ["vla_w_reward"]},
            "jobTypes has vla_w_reward: with type xvla there is vla",
        ),
        ({**LLAMA, "activeParameters": 9_000_000_000}, "activeParameters are 9000000000, and parameters, all of them"),
        ({**LLAMA, "parameters": 80_302_612_480}, "8.03e+10 weights that a token passes through were given"),
        ({**LLAMA, "parameters": 803_026_124}, "the architecture has about 7.5e+09"),
        (shaped(attentionHeads=30, keyValueHeads=6), "hiddenSize 4096 cannot be divided by attentionHeads 30"),
        (shaped(keyValueHeads=5), "attentionHeads 32 is no multiple of keyValueHeads 5"),
        (
            {**LLAMA, "limits": {"contextLength": 200_000}},
            "limits.contextLength is 200000: more than maxSequenceLength",
        ),
        (
            {**PI0, "cameraSlots": [{"name": "cam_1", "key": "top"}, {"name": "cam_2", "key": "top"}]},
            "cameraSlots cam_1, cam_2 have one key, top: each needs its own",
        ),
        (
            {**LLAMA, "hyperparameters": {"batchSize": 64}, "limits": {"batchSize": 32}},
            "hyperparameters.batchSize is 64: more than limits.batchSize, 32",
        ),
        ({**LLAMA, "hyperparameters": {"contextLength": 131_073}}, "hyperparameters.contextLength is 131073"),
        (
            {**LLAMA, "hyperparameters": {"lora": {"rank": 128}}, "limits": {"loraRank": 64}},
            "hyperparameters.lora.rank is 128: more than limits.loraRank, 64",
        ),
        ({**PI0, "type": "wall_oss", "hyperparameters": {"lora": {"rank": 8}}}, "there are adapters for causal_lm"),
    ],
)
def test_a_contradiction_names_its_field_what_was_given_and_what_is_allowed(spec: Json, words: str) -> None:
    assert any(words in sentence for sentence in found(spec)), found(spec)


@pytest.mark.parametrize(
    "spec",
    [
        {**LLAMA, "parameters": 30_532_122_624, "activeParameters": 8_030_261_248},
        {**LLAMA, "hyperparameters": {"contextLength": 131_072}},
        {**PI0, "hyperparameters": {"lora": {"rank": 8}}},
        {**PI0, "cameraSlots": [{"name": "cam_1"}, {"name": "cam_2"}]},
        {**PI0, "jobTypes": ["vla", "vla_w_reward"]},
    ],
)
def test_what_is_just_allowed_is_sound(spec: Json) -> None:
    assert found(spec) == []


class TestAnAlias:
    def test_of_two_entries_the_second_by_name_gives_way_and_says_to_whom(self) -> None:
        (sentence,) = found({**LLAMA, "aliases": ["llama"]}, {"another": {**LLAMA, "aliases": ["llama"]}})
        assert sentence == "aliases has llama, which BaseModel 'another' has already"

    def test_that_a_later_entry_claims_too_stays_with_the_first(self) -> None:
        assert found({**LLAMA, "aliases": ["llama"]}, {"other": {**LLAMA, "aliases": ["llama"]}}) == []

    def test_never_takes_the_name_of_another_entry(self) -> None:
        (sentence,) = found({**LLAMA, "aliases": ["zephyr"]}, {"zephyr": LLAMA})
        assert sentence == "aliases has zephyr, which is the name of BaseModel 'zephyr' itself"

    def test_leads_to_the_sound_entry_only(self) -> None:
        models = {"a": {**LLAMA, "aliases": ["x"]}, "b": {**LLAMA, "aliases": ["x", "y"]}}
        catalog = read_catalog({}, models)
        assert dict(catalog.aliases) == {"x": "a"}
        assert isinstance(catalog.base_models["b"], Broken)


def test_what_is_missing_is_told_with_what_it_costs() -> None:
    def gaps(spec: Json) -> str:
        return "; ".join(gaps_of_base_model(BaseModelSpec.model_validate(spec)))

    assert "jobs are not checked for fit" in gaps({**LLAMA, "architecture": None})
    assert "memory is missing" in gaps(PI0)
    assert "memory is not used" in gaps({**LLAMA, "memory": {"fixed": "1Gi", "perRow": "1Gi"}})
    assert gaps(LLAMA) == ""


def test_every_type_has_a_family_and_something_to_do() -> None:
    types = set(get_args(ModelType))
    assert set(FAMILIES) == types
    assert all(job_types_of(each) for each in types)


def test_the_shipped_catalog_is_sound() -> None:
    kinds = [yaml.safe_load((SHIPPED / name).read_text()) for name in ("instancetypes.yaml", "basemodels.yaml")]
    catalog = read_catalog(*kinds)
    entries = {**catalog.instance_types, **catalog.base_models}
    assert {name: entry.why for name, entry in entries.items() if isinstance(entry, Broken)} == {}
    assert len(entries) == len(kinds[0]) + len(kinds[1])
