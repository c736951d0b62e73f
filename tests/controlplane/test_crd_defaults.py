"""What the API server adds to a resource and what it takes away, and how a resource may be called."""

from __future__ import annotations

from typing import Final

import pytest

from finetune_operator.api.crd import KINDS, Kind
from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.controlplane.mistakes.catalog import DATASET, INSTANCE_TYPE, LANGUAGE_MODEL
from tests.controlplane.mistakes.mistake import LANGUAGE
from tests.support.trial import Trial, manifest

pytestmark = pytest.mark.controlplane

SMALLEST: Final[dict[str, Json]] = {
    "FineTuneJob": LANGUAGE,
    "InstanceType": INSTANCE_TYPE,
    "BaseModel": LANGUAGE_MODEL,
    "Dataset": DATASET,
}
STRICTLY_NAMED: Final = 'metadata.name must be lower-case letters, digits and "-", starting with a letter: '
TOO_LONG: Final = "metadata.name must have at most 40 characters: "
NAMES: Final = {
    "a-job-of-forty-characters-and-none-more1": "",
    "a": "",
    "a1-b2": "",
    "a-job-of-forty-one-characters-is-too-long": f"{TOO_LONG}a-job-of-forty-one-characters-is-too-long has 41",
    "1st-job": f"{STRICTLY_NAMED}1st-job",
    "my.job": f"{STRICTLY_NAMED}my.job",
    "Support-Bot": "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters",
    "support_bot": "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters",
}  # fmt: skip


@pytest.mark.parametrize(("name", "complaint"), NAMES.items(), ids=NAMES)
async def test_the_name_of_a_job_must_leave_room_for_its_children(trial: Trial, name: str, complaint: str) -> None:
    answer = await trial.refusal(manifest("FineTuneJob", name, LANGUAGE))
    assert complaint in answer
    assert bool(complaint) == bool(answer)


async def test_the_name_of_a_dataset_must_leave_room_for_the_job_that_looks_at_it(trial: Trial) -> None:
    name = "a-dataset-of-forty-four-characters-is-too-long"
    assert f"{TOO_LONG}{name} has {len(name)}" in await trial.refusal(manifest("Dataset", name, DATASET))
    assert not await trial.refusal(manifest("Dataset", "pusht.v2", DATASET))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
async def test_a_resource_that_nobody_has_seen_says_so(trial: Trial, kind: Kind) -> None:
    stored = await trial.accepted(manifest(kind, "one", SMALLEST[kind.kind]))
    assert stored["status"]["observedGeneration"] == -1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
async def test_a_status_that_a_user_writes_is_not_kept(trial: Trial, kind: Kind) -> None:
    forged = manifest(kind, "one", SMALLEST[kind.kind]) | {"status": {"observedGeneration": 1}}
    assert (await trial.accepted(forged))["status"]["observedGeneration"] == -1


async def test_the_defaults_of_a_job_are_few_and_the_rest_stays_as_it_was_written(trial: Trial) -> None:
    spec = LANGUAGE | {"output": {}, "checkpoints": {}, "hyperparameters": {"lora": {}}, "style": None}
    stored = await trial.accepted(manifest("FineTuneJob", "one", spec))
    assert stored["spec"] == {
        "jobType": "sft",
        "model": {"name": "qwen3-4b", "trustRemoteCode": False},
        "datasets": [LANGUAGE["datasets"][0] | {"split": "train", "format": "auto"}],
        "hyperparameters": {"lora": {"enabled": True}},
        "output": {"retain": True},
        "checkpoints": {"everyMinutes": 30, "keepLast": 2},
        "allowMemoryOvercommit": False,
        "nodes": 1,
        "backoffLimit": 3,
        "suspend": False,
        "stop": False,
        "cancel": False,
        "restartGeneration": 0,
        "restartFrom": "checkpoint",
    }


async def test_the_defaults_of_the_catalog(trial: Trial) -> None:
    hardware = await trial.accepted(manifest("InstanceType", "one", INSTANCE_TYPE | {"gpu": {"count": 1}}))
    assert hardware["spec"] == INSTANCE_TYPE | {
        "gpu": {"count": 1, "resourceName": "nvidia.com/gpu"},
        "sharedMemory": "1Gi",
        "capacityType": "onDemand",
        "automatic": True,
    }
    model = await trial.accepted(manifest("BaseModel", "one", LANGUAGE_MODEL))
    assert model["spec"]["source"]["gated"] is False
    assert (await trial.accepted(manifest("Dataset", "one", DATASET)))["spec"] == DATASET | {"format": "auto"}


async def test_what_is_left_empty_is_as_if_it_were_not_there(trial: Trial) -> None:
    spec = LANGUAGE | {"hours": None, "nodes": None, "hyperparameters": {"epochs": None}}
    stored = await trial.accepted(manifest("FineTuneJob", "one", spec))
    assert stored["spec"]["nodes"] == 1
    assert stored["spec"]["hyperparameters"] == {}
    assert "hours" not in stored["spec"]


async def test_an_unknown_field_is_not_kept_where_nobody_asks_for_strictness(cluster: Cluster, namespace: str) -> None:
    stored = await cluster.create(FINETUNEJOBS, namespace, manifest("FineTuneJob", "one", LANGUAGE | {"hour": 6}))
    assert "hour" not in stored["spec"]


async def test_free_settings_are_kept_as_they_are(trial: Trial) -> None:
    extra = {"optim": "adamw_8bit", "nested": {"list": [1, 2.5, "three", {"four": True}]}}
    spec = LANGUAGE | {"hyperparameters": {"extra": extra}}
    stored = await trial.accepted(manifest("FineTuneJob", "one", spec))
    assert stored["spec"]["hyperparameters"]["extra"] == extra
