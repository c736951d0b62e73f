"""Where objects are."""

from __future__ import annotations

from finetune_operator.cluster.resources import FINETUNEJOBS, INSTANCETYPES, PODS, Key


def test_paths_are_those_of_the_api_server() -> None:
    assert PODS.path("ns", "one") == "/api/v1/namespaces/ns/pods/one"
    assert PODS.path() == "/api/v1/pods"
    assert FINETUNEJOBS.path("ns", "one", "status") == (
        "/apis/finetune.dev/v1alpha1/namespaces/ns/finetunejobs/one/status"
    )
    assert INSTANCETYPES.path("ignored", "cpu") == "/apis/finetune.dev/v1alpha1/instancetypes/cpu"


def test_a_key_reads_as_people_write_it() -> None:
    assert str(Key("ns", "one")) == "ns/one"
    assert str(Key("", "cpu")) == "cpu"
