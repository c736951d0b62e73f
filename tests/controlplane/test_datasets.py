"""A Dataset is looked at once by a CPU Job; its status tells what was found, and jobs that name it wait for it."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import timedelta
from typing import Final

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.dataset import DatasetStatus
from finetune_operator.api.model import Json
from finetune_operator.api.names import DATASET_UID_LABEL, RUN_ANNOTATION
from finetune_operator.cluster.resources import BASEMODELS, DATASETS, JOBS, PODS, Key, Resource
from tests.controlplane.stage import Operator, Stage, an_operator, verdict
from tests.support.apiserver import NAMESPACES
from tests.support.eventually import eventually
from tests.support.objects import base_model, batch_job, dataset

pytestmark = pytest.mark.controlplane

NAME: Final = "questions"
QUOTAS: Final = Resource("", "v1", "resourcequotas", "ResourceQuota")
DIGEST: Final = f"sha256:{'0' * 64}"
REPORT: Final = {
    "rows": 48,
    "tokens": 1932,
    "longestRowTokens": 61,
    "format": "chat",
    "digest": DIGEST,
    "warnings": ["w"],
}
COLLECTED_WITHIN: Final = 120.0


async def register(stage: Stage, **spec: object) -> Json:
    return await stage.world.create(DATASETS, stage.namespace, dataset(NAME, **spec))


async def look(stage: Stage, operator: Operator | None = None) -> float | None:
    """One reconcile of the Dataset after the watch has brought all there is."""
    acting = operator or stage.operator
    await acting.watch(stage.namespace)
    return await acting.datasets.reconcile(Key(stage.namespace, NAME))


async def status(stage: Stage) -> DatasetStatus:
    body = await stage.world.get(DATASETS, stage.namespace, NAME)
    return DatasetStatus.model_validate(body["status"])


async def looked(stage: Stage) -> DatasetStatus:
    await look(stage)
    return await status(stage)


def health(seen: DatasetStatus) -> str:
    """The one condition that holds."""
    (found,) = [each.type for each in seen.conditions if each.status == "True"]
    return found


async def inspected(stage: Stage, ended: int = 0, result: str = "completed", **more: object) -> DatasetStatus:
    """The kubelet runs the inspection to its end, and the operator looks."""
    await stage.run("inspect")
    await stage.end("inspect", code=ended, message=verdict(result, stage="inspect", **more))
    return await looked(stage)


async def test_a_dataset_is_inspected_and_found_valid(stage: Stage) -> None:
    await register(stage)
    first = await looked(stage)
    assert (health(first), first.reason) == ("Reconciling", Reason.WAITING_FOR_POD)
    assert await stage.jobs() == ["inspect-1"]

    await stage.run("inspect")
    assert (await looked(stage)).reason == Reason.VALIDATING
    await stage.end("inspect", message=verdict(stage="inspect", report=REPORT))
    seen = await looked(stage)

    assert (health(seen), seen.reason, seen.observed_generation) == ("Ready", Reason.VALIDATED, 1)
    assert (seen.rows, seen.tokens, seen.longest_row_tokens, seen.format) == (48, 1932, 61, "chat")
    assert (seen.digest, seen.warnings, seen.faults) == (DIGEST, ("w",), ())
    assert seen.job is not None
    assert seen.job.endswith("-inspect-1")
    assert seen.inspected_time is not None
    assert await look(stage) is None


async def test_a_visit_without_news_writes_nothing_and_starts_nothing(stage: Stage) -> None:
    await register(stage)
    await look(stage)
    await inspected(stage, report=REPORT)
    before = stage.operator.writes()
    for _ in range(3):
        await look(stage)
    assert stage.operator.writes() == before
    assert before.count(("create", "jobs")) == 1


class TestTheInspection:
    async def test_is_told_what_to_look_at_and_mounts_it_read_only(self, stage: Stage) -> None:
        model = f"tiny-{secrets.token_hex(4)}"
        await stage.world.create(BASEMODELS, None, base_model(model, source={"uri": "pvc://models/tiny"}))
        await register(stage, uri="pvc://data/rows", files=["a.jsonl"], format="chat", model=model)
        await look(stage)
        await stage.world.delete(BASEMODELS, None, model)

        (job,) = await stage.world.list(JOBS, stage.namespace)
        template = job["spec"]["template"]
        document = json.loads(template["metadata"]["annotations"][RUN_ANNOTATION])
        assert document["stage"] == "inspect"
        assert document["datasets"][0] | {"name": ""} == {
            "name": "",
            "split": "train",
            "uri": "pvc://data/rows",
            "path": "/inputs/claims/data/rows",
            "files": ["a.jsonl"],
            "format": "chat",
        }
        assert document["model"] == {"name": model, "uri": "pvc://models/tiny", "path": "/inputs/claims/models/tiny"}
        mounts = {each["mountPath"]: each.get("readOnly") for each in template["spec"]["containers"][0]["volumeMounts"]}
        assert mounts == {
            "/inputs/claims/data": True,
            "/inputs/claims/models": True,
            "/tmp": None,
            "/etc/finetune": True,
        }

    async def test_removes_itself_and_goes_with_its_dataset(self, stage: Stage) -> None:
        body = await register(stage)
        await look(stage)
        (job,) = await stage.world.list(JOBS, stage.namespace)
        assert job["spec"]["ttlSecondsAfterFinished"] > 0
        assert job["metadata"]["ownerReferences"][0]["uid"] == body["metadata"]["uid"]
        await stage.world.delete(DATASETS, stage.namespace, NAME)
        await eventually(lambda: _nothing_left(stage), COLLECTED_WITHIN)

    async def test_gets_the_secret_that_opens_the_place_and_only_by_reference(self, stage: Stage) -> None:
        await register(stage, uri="hf://org/rows", secretRef={"name": "hub"})
        await look(stage)
        (job,) = await stage.world.list(JOBS, stage.namespace)
        variables = {each["name"]: each for each in job["spec"]["template"]["spec"]["containers"][0]["env"]}
        reference = variables["FINETUNE_SECRET_DATASET_0_TOKEN"]["valueFrom"]["secretKeyRef"]
        assert (reference["name"], reference["key"]) == ("hub", "token")

    async def test_passes_restricted_pod_security(self, stage: Stage) -> None:
        label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
        await stage.world.patch(NAMESPACES, None, stage.namespace, label)
        await register(stage)
        await look(stage)
        assert (await stage.pod("inspect"))["status"]["phase"] == "Pending"

    async def test_is_not_taken_for_a_stage_of_a_job_of_the_same_name(self, stage: Stage) -> None:
        body = await register(stage)
        await look(stage)
        (job,) = await stage.world.list(JOBS, stage.namespace)
        assert job["metadata"]["labels"][DATASET_UID_LABEL] == body["metadata"]["uid"]
        assert not {"finetune.dev/job", "finetune.dev/job-uid"} & job["metadata"]["labels"].keys()


async def _nothing_left(stage: Stage) -> bool:
    return not await stage.world.list(JOBS, stage.namespace) and not await stage.world.list(PODS, stage.namespace)


async def test_wrong_rows_make_it_invalid_for_good_with_file_and_line(stage: Stage) -> None:
    await register(stage)
    await look(stage)
    fault = {"file": "configmap://data/train.jsonl", "line": 3, "message": "not valid JSON"}
    report = {"rows": 2, "tokens": 0, "warnings": [], "faults": [fault]}
    words = {"code": "DatasetRowInvalid", "message": "train.jsonl, line 3: not valid JSON", "report": report}
    seen = await inspected(stage, 64, "userError", **words)
    assert (health(seen), seen.reason) == ("Stalled", "DatasetRowInvalid")
    assert (seen.message or "").startswith(
        "train.jsonl, line 3: not valid JSON. Then mend the data and register it again"
    )
    assert seen.faults == ("configmap://data/train.jsonl, line 3: not valid JSON",)
    stage.operator.skew = timedelta(hours=1)
    assert await look(stage) is None
    assert await stage.jobs() == ["inspect-1"]


class TestATransientFailure:
    async def test_is_tried_again_under_a_new_number_after_a_wait(self, stage: Stage) -> None:
        await register(stage)
        await look(stage)
        seen = await inspected(stage, 1, "failed", message="the disk went away")
        assert (health(seen), seen.reason) == ("Reconciling", Reason.RETRYING)
        assert "the disk went away" in (seen.message or "")
        again = await look(stage)
        assert again is not None
        assert again <= 10
        stage.operator.skew = timedelta(seconds=11)
        await look(stage)
        assert await stage.jobs() == ["inspect-1", "inspect-2"]

    async def test_whose_job_vanished_is_counted_on_and_not_started_under_an_old_number(self, stage: Stage) -> None:
        await register(stage)
        await look(stage)
        (job,) = await stage.world.list(JOBS, stage.namespace)
        await stage.world.delete(JOBS, stage.namespace, job["metadata"]["name"])
        await eventually(lambda: _no_jobs(stage))
        await look(stage)
        assert await stage.jobs() == ["inspect-2"]

    async def test_is_not_believed_from_a_view_that_lags(self, stage: Stage) -> None:
        await register(stage)
        await look(stage)
        async with an_operator(stage.server) as forgetful:
            forgetful.store.put(DATASETS, await stage.world.get(DATASETS, stage.namespace, NAME))
            await forgetful.datasets.reconcile(Key(stage.namespace, NAME))
        assert await stage.jobs() == ["inspect-1"]


async def _no_jobs(stage: Stage) -> bool:
    return not await stage.world.list(JOBS, stage.namespace)


async def test_three_operators_that_race_make_one_inspection(stage: Stage) -> None:
    await register(stage)
    async with an_operator(stage.server) as one, an_operator(stage.server) as two, an_operator(stage.server) as three:
        results = await asyncio.gather(*(look(stage, each) for each in (one, two, three)), return_exceptions=True)
        created = [write for each in (one, two, three) for write in each.writes() if write == ("create", "jobs")]
    assert len(results) == 3
    assert await stage.jobs() == ["inspect-1"]
    assert len(created) == 1


async def test_a_stranger_with_the_name_of_the_inspection_is_named_and_left_alone(stage: Stage) -> None:
    await register(stage)
    async with an_operator(stage.server) as elsewhere:
        await look(stage, elsewhere)
    (job,) = await stage.world.list(JOBS, stage.namespace)
    name = job["metadata"]["name"]
    await stage.world.delete(JOBS, stage.namespace, name)
    await eventually(lambda: _no_jobs(stage))
    empty = dict.fromkeys(("job", "conditions", "reason", "message"))
    await stage.world.patch_status(DATASETS, stage.namespace, NAME, {"status": empty})
    stranger = await stage.world.create(JOBS, stage.namespace, batch_job(name))
    seen = await looked(stage)
    assert (health(seen), seen.reason) == ("Reconciling", Reason.NAME_CONFLICT)
    assert (await stage.world.get(JOBS, stage.namespace, name))["metadata"]["uid"] == stranger["metadata"]["uid"]


async def test_a_quota_that_refuses_the_inspection_is_told_and_waited_for(stage: Stage) -> None:
    hard = {"spec": {"hard": {"count/jobs.batch": "0"}}}
    await stage.world.create(QUOTAS, stage.namespace, {"metadata": {"name": "small"}, **hard})
    await eventually(lambda: _counted(stage))
    await register(stage)
    seen = await looked(stage)
    assert (health(seen), seen.reason) == ("Reconciling", Reason.QUOTA_EXCEEDED)
    assert "exceeded quota: small" in (seen.message or "")
    await stage.world.delete(QUOTAS, stage.namespace, "small")
    await eventually(lambda: _started(stage))


async def _counted(stage: Stage) -> bool:
    return "used" in (await stage.world.get(QUOTAS, stage.namespace, "small")).get("status", {})


async def _started(stage: Stage) -> bool:
    await look(stage)
    return await stage.jobs() == ["inspect-1"]


async def test_a_model_that_nobody_knows_is_waited_for(stage: Stage) -> None:
    model = f"late-{secrets.token_hex(4)}"
    await register(stage, model=model)
    seen = await looked(stage)
    assert (health(seen), seen.reason) == ("Reconciling", Reason.UNKNOWN_MODEL)
    assert f"spec.model: no BaseModel is named {model!r}" in (seen.message or "")
    await stage.world.create(BASEMODELS, None, base_model(model))
    await look(stage)
    await stage.world.delete(BASEMODELS, None, model)
    assert await stage.jobs() == ["inspect-1"]


async def test_a_path_out_of_its_claim_is_refused_for_good(stage: Stage) -> None:
    await register(stage, uri="pvc://data/../../etc")
    seen = await looked(stage)
    assert (health(seen), seen.reason) == ("Stalled", Reason.INVALID_SPEC)
    assert "'pvc://data/../../etc' leaves its claim" in (seen.message or "")
    assert await stage.jobs() == []


class TestAJobThatNamesADataset:
    NAMED: Final = [{"name": "rows", "split": "train", "datasetRef": {"name": NAME}}]

    async def test_waits_until_it_is_valid_and_trains_on_what_was_looked_at(self, stage: Stage) -> None:
        await stage.apply(datasets=self.NAMED)
        missing = await stage.visit()
        assert (missing.phase, missing.reason) == (Phase.PENDING, Reason.DATASET_NOT_READY)
        assert f"no Dataset is named {NAME!r} in this namespace" in (missing.message or "")

        await register(stage)
        await look(stage)
        stage.operator.skew = timedelta(minutes=5)
        waiting = await stage.visit()
        assert (waiting.phase, waiting.reason) == (Phase.PENDING, Reason.DATASET_NOT_READY)
        assert f"Dataset {NAME!r} is not inspected yet" in (waiting.message or "")

        await inspected(stage, report=REPORT)
        assert Key(stage.namespace, NAME) in stage.operator.woken
        seen = await stage.visit()
        assert seen.phase == Phase.VALIDATING
        assert seen.resolved is not None
        assert seen.resolved.datasets[0].uri == "configmap://data/train.jsonl"

    async def test_is_told_the_faults_of_an_invalid_one_and_starts_when_it_is_registered_anew(
        self, stage: Stage
    ) -> None:
        await register(stage)
        await look(stage)
        await inspected(stage, 64, "userError", code="DatasetRowInvalid", message="train.jsonl, line 3: not valid JSON")
        await stage.apply(datasets=self.NAMED)
        refused = await stage.visit()
        assert (refused.phase, refused.reason) == (Phase.PENDING, Reason.INVALID_DATASET)
        assert "is not valid: train.jsonl, line 3: not valid JSON" in (refused.message or "")

        await stage.world.delete(DATASETS, stage.namespace, NAME)
        await eventually(lambda: _no_jobs(stage), COLLECTED_WITHIN)
        await register(stage)
        await look(stage)
        await inspected(stage, report=REPORT)
        assert (await stage.visit()).phase == Phase.VALIDATING

    async def test_keeps_its_data_when_the_dataset_goes(self, stage: Stage) -> None:
        await register(stage)
        await look(stage)
        await inspected(stage, report=REPORT)
        await stage.apply(datasets=self.NAMED)
        await stage.visit()
        await stage.world.delete(DATASETS, stage.namespace, NAME)
        seen = await stage.visit()
        assert seen.phase == Phase.VALIDATING
        assert seen.resolved is not None
        assert seen.resolved.datasets[0].uri == "configmap://data/train.jsonl"
