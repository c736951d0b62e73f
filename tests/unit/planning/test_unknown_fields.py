"""Fields that nobody knows are found in the manifest that was applied, each with the nearest right one."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.unknown_fields import MOST_TOLD, unknown_fields, with_unknown_fields

KNOWN: Json = {
    "jobType": "sft",
    "model": {"name": "x", "fromCheckpoint": {"job": "y"}},
    "datasets": [{"name": "d", "split": "train", "uri": "pvc://a/b", "secretRef": {"name": "s"}}],
    "cameraMappings": {"whatever the user calls it": "observation.images.top"},
    "hyperparameters": {"learningRate": 1, "lora": {"rank": 8}, "extra": {"anything": {"goes": 1}}},
    "metadata": {"my-own": "pair"},
    "podTemplate": {"labels": {"a": "b"}, "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}]},
}


def told(spec: Json, **top: object) -> tuple[str, ...]:
    return unknown_fields(json.dumps({"apiVersion": "v", "kind": "k", "metadata": {"x": 1}, "spec": spec, **top}))


def test_of_what_is_known_nothing_is_told() -> None:
    assert told(KNOWN) == ()


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            {"hyperparameters": {"learningrate": 1}},
            "spec.hyperparameters.learningrate: no such field; did you mean 'learningRate'?",
        ),
        (
            {"hyperparameters": {"lora": {"rnk": 8}}},
            "spec.hyperparameters.lora.rnk: no such field; did you mean 'rank'?",
        ),
        ({"instance_type": "h100"}, "spec.instance_type: no such field; did you mean 'instanceType'?"),
        (
            {"datasets": [{"name": "a"}, {"name": "b", "url": "x"}]},
            "spec.datasets[1].url: no such field; did you mean 'uri'?",
        ),
        ({"epochs": 3}, "spec.epochs: no such field; did you mean 'spec.hyperparameters.epochs'?"),
        ({"learning_rate": 1}, "spec.learning_rate: no such field; did you mean 'spec.hyperparameters.learningRate'?"),
        ({"qwertyuiop": 1}, "spec.qwertyuiop: no such field"),
        ({"model": {"name": "x", "zzz": {"deep": 1}}}, "spec.model.zzz: no such field"),
    ],
)
def test_an_unknown_field_is_told_with_its_place(spec: Json, sentence: str) -> None:
    assert told(spec) == (sentence,)


def test_a_field_beside_the_spec_that_belongs_into_it_is_told() -> None:
    assert told({}, hyperparameters={}) == ("hyperparameters: no such field; did you mean 'spec.hyperparameters'?",)


def test_not_more_than_eight_are_told() -> None:
    assert len(told({f"zz{number}": 1 for number in range(50)})) == MOST_TOLD


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_the_annotation_holds_it_is_read_in_peace(document: object) -> None:
    for text in (json.dumps(document), json.dumps({"spec": document}), str(document)):
        assert all(len(sentence) <= 512 for sentence in unknown_fields(text))


def test_a_manifest_too_large_to_be_one_is_not_read() -> None:
    assert unknown_fields(json.dumps({"spec": {"zz": "x" * 300_000}})) == ()


def test_the_sentences_come_first_and_replace_earlier_ones() -> None:
    status = FineTuneJobStatus(warnings=("spec.old: no such field", "spec.reward: no effect"))
    assert with_unknown_fields(status, ("spec.new: no such field",)).warnings == (
        "spec.new: no such field",
        "spec.reward: no effect",
    )
    assert with_unknown_fields(status, ()).warnings == ("spec.reward: no effect",)
    assert len(with_unknown_fields(FineTuneJobStatus(warnings=("w",) * 16), ("n: no such field",)).warnings) == 16
