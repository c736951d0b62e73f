"""Server-side apply by several owners: what is a map or a set is merged, and nobody takes another's part away."""

from __future__ import annotations

from typing import Any, Final

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import Conflict
from tests.controlplane.mistakes.catalog import LANGUAGE_MODEL, POLICY
from tests.controlplane.mistakes.mistake import LANGUAGE
from tests.support.trial import RESOURCES, Trial, manifest

pytestmark = pytest.mark.controlplane

TEAM: Final = "team"
PLATFORM: Final = "platform"


def fields(**spec: object) -> Json:
    """An apply of these fields of the job alone."""
    return manifest("FineTuneJob", "one", spec)


def condition(type_: str) -> Json:
    """A condition."""
    return {
        "type": type_,
        "status": "True",
        "reason": "Said",
        "message": "",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }


async def applied(trial: Trial, namespace: str, team: Json, platform: Json) -> Json:
    """The job after its team has applied it and the platform has applied its part."""
    await trial.apply(manifest("FineTuneJob", "one", LANGUAGE | team), namespace, TEAM)
    return await trial.apply(fields(**platform), namespace, PLATFORM)


MERGED: Final[dict[str, tuple[Any, Any]]] = {
    "tags": (["support"], ["cost-center-7"]),
    "metadata": ({"ticket": "1"}, {"costCenter": "7"}),
}
TRACKER: Final[Json] = {
    "type": "wandb", "wandb": {"project": "bots", "apiKeySecretRef": {"name": "wandb", "key": "api-key"}},
}  # fmt: skip
MERGED_IN_TEMPLATE: Final[dict[str, tuple[Any, Any]]] = {
    "env": ([{"name": "A", "value": "1"}], [{"name": "B", "value": "2"}]),
    "volumes": ([{"name": "a", "emptyDir": {}}], [{"name": "b", "emptyDir": {}}]),
    "imagePullSecrets": ([{"name": "a"}], [{"name": "b"}]),
    "labels": ({"a": "1"}, {"b": "2"}),
}


@pytest.mark.parametrize(("field", "parts"), MERGED.items(), ids=MERGED)
async def test_both_parts_stand(trial: Trial, namespace: str, field: str, parts: tuple[Any, Any]) -> None:
    ours, theirs = parts
    job = await applied(trial, namespace, {field: ours}, {field: theirs})
    assert job["spec"][field] == (ours | theirs if isinstance(ours, dict) else [*ours, *theirs])


@pytest.mark.parametrize(("field", "parts"), MERGED_IN_TEMPLATE.items(), ids=MERGED_IN_TEMPLATE)
async def test_both_parts_of_the_pods_stand(trial: Trial, namespace: str, field: str, parts: tuple[Any, Any]) -> None:
    ours, theirs = parts
    restart = {"restartGeneration": 1}
    job = await applied(trial, namespace, {"podTemplate": {field: ours}}, {"podTemplate": {field: theirs}, **restart})
    assert job["spec"]["podTemplate"][field] == (ours | theirs if isinstance(ours, dict) else [*ours, *theirs])


@pytest.mark.parametrize(
    ("field", "part"),
    [("datasets", [{"name": "more", "uri": "pvc://data/more.jsonl"}]), ("integrations", [TRACKER])],
    ids=["datasets", "integrations"],
)
async def test_a_part_that_is_added_is_no_replacement_and_is_refused_because_it_comes_too_late(
    trial: Trial, namespace: str, field: str, part: Json
) -> None:
    with pytest.raises(Exception, match=f"{field} are immutable: make a new job"):
        await applied(trial, namespace, {"integrations": [{"type": "tensorboard"}]}, {field: part})


@pytest.mark.parametrize("field", ["datasets", "integrations"])
async def test_an_owner_of_one_item_may_apply_it_again_beside_those_of_others(
    trial: Trial, namespace: str, field: str
) -> None:
    spec = LANGUAGE | {
        "datasets": [*LANGUAGE["datasets"], {"name": "more", "uri": "pvc://data/more.jsonl"}],
        "integrations": [{"type": "tensorboard"}, TRACKER],
    }
    await trial.apply(manifest("FineTuneJob", "one", spec), namespace, TEAM)
    job = await trial.apply(fields(**{field: spec[field][1:]}), namespace, PLATFORM)
    assert len(job["spec"][field]) == 2


async def test_a_tag_that_its_owner_takes_back_is_gone_and_the_others_stay(trial: Trial, namespace: str) -> None:
    await applied(trial, namespace, {"tags": ["support"]}, {"tags": ["a", "b"]})
    job = await trial.apply(fields(tags=["b"]), namespace, PLATFORM)
    assert job["spec"]["tags"] == ["support", "b"]


async def test_two_owners_of_one_value_are_told_of_each_other(trial: Trial, namespace: str) -> None:
    with pytest.raises(Conflict, match=r'conflict with "team".*hours'):
        await applied(trial, namespace, {"hours": 2}, {"hours": 3})


async def test_owners_of_conditions_do_not_take_each_other_away(trial: Trial, cluster: Cluster, namespace: str) -> None:
    await cluster.create(RESOURCES["FineTuneJob"], namespace, manifest("FineTuneJob", "one", LANGUAGE))
    for owner, type_ in ((TEAM, "Ready"), (PLATFORM, "Complete")):
        body = manifest("FineTuneJob", "one", {}) | {"status": {"conditions": [condition(type_)]}}
        del body["spec"]
        job = await trial.apply(body, namespace, owner, "status")
    assert [each["type"] for each in job["status"]["conditions"]] == ["Ready", "Complete"]


async def test_the_aliases_and_cameras_of_a_model_are_merged(trial: Trial, cluster: Cluster, namespace: str) -> None:
    for spec, field, parts in (
        (LANGUAGE_MODEL, "aliases", (["a/b"], ["c/d"])),
        (POLICY, "cameraSlots", ([{"name": "cam_1"}], [{"name": "cam_2"}])),
    ):
        name = f"{namespace}-{field.lower()}"
        for owner, part in zip((TEAM, PLATFORM), parts, strict=True):
            model = await trial.apply(manifest("BaseModel", name, spec | {field: part}), "", owner)
        await cluster.delete(RESOURCES["BaseModel"], None, name)
        assert len(model["spec"][field]) == 2
