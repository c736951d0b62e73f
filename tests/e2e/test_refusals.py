"""Mistakes of the one who writes the job: each ends at once, in a message that names the place and what is allowed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.demo.kubectl import Json, KubectlError
from tests.e2e.manifests import QUICK, dataset, finetunejob, row
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

JOB = "refused"
REFUSAL_SECONDS = 90.0


def test_an_unknown_instance_type_is_refused_with_the_nearest_right_name(world: World) -> None:
    status = _refused(world, finetunejob(JOB, instanceType="cpu-smal"), "UnknownInstanceType")

    assert status["failure"]["param"] == "spec.instanceType"
    assert all(word in status["message"] for word in ("cpu-smal", "cpu-small"))
    assert not world.children("jobs", JOB)


def test_a_config_map_that_is_missing_is_named(world: World) -> None:
    status = _refused(world, finetunejob(JOB, dataset="configmap://absent/train.jsonl"), "UserError")

    _names(status, "spec.datasets[0].uri", "configmap://absent/train.jsonl", "the ConfigMap 'absent' does not exist")


def test_a_key_that_is_missing_is_named_beside_those_that_are_there(world: World) -> None:
    status = _refused(world, finetunejob(JOB, dataset="configmap://support-questions/trian.jsonl"), "UserError")

    _names(status, "spec.datasets[0].uri", "trian.jsonl", "train.jsonl")


def test_a_path_that_is_missing_in_a_claim_is_named(world: World) -> None:
    status = _refused(world, finetunejob(JOB, dataset="pvc://models/data/train.jsonl"), "UserError")

    _names(status, "spec.datasets[0].uri", "pvc://models/data/train.jsonl")


def test_a_model_folder_that_is_missing_is_named_with_what_a_model_folder_is(world: World) -> None:
    status = _refused(world, finetunejob(JOB, model={"name": "pvc://models/tiny-chad"}), "UserError")

    _names(status, "spec.model.name", "pvc://models/tiny-chad", "tiny-chat", "Hugging Face layout")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"messages": [{"role": "user" "content": "Where?"}]}', ["JSON"]),
        ('{"messages": [{"role": "robot", "content": "Where?"}]}', ["robot", "user", "assistant", "system"]),
        ('{"messages": [{"role": "user", "content": "Where?"}]}', ["assistant"]),
    ],
    ids=["no JSON", "an unknown role", "no answer"],
)
def test_a_malformed_line_is_named_by_its_number_and_what_is_allowed(
    world: World, line: str, words: Sequence[str]
) -> None:
    world.apply(dataset("mine", [row("Where?", "Here."), row("When?", "Now."), line, row("Who?", "Me.")]))

    status = _refused(world, finetunejob(JOB, dataset="configmap://mine/train.jsonl"), "UserError")

    _names(status, "spec.datasets[0].uri", "line 3", *words)


@pytest.mark.xdist_group("refused-by-the-api-server")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learningRate": 20}, ["spec.hyperparameters.learningRate", "20", "less than or equal to 10"]),
        ({"batchSize": 0}, ["spec.hyperparameters.batchSize", "0", "greater than or equal to 1"]),
        ({"epochs": 2, "steps": 5}, ["spec.hyperparameters", "epochs or steps, not both"]),
        ({"lora": {"rank": 1000}}, ["spec.hyperparameters.lora.rank", "1000", "less than or equal to 512"]),
        ({"learningrate": 0.1}, ['unknown field "learningrate"', "spec.hyperparameters"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_hyperparameter_out_of_range_is_refused_by_the_api_server(
    shared_world: World, change: Json, words: Sequence[str]
) -> None:
    with pytest.raises(KubectlError) as refusal:
        shared_world.apply(finetunejob(JOB, hyperparameters=QUICK | change))

    assert all(word in refusal.value.said for word in words), refusal.value.said
    assert shared_world.kubectl.get("finetunejob", JOB, shared_world.namespace) is None


def _refused(world: World, job: Json, reason: str) -> Json:
    """The status of a job that must fail by its user's mistake, after one look at it and without any training."""
    world.apply(job)
    status = world.until_over(JOB, REFUSAL_SECONDS)
    assert (status["phase"], status["reason"]) == ("Failed", reason), status
    assert status["failure"]["cause"] == "User"
    assert status["retries"] == 0
    assert [attempt["number"] for attempt in status.get("attempts", [])] in ([], [1])
    assert not world.children("jobs", JOB, "train")
    return status


def _names(status: Json, param: str, *words: str) -> None:
    assert status["failure"]["param"] == param, status["failure"]
    told = f"{status['message']} {status['failure'].get('advice', '')}"
    assert all(word in told for word in words), told
