"""Backup and restore as docs/operations.md tells it, with the real kubectl: what ended stays so only with its status."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.names import output_claim_name
from finetune_operator.cluster.errors import NotFound
from finetune_operator.cluster.resources import CLAIMS, FINETUNEJOBS, JOBS
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.stage import NAME, Stage, verdict
from tests.support.eventually import eventually

pytestmark = pytest.mark.controlplane

PAGE: Final = Path(__file__).parents[2] / "docs/operations.md"
ARTIFACT: Final = {"path": "model", "kind": "adapter", "files": ["a"], "bytes": 7, "digest": f"sha256:{'0' * 64}"}
FINISHED: Final = verdict(step=18, totalSteps=18, trainingSeconds=12.5, artifact=ARTIFACT)
DROPPED: Final = re.compile(r"del\(\.items\[\]\.metadata \| (.+?)\)'")
"""In the page's backup command: the fields that a restore cannot take."""


def backup(kubectl: Kubectl, stage: Stage, **spec: object) -> str:
    """The job as the page's backup command writes it; ``spec`` is edited in the file."""
    said = kubectl("get", "ftj", "--namespace", stage.namespace, "--output=json")
    assert said.returncode == 0, said.stderr
    kept: Json = json.loads(said.stdout)
    (dropped,) = DROPPED.findall(PAGE.read_text(encoding="utf-8"))
    for item in kept["items"]:
        for field in dropped.split(", "):
            item["metadata"].pop(field.removeprefix("."), None)
        item["spec"].update(spec)
    return json.dumps(kept)


async def lose(stage: Stage) -> None:
    """The resource is gone, its children with it; the claim stays."""
    await stage.world.delete(FINETUNEJOBS, stage.namespace, NAME)
    for job in await stage.world.list(JOBS, stage.namespace):
        with suppress(NotFound):  # the garbage collector was quicker
            await stage.world.delete(JOBS, stage.namespace, job["metadata"]["name"])
    await eventually(lambda: nothing_left(stage))


async def nothing_left(stage: Stage) -> bool:
    gone = not await stage.world.list(FINETUNEJOBS, stage.namespace)
    return gone and not await stage.world.list(JOBS, stage.namespace)


def restore(kubectl: Kubectl, given: str, *, status: bool) -> None:
    """The page's commands, with or without the second one."""
    commands = [("create",), ("replace", "--subresource=status")]
    for command in commands if status else commands[:1]:
        said = kubectl(*command, "--filename=-", given=given)
        assert said.returncode == 0, said.stderr


async def succeeded(stage: Stage) -> None:
    await stage.apply(hours=1)
    await stage.prepare()
    await stage.run("train")
    await stage.end("train", message=FINISHED)
    assert (await stage.visit()).phase == Phase.SUCCEEDED


async def test_a_restore_without_status_starts_a_finished_job_again_on_another_claim(
    stage: Stage, kubectl: Kubectl
) -> None:
    await succeeded(stage)
    kept = backup(kubectl, stage)
    await lose(stage)

    restore(kubectl, kept, status=False)
    again = await stage.visit()

    assert (again.phase, again.result) == (Phase.VALIDATING, None)
    assert await stage.jobs() == ["prepare-1"]
    assert len(await stage.world.list(CLAIMS, stage.namespace)) == 2


async def test_a_restore_with_status_keeps_what_has_ended_as_it_was(stage: Stage, kubectl: Kubectl) -> None:
    await succeeded(stage)
    before = await stage.status()
    kept = backup(kubectl, stage)
    await lose(stage)

    restore(kubectl, kept, status=True)
    after = await stage.visit(3)

    assert await stage.jobs() == []
    assert (after.phase, after.reason, after.result) == (before.phase, before.reason, before.result)
    assert after.completion_time == before.completion_time
    assert after.observed_generation == 1


async def test_a_job_that_was_restored_with_its_status_can_run_again(stage: Stage, kubectl: Kubectl) -> None:
    await succeeded(stage)
    kept = backup(kubectl, stage)
    await lose(stage)
    restore(kubectl, kept, status=True)

    await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, {"spec": {"restartGeneration": 1}})
    again = await stage.visit()

    assert again.phase == Phase.VALIDATING
    assert await stage.jobs() == ["prepare-2"]
    body = await stage.body()
    claims = {each["metadata"]["name"] for each in await stage.world.list(CLAIMS, stage.namespace)}
    assert output_claim_name(NAME, body["metadata"]["uid"]) in claims


async def test_a_job_that_had_not_ended_is_restored_suspended_and_starts_nothing(
    stage: Stage, kubectl: Kubectl
) -> None:
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    await stage.visit()
    kept = backup(kubectl, stage, suspend=True)
    await lose(stage)

    restore(kubectl, kept, status=False)
    held = await stage.visit(3)

    assert (held.phase, held.reason) == (Phase.SUSPENDED, Reason.SUSPENDED)
    assert await stage.jobs() == []
