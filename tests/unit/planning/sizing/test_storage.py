"""How large a claim the job gets: what is trained, how often it is kept, and no less than ten GiB."""

from __future__ import annotations

from typing import Any

import pytest

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.planning.sizing.fetching import cache_gibibytes
from finetune_operator.planning.sizing.storage import Storage, storage_of
from tests.unit.planning.resolving.shop import admitted, robot_of, spec_of

LLAMA = {"name": "meta-llama/Llama-3.1-8B"}
CACHED = {"cache": {"claimName": "models"}}
"""What is fetched lies elsewhere."""
EVALUATED = {"fraction": 0.1}
"""Something to evaluate on."""
RABC = {"useRabc": True, "modelUri": "me/sarm"}
FULL = {"hyperparameters": {"lora": {"enabled": False}}, "instanceType": "large-x8"}


def size(**fields: Any) -> int:
    """GiB of the claim of a language-model job."""
    return _storage(spec_of(**({"model": LLAMA} | CACHED | fields))).gibibytes


def _storage(spec: FineTuneJobSpec) -> Storage:
    return storage_of(spec, admitted(spec).resolved)


def test_all_weights_are_kept_with_their_optimizer_once_more_than_asked_for() -> None:
    storage = _storage(spec_of(model=LLAMA, **CACHED, **FULL))
    assert storage.quantity == "330Gi"
    assert storage.words == (
        "8.0 billion trained weights x 12 bytes x 3 checkpoints, one of them being written, and 29.9 GiB for the finished "
        "model, and a tenth: 330Gi; at least 10Gi"
    )


def test_an_adapter_is_small() -> None:
    assert size(instanceType="large") == 10


def test_more_checkpoints_need_more() -> None:
    assert size(**FULL, checkpoints={"keepLast": 3}) == 428
    assert size(**FULL, checkpoints={"keepLast": 3, "keepBest": 1}, evaluation=EVALUATED) == 527
    assert size(**FULL, output={"select": "best"}, evaluation=EVALUATED) == 428


def test_merged_weights_are_those_of_the_whole_model() -> None:
    assert size(instanceType="large", output={"merge": "merged"}) == 19


def test_a_policy_is_kept_as_a_whole() -> None:
    assert _storage(robot_of(instanceType="large", **CACHED)).gibibytes == 19


def test_what_is_fetched_lies_beside_it_where_the_job_has_no_cache() -> None:
    assert size(instanceType="large", cache=None) == 19
    policy = _storage(robot_of(instanceType="large"))
    assert policy.gibibytes == 43
    assert policy.words
    assert (
        "and 1.7 GiB for the model that is fetched and 1 x 20 GiB for datasets, whose size is not known yet"
        in policy.words
    )
    unknown = _storage(
        robot_of(instanceType="large", model={"type": "smolvla", "name": "s3://models/mine"}, reward=RABC)
    )
    assert unknown.gibibytes == 45


def test_several_robot_datasets_are_merged_on_the_workspace() -> None:
    two = [{"name": name, "uri": f"pvc://data/{name}"} for name in ("a", "b")]
    assert _storage(robot_of(instanceType="large", datasets=two, **CACHED)).gibibytes == 19 + 44
    held_out = [two[0], two[1] | {"split": "validation"}]
    assert _storage(robot_of(instanceType="large", datasets=held_out, **CACHED)).gibibytes == 19


def test_a_cache_of_the_jobs_own_holds_what_is_fetched_and_room_for_what_is_small() -> None:
    for spec, gibibytes in ((spec_of(model=LLAMA), 27), (robot_of(), 34), (spec_of(), 10)):
        assert cache_gibibytes(spec, admitted(spec).resolved) == gibibytes


def test_nothing_known_is_ten_gib_without_a_reason() -> None:
    spec = spec_of(model={"name": "pvc://models/mine"}, instanceType="large")
    assert _storage(spec) == Storage(10)


@pytest.mark.parametrize("rank", [1, 16, 256])
def test_an_adapter_never_needs_more_than_all_weights(rank: int) -> None:
    assert size(instanceType="large", hyperparameters={"lora": {"rank": rank}}) < size(**FULL)


def test_a_claim_that_is_too_small_is_warned_of_at_admission() -> None:
    (warning,) = admitted(spec_of(model=LLAMA, **CACHED, **FULL, output={"storageSize": "50Gi"})).warnings
    assert warning.startswith("spec.output.storageSize: 50Gi will not do: 8.0 billion trained weights x 12 bytes")
    assert admitted(spec_of(model=LLAMA, **CACHED, **FULL, output={"storageSize": "330Gi"})).warnings == ()
    assert admitted(spec_of(instanceType="large", output={"storageSize": "1Gi"})).warnings == ()
