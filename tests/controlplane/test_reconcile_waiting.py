"""While a job waits its status says why, in the cluster's own words; and it goes on as soon as it can."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.resources import CONFIGMAPS, INSTANCETYPES, JOBS, PODS, Resource
from tests.controlplane.stage import Stage, verdict
from tests.support.eventually import eventually
from tests.support.objects import instance_type
from tests.support.played_nodes import bind

pytestmark = pytest.mark.controlplane

QUOTAS: Final = Resource("", "v1", "resourcequotas", "ResourceQuota")
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)

WEBHOOKS: Final = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)


def words(status: FineTuneJobStatus) -> tuple[Phase | None, str | None]:
    """Where a job is, and why."""
    return status.phase, status.reason


def waiting(reason: str, message: str) -> Json:
    """A pod status whose container does not come up."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {
        "containerStatuses": [
            {"name": "trainer", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        ]
    }


async def quota(stage: Stage, **hard: str) -> None:
    """A ResourceQuota that the server enforces from now on."""
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": {"hard": _dotted(hard)}}
    await stage.world.create(QUOTAS, stage.namespace, body)
    await eventually(lambda: _counted(stage))


async def _counted(stage: Stage) -> bool:
    stored = await stage.world.get(QUOTAS, stage.namespace, "small")
    return "used" in stored.get("status", {})


def _dotted(hard: dict[str, str]) -> Json:
    return {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}


class TestAnUnknownInstanceType:
    async def test_is_named_with_the_nearest_and_waited_for(self, stage: Stage) -> None:
        await stage.apply(instanceType=f"{stage.hardware}x")
        seen = await stage.visit()
        assert words(seen) == (Phase.PENDING, Reason.UNKNOWN_INSTANCE_TYPE)
        assert f"no InstanceType is named '{stage.hardware}x'; did you mean '{stage.hardware}'?" in (seen.message or "")
        assert await stage.jobs() == []
        assert await stage.operator.visit(stage.namespace) == 2.0

    async def test_that_comes_with_the_same_apply_is_used(self, stage: Stage) -> None:
        name = f"{stage.hardware}-late"
        await stage.apply(instanceType=name)
        await stage.visit()
        await stage.world.create(INSTANCETYPES, None, instance_type(name, cpu="3"))
        try:
            seen = await stage.visit()
        finally:
            await stage.world.delete(INSTANCETYPES, None, name)
        assert seen.phase == Phase.VALIDATING
        assert seen.resolved is not None
        assert seen.resolved.instance_type.cpu == "3"

    async def test_ends_the_job_after_a_grace_and_nothing_was_made(self, stage: Stage) -> None:
        await stage.apply(instanceType="gpu-of-another-cluster")
        stage.operator.skew = timedelta(seconds=12)
        seen = await stage.visit()
        assert words(seen) == (Phase.FAILED, Reason.UNKNOWN_INSTANCE_TYPE)
        assert seen.failure is not None
        assert (seen.failure.cause, seen.failure.param) == ("User", "spec.instanceType")
        assert "kubectl get instancetypes" in (seen.failure.advice or "")
        assert {write[1] for write in stage.operator.writes()} == {"finetunejobs", "events"}

    async def test_that_is_deleted_later_changes_no_running_job(self, stage: Stage) -> None:
        await stage.apply()
        await stage.visit()
        price = {"spec": {"pricePerHour": 99, "currency": "EUR"}}
        await stage.world.patch(INSTANCETYPES, None, stage.hardware, price)
        await stage.run("prepare")
        await stage.end("prepare", message=verdict(stage="prepare"))
        seen = await stage.visit()
        assert seen.resolved is not None
        assert seen.resolved.instance_type.price_per_hour is None


async def test_a_path_out_of_its_claim_is_refused_at_once(stage: Stage) -> None:
    await stage.apply(model={"name": "pvc://models/../../etc"})
    seen = await stage.visit()
    assert words(seen) == (Phase.FAILED, Reason.INVALID_SPEC)
    assert "'pvc://models/../../etc' leaves its claim" in (seen.message or "")
    assert await stage.jobs() == []


