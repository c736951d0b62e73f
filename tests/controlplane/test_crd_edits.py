"""What may be edited on a job and what may not; a refusal says what to do instead."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from tests.controlplane.mistakes import EDITED
from tests.controlplane.mistakes.edits import ALLOWED, BEFORE, edit
from tests.controlplane.mistakes.mistake import Mistake
from tests.support.trial import RESOURCES, Trial

pytestmark = pytest.mark.controlplane


async def stored(cluster: Cluster, namespace: str, mistake: Mistake) -> Json:
    """The resource as it was before the edit."""
    return await cluster.create(RESOURCES[mistake.kind], namespace, mistake.manifest({}))


@pytest.mark.parametrize("mistake", EDITED.values(), ids=EDITED)
async def test_the_answer_to_an_edit_names_field_values_and_remedy_and_the_remedy_helps(
    cluster: Cluster, trial: Trial, namespace: str, mistake: Mistake
) -> None:
    before = await stored(cluster, namespace, mistake)
    answer = await trial.edit_refusal(before, namespace, mistake.wrong)
    assert f"{mistake.at}: Invalid value" in answer
    assert mistake.given in answer
    assert mistake.remedy in answer
    assert not await trial.edit_refusal(before, namespace, mistake.right)


@pytest.mark.parametrize("fields", ALLOWED.values(), ids=ALLOWED)
async def test_a_job_may_be_given(cluster: Cluster, trial: Trial, namespace: str, fields: Json) -> None:
    before = await stored(cluster, namespace, edit({}, "", "", "", {}))
    assert not await trial.edit_refusal(before, namespace, fields)


async def test_a_run_that_was_stopped_is_taken_up_again_by_a_new_one(
    cluster: Cluster, trial: Trial, namespace: str
) -> None:
    before = await stored(cluster, namespace, edit({"stop": True}, "", "", "", {}))
    again = {"stop": False, "restartGeneration": BEFORE["restartGeneration"] + 1}
    assert not await trial.edit_refusal(before, namespace, again)


async def test_an_edit_raises_the_generation_and_a_status_does_not(cluster: Cluster, namespace: str) -> None:
    body = await stored(cluster, namespace, edit({}, "", "", "", {}))
    jobs, name = RESOURCES["FineTuneJob"], body["metadata"]["name"]
    after = await cluster.patch(jobs, namespace, name, {"spec": {"hours": 3}})
    assert after["metadata"]["generation"] == 2
    told = await cluster.patch_status(jobs, namespace, name, {"status": {"observedGeneration": 2}})
    assert told["metadata"]["generation"] == 2


async def test_labels_may_be_edited_at_any_time(cluster: Cluster, namespace: str) -> None:
    body = await stored(cluster, namespace, edit({}, "", "", "", {}))
    labels = {"metadata": {"labels": {"team": "a"}}}
    edited = await cluster.patch(RESOURCES["FineTuneJob"], namespace, body["metadata"]["name"], labels)
    assert edited["metadata"]["generation"] == 1
