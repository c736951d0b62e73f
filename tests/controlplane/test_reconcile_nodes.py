"""A job on two nodes on a real API server and Job controller: its Service, its pods, and which of them decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.names import INDEX_LABEL, STAGE_LABEL
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.resources import PODS, SERVICES
from tests.controlplane.stage import Stage, verdict
from tests.support.eventually import eventually

pytestmark = pytest.mark.controlplane

SHARED: Final[Json] = {"nodes": 2, "output": {"uri": "pvc://shared/run"}}
TRAIN: Final = f"{STAGE_LABEL}=train"


async def test_the_service_comes_before_the_pods_that_meet_there_and_goes_with_the_job(stage: Stage) -> None:
    await stage.apply(**SHARED)
    await stage.prepare()
    writes = [what for what in stage.operator.writes() if what in {("create", "services"), ("create", "jobs")}]
    assert writes == [("create", "jobs"), ("create", "services"), ("create", "jobs")]
    (service,) = await stage.world.list(SERVICES, stage.namespace)
    train = (await stage.children())["train-1"]
    assert service["metadata"]["name"] == train["metadata"]["name"]
    assert service["metadata"]["ownerReferences"] == train["metadata"]["ownerReferences"]
    assert train["spec"]["completionMode"] == "Indexed"
    assert len(await pods(stage)) == 2


async def test_a_second_operator_that_finds_the_service_goes_on_with_the_pods(stage: Stage) -> None:
    await stage.apply(**SHARED)
    await stage.prepare()
    await stage.visit(3)
    assert len(await stage.world.list(SERVICES, stage.namespace)) == 1
    assert await stage.jobs() == ["prepare-1", "train-1"]


async def test_the_job_succeeds_with_the_verdict_of_the_first_pod(stage: Stage) -> None:
    await stage.apply(**SHARED)
    await stage.prepare()
    artifact = {"path": "model", "kind": "adapter", "files": ["a.safetensors"], "bytes": 1, "digest": "sha256:0"}
    await end(stage, "1", message=verdict())
    await end(stage, "0", message=verdict(step=9, artifact=artifact))
    status = await settled(stage)
    assert (status.phase, status.reason) == (Phase.SUCCEEDED, Reason.COMPLETED)
    assert status.result is not None
    assert status.result.uri == "pvc://shared/run/model"


async def test_a_pod_that_runs_out_of_memory_ends_the_attempt_although_it_is_not_the_first(stage: Stage) -> None:
    await stage.apply(**SHARED)
    await stage.prepare()
    for index in ("0", "1"):
        await say(stage, index, {"phase": "Running", "containerStatuses": [container({"running": {}})]})
    await end(stage, "1", code=137, reason="OOMKilled")
    await eventually(lambda: let_go_of_the_rest(stage))
    status = await settled(stage)
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.OOM_KILLED)
    assert status.failure is not None
    assert status.failure.param == "spec.instanceType"


async def pods(stage: Stage) -> dict[str, Json]:
    """Index → pod of the training, once there are two."""

    async def both() -> dict[str, Json]:
        found = await stage.world.list(PODS, stage.namespace, labels=TRAIN)
        return {pod["metadata"]["labels"][INDEX_LABEL]: pod for pod in found} if len(found) > 1 else {}

    return await eventually(both)


async def say(stage: Stage, index: str, status: Json) -> None:
    """The kubelet writes into the status of that pod."""
    name = (await pods(stage))[index]["metadata"]["name"]
    await stage.world.patch_status(PODS, stage.namespace, name, {"status": status})


async def end(stage: Stage, index: str, *, code: int = 0, message: str = "", reason: str = "Completed") -> None:
    """The container of that pod ends."""
    ended = {"exitCode": code, "reason": reason, "message": message}
    phase = "Succeeded" if code == 0 else "Failed"
    await say(stage, index, {"phase": phase, "containerStatuses": [container({"terminated": ended})]})


async def let_go_of_the_rest(stage: Stage) -> bool:
    """Whether the Job controller has ended the other pod. It was never bound to a node, so that it goes at once."""
    found = await stage.world.list(PODS, stage.namespace, labels=TRAIN)
    return all(pod["status"]["phase"] in {"Succeeded", "Failed"} for pod in found)


async def settled(stage: Stage) -> FineTuneJobStatus:
    """The status once the job is over."""

    async def over() -> FineTuneJobStatus:
        status = await stage.visit()
        assert status.phase in {Phase.SUCCEEDED, Phase.FAILED}, status.message
        return status

    return await eventually(over)


def container(state: Json) -> Json:
    """The status of the trainer in that state."""
    return {"name": "trainer", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}


async def test_its_services_go_with_its_jobs_after_the_end_and_those_of_others_stay(stage: Stage) -> None:
    await stage.apply(**SHARED, childrenTTLSecondsAfterFinished=60)
    await stage.prepare()
    (service,) = await stage.world.list(SERVICES, stage.namespace)
    foreign = {"metadata": {"name": "foreign", "labels": service["metadata"]["labels"]}, "spec": service["spec"]}
    await stage.world.create(SERVICES, stage.namespace, {"apiVersion": "v1", "kind": "Service", **foreign})
    await end(stage, "1", message=verdict())
    await end(stage, "0", message=verdict(step=9))
    await settled(stage)
    await stage.visit()
    assert len(await stage.world.list(SERVICES, stage.namespace)) == 2
    stage.operator.skew = timedelta(seconds=61)
    await stage.visit()
    left = [each["metadata"]["name"] for each in await stage.world.list(SERVICES, stage.namespace)]
    assert left == ["foreign"]
    await eventually(lambda: no_job_is_left(stage))


async def no_job_is_left(stage: Stage) -> bool:
    """Whether the garbage collector has removed what was told to go."""
    return await stage.jobs() == []