async def test_hardware_that_no_pod_can_ask_for_fails_the_job_in_the_servers_words(stage: Stage) -> None:
    wrong = {"spec": {"nodeSelector": {"not a label": "x"}}}
    await stage.world.patch(INSTANCETYPES, None, stage.hardware, wrong)
    await stage.apply()
    seen = await stage.visit()
    assert words(seen) == (Phase.FAILED, Reason.INVALID_SPEC)
    assert "not a label" in (seen.message or "")
    assert await stage.jobs() == []


async def test_the_schedulers_own_words_are_shown(stage: Stage) -> None:
    """The scheduler is the real one: this control plane has no node."""
    await stage.apply()
    await stage.prepare()
    seen = await eventually(lambda: _with_reason(stage, Reason.UNSCHEDULABLE, Reason.VOLUME_NOT_READY))
    assert seen.phase == Phase.QUEUED
    pod = await stage.pod("train")
    (scheduled,) = [c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled"]
    assert seen.message == scheduled["message"]


async def _with_reason(stage: Stage, *reasons: Reason) -> FineTuneJobStatus:
    status = await stage.visit()
    assert status.reason in reasons
    return status


@pytest.mark.parametrize(
    ("reason", "message", "shown"),
    [
        ("ErrImagePull", 'failed to pull image "trainer:test": not found', Reason.IMAGE_PULL_FAILED),
        ("ImagePullBackOff", 'Back-off pulling image "trainer:test"', Reason.IMAGE_PULL_FAILED),
        ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", Reason.CONTAINER_NOT_STARTED),
    ],
)  # fmt: skip
async def test_the_kubelets_own_words_are_shown(stage: Stage, reason: str, message: str, shown: Reason) -> None:
    await stage.apply()
    await stage.prepare()
    await bind(stage.world, await stage.pod("train"))
    await stage.say("train", waiting(reason, message))
    seen = await stage.visit()
    assert words(seen) == (Phase.STARTING, shown)
    assert seen.message == f"{reason}: {message}"
    await stage.run("train")
    assert words(await stage.visit()) == (Phase.RUNNING, Reason.LOADING)


async def test_a_volume_that_cannot_be_mounted_is_told_by_an_event_only_and_shown(stage: Stage) -> None:
    await stage.apply()
    await stage.prepare()
    pod = await stage.pod("train")
    await bind(stage.world, pod)
    await stage.say("train", waiting("ContainerCreating", ""))
    await stage.event(pod, "Pod", "FailedMount", 'MountVolume.SetUp failed for volume "x": nothing there')
    seen = await stage.visit()
    assert words(seen) == (Phase.STARTING, Reason.VOLUME_NOT_READY)
    assert seen.message == 'MountVolume.SetUp failed for volume "x": nothing there'
    assert await stage.operator.visit(stage.namespace) == 10.0


class TestAQuota:
    async def test_that_refuses_the_pod_is_shown_from_the_job_controllers_event(self, stage: Stage) -> None:
        """The Job controller is the real one, and so is its Event."""
        await stage.apply()
        await quota(stage, pods="0")
        await stage.visit()
        seen = await eventually(lambda: _with_reason(stage, Reason.QUOTA_EXCEEDED))
        assert seen.phase == Phase.VALIDATING
        assert "exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0" in (seen.message or "")
        await stage.world.delete(QUOTAS, stage.namespace, "small")

    async def test_that_refuses_the_job_itself_is_shown_and_tried_again(self, stage: Stage) -> None:
        await stage.apply()
        await quota(stage, count__jobs_batch="0")
        seen = await stage.visit()
        assert words(seen) == (Phase.PENDING, Reason.QUOTA_EXCEEDED)
        assert "exceeded quota: small" in (seen.message or "")
        assert await stage.operator.visit(stage.namespace) == 10.0
        await stage.world.delete(QUOTAS, stage.namespace, "small")
        await eventually(lambda: _started(stage))

    async def test_that_refuses_the_claim_leaves_no_job_without_one(self, stage: Stage) -> None:
        await stage.apply()
        await quota(stage, persistentvolumeclaims="0")
        seen = await stage.visit()
        assert words(seen) == (Phase.PENDING, Reason.QUOTA_EXCEEDED)
        assert await stage.jobs() == []


async def test_a_webhook_that_is_down_is_named_and_waited_for(stage: Stage) -> None:
    name = f"down-{stage.namespace}"
    await stage.apply()
    await stage.world.create(WEBHOOKS, None, webhook_that_is_down(name, stage.namespace))
    try:
        seen = await eventually(lambda: _with_reason(stage, Reason.CREATE_FAILED))
        assert seen.phase == Phase.PENDING
        assert f"{name}.tests.finetune.dev" in (seen.message or "")
        assert await stage.operator.visit(stage.namespace) == 10.0
    finally:
        await stage.world.delete(WEBHOOKS, None, name)
    await eventually(lambda: _started(stage))


def webhook_that_is_down(name: str, namespace: str) -> Json:
    """A webhook for the Jobs of one namespace that nobody answers, as when a queueing system is restarted."""
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
    hook = {
        "name": f"{name}.tests.finetune.dev",
        "clientConfig": {"url": "https://127.0.0.1:9/jobs"},
        "namespaceSelector": selector,
        "rules": [rule],
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    kind = "ValidatingWebhookConfiguration"
    return {"apiVersion": WEBHOOKS.api_version, "kind": kind, "metadata": {"name": name}, "webhooks": [hook]}


async def _started(stage: Stage) -> bool:
    await stage.visit()
    return await stage.jobs() == ["prepare-1"]


async def test_our_pods_pass_restricted_pod_security(stage: Stage) -> None:
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    await stage.world.patch(NAMESPACES, None, stage.namespace, label)
    await stage.apply()
    await stage.prepare()
    assert [pod["metadata"]["name"] for pod in await stage.world.list(PODS, stage.namespace)]
    assert (await stage.pod("train"))["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


async def test_what_the_operator_creates_is_kept_as_it_was_written(stage: Stage) -> None:
    """Nothing that we set is dropped or rewritten by the API server's defaults and conversions."""
    await stage.apply(output={"storageSize": "3Gi", "storageClassName": "fast"})
    await stage.prepare()
    train = (await stage.children())["train-1"]
    assert train["spec"]["podReplacementPolicy"] == "Failed"
    assert train["spec"]["backoffLimit"] == 0
    assert train["spec"]["suspend"] is False
    resources = train["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["requests"] == resources["limits"] == {"cpu": "2", "memory": "4Gi"}


async def test_a_missing_config_map_does_not_keep_a_pod_from_starting(stage: Stage) -> None:
    """The trainer names it better than a pod that waits for ever."""
    await stage.apply()
    await stage.visit()
    assert not await stage.world.list(CONFIGMAPS, stage.namespace, fields="metadata.name=data")
    volumes = (await stage.pod("prepare"))["spec"]["volumes"]
    (volume,) = [each for each in volumes if "configMap" in each]
    assert volume["configMap"]["optional"] is True


async def test_a_finished_job_whose_pod_was_taken_away_is_tried_again(stage: Stage) -> None:
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    await stage.visit()
    pod = await stage.pod("train")
    await stage.end("train", code=143)
    await stage.world.delete(PODS, stage.namespace, pod["metadata"]["name"], grace_seconds=0)
    await eventually(lambda: _no_pod(stage, pod["metadata"]["name"]))
    assert await stage.operator.visit(stage.namespace) == 2.0, "its last word may be on its way"
    stage.operator.skew = timedelta(seconds=30)
    await stage.visit()
    assert await stage.jobs() == ["prepare-1", "train-1", "train-2"]
    assert len(await stage.world.list(JOBS, stage.namespace)) == 3


async def _no_pod(stage: Stage, name: str) -> bool:
    return not await stage.world.list(PODS, stage.namespace, fields=f"metadata.name={name}")


async def test_an_eviction_is_the_platforms_and_costs_no_retry(stage: Stage) -> None:
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "drained",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }
    await stage.end("train", code=143, status={"conditions": [condition]})
    seen = await stage.visit()
    assert await stage.jobs() == ["prepare-1", "train-1", "train-2"]
    (first,) = [a for a in seen.attempts if (a.stage, a.number) == ("train", 1)]
    assert (first.outcome, first.reason, first.message, seen.retries) == ("Platform", "NodeFailure", "drained", 0)
