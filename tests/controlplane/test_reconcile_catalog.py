"""What a change of the catalog does to jobs: to those that wait for it all, to those that were admitted nothing."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import BASEMODELS, FINETUNEJOBS, INSTANCETYPES, JOBS
from tests.controlplane.stage import NAME, Stage, verdict
from tests.support.apiserver import NAMESPACES
from tests.support.objects import base_model, instance_type

pytestmark = pytest.mark.controlplane

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


async def test_an_entry_that_is_deleted_under_a_running_job_changes_nothing(stage: Stage) -> None:
    name = f"gone-{secrets.token_hex(4)}"
    await stage.world.create(INSTANCETYPES, None, instance_type(name, cpu="3", memory="5Gi"))
    model = f"model-{secrets.token_hex(4)}"
    await stage.world.create(BASEMODELS, None, base_model(model, source={"uri": "pvc://models/tiny"}))
    await stage.apply(instanceType=name, model={"name": model})
    admitted = (await stage.visit()).resolved
    await stage.world.delete(INSTANCETYPES, None, name)
    await stage.world.delete(BASEMODELS, None, model)

    await stage.run("prepare")
    report = {"rows": 48, "tokens": 1932, "warnings": []}
    await stage.end("prepare", message=verdict(stage="prepare", report=report))
    seen = await stage.visit()

    assert await stage.jobs() == ["prepare-1", "train-1"]
    assert admitted is not None
    assert seen.resolved is not None
    assert seen.resolved.instance_type == admitted.instance_type
    assert seen.resolved.model == admitted.model
    train = (await stage.children())["train-1"]["spec"]["template"]["spec"]["containers"][0]
    assert train["resources"]["requests"] == {"cpu": "3", "memory": "5Gi"}


async def test_a_job_that_asks_for_a_contradictory_entry_is_told_the_contradiction(stage: Stage) -> None:
    name = f"odd-{secrets.token_hex(4)}"
    await stage.world.create(INSTANCETYPES, None, instance_type(name, memory="512Mi"))
    try:
        await stage.apply(instanceType=name)
        seen = await stage.visit()
        assert (seen.phase, seen.reason) == (Phase.PENDING, Reason.UNKNOWN_INSTANCE_TYPE)
        assert f"InstanceType {name!r} is unusable: sharedMemory is 1Gi, and memory" in (seen.message or "")

        await stage.world.patch(INSTANCETYPES, None, name, {"spec": {"memory": "2Gi"}})
        assert (await stage.visit()).phase == Phase.VALIDATING
    finally:
        await stage.world.delete(INSTANCETYPES, None, name)


async def test_an_instance_type_is_for_the_namespaces_that_it_selects(stage: Stage) -> None:
    selector = {"matchLabels": {"tests.finetune.dev/team": "robots"}}
    await stage.world.patch(INSTANCETYPES, None, stage.hardware, {"spec": {"namespaceSelector": selector}})
    await stage.apply()
    refused = await stage.visit()
    assert (refused.phase, refused.reason) == (Phase.PENDING, Reason.UNKNOWN_INSTANCE_TYPE)
    assert "is for namespaces with the labels tests.finetune.dev/team=robots" in (refused.message or "")

    labels = {"metadata": {"labels": selector["matchLabels"]}}
    await stage.world.patch(NAMESPACES, None, stage.namespace, labels)
    assert (await stage.visit()).phase == Phase.VALIDATING


async def test_no_namespace_is_asked_for_while_no_instance_type_selects(stage: Stage) -> None:
    await stage.apply()
    await stage.visit()
    assert "namespaces" not in {call.plural for call in stage.operator.calls}


class TestAFieldThatNobodyKnows:
    """kubectl apply without validation: the server drops it, and the manifest that was applied still shows it."""

    APPLIED = '{"kind": "FineTuneJob", "spec": {"hyperparameters": {"learningrate": 1, "batchSize": 8}, "epochs": 3}}'

    async def test_is_told_with_the_nearest_right_one(self, stage: Stage) -> None:
        await stage.apply()
        annotations = {"metadata": {"annotations": {LAST_APPLIED: self.APPLIED}}}
        await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, annotations)
        seen = await stage.visit()
        assert seen.phase == Phase.VALIDATING
        assert seen.warnings[:2] == (
            "spec.hyperparameters.learningrate: no such field; did you mean 'learningRate'?",
            "spec.epochs: no such field; did you mean 'spec.hyperparameters.epochs'?",
        )

    async def test_is_not_told_any_more_once_it_is_mended(self, stage: Stage) -> None:
        await stage.apply()
        for applied in (self.APPLIED, '{"spec": {"hyperparameters": {"learningRate": 1}}}'):
            annotations = {"metadata": {"annotations": {LAST_APPLIED: applied}}}
            await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, annotations)
            seen = await stage.visit()
        assert not [warning for warning in seen.warnings if "no such field" in warning]

    async def test_is_told_of_a_job_that_is_refused_too(self, stage: Stage) -> None:
        await stage.apply(instanceType="no-such-hardware")
        annotations = {"metadata": {"annotations": {LAST_APPLIED: self.APPLIED}}}
        await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, annotations)
        assert "learningrate" in (await stage.visit()).warnings[0]


class TestAJobThatTheSchemaLetsThrough:
    """The schema cannot bound the length of a map's keys; the models do."""

    ROBOT: Final = {"jobType": "vla", "model": {"type": "act"}, "hours": 1}
    UNREADABLE: Final[Json] = {**ROBOT, "cameraMappings": {"k" * 300: "observation.images.top"}}

    async def test_and_the_operator_cannot_read_fails_with_field_and_words(self, stage: Stage) -> None:
        await stage.apply(**self.UNREADABLE)
        seen = await stage.visit()
        assert (seen.phase, seen.reason) == (Phase.FAILED, Reason.INVALID_SPEC)
        assert seen.failure is not None
        assert (seen.failure.param or "").startswith("spec.cameraMappings.kkk")
        assert "at most" in seen.failure.message
        assert {each.type for each in seen.conditions if each.status == "True"} == {"Failed", "Stalled"}
        assert await stage.world.list(JOBS, stage.namespace) == []

    async def test_is_not_written_again_and_again(self, stage: Stage) -> None:
        await stage.apply(**self.UNREADABLE)
        await stage.visit()
        before = len(stage.operator.writes())
        stage.operator.skew = timedelta(minutes=5)
        await stage.visit(3)
        assert len(stage.operator.writes()) == before
