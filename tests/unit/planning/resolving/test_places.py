"""Places that are refused without looking there."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from tests.unit.planning.resolving.shop import accepts, refused, robot_of, spec_of

ESCAPES: dict[str, tuple[Json, str]] = {
    "the model": ({"model": {"name": "pvc://models/../other"}}, "spec.model.name"),
    "a dataset": (
        {"datasets": [{"name": "a", "uri": "pvc://a/a"}, {"name": "b", "uri": "pvc://b/../../c"}]},
        "spec.datasets[1].uri",
    ),
    "the output": ({"output": {"uri": "pvc://models/../x"}}, "spec.output.uri"),
    "an earlier run": ({"model": {"fromCheckpoint": {"uri": "pvc://models/.."}}}, "spec.model.fromCheckpoint.uri"),
}


@pytest.mark.parametrize(("fields", "param"), ESCAPES.values(), ids=ESCAPES)
def test_a_path_out_of_its_claim_is_refused_for_good_in(fields: Json, param: str) -> None:
    found = refused(spec_of(**fields))
    assert (found.reason, found.param, found.may_mend) == (Reason.INVALID_SPEC, param, False)
    assert found.message.startswith(f"{param}: 'pvc://")
    assert found.message.endswith("leaves its claim or bucket")


@pytest.mark.parametrize("field", ["modelUri", "progressUri"])
def test_so_is_one_of_the_reward_model(field: str) -> None:
    assert refused(robot_of(reward={"useRabc": True, field: "pvc://a/.."})).param == f"spec.reward.{field}"
    assert accepts(robot_of(reward={"useRabc": True, field: "a/b"})), "a repository of the Hub is no path"


def test_a_file_of_the_users_machine_is_refused_with_what_to_do() -> None:
    found = refused(spec_of(datasets=[{"name": "a", "uri": "file:///home/me/a.jsonl"}]))
    assert found.message == (
        "spec.datasets[0].uri: a pod does not see the files of your machine: copy file:///home/me/a.jsonl to a claim, "
        "pvc://CLAIM/PATH"
    )


def test_a_dataset_lies_somewhere() -> None:
    assert refused(spec_of(datasets=[{"name": "a"}])).message == "spec.datasets[0]: a needs datasetRef or uri"


def test_what_nothing_can_mend_is_said_before_what_may_still_come() -> None:
    assert refused(spec_of(model={"name": "pvc://models/.."}, instanceType="nothing")).reason == Reason.INVALID_SPEC
