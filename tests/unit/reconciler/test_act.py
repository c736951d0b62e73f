"""What is to be created and is there already: found again, whatever a quota says of it."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.assess import Blocked
from finetune_operator.planning.decide import CreateCache
from finetune_operator.planning.manifests.claim import cache_claim
from finetune_operator.planning.manifests.pod import Progress
from finetune_operator.planning.rejection import Rejection
from finetune_operator.reconciler.act import Actor, Obstacle
from finetune_operator.reconciler.store import Store
from tests.unit.cluster.test_transport import served
from tests.unit.planning.scene import a_job, resolved_for

FULL = 'persistentvolumeclaims "x" is forbidden: exceeded quota: two, requested: persistentvolumeclaims=1'
JOB = a_job({"cache": {}})
RESOLVED = resolved_for(JOB)
OURS = cache_claim(JOB, RESOLVED)


async def created(there: Json | None, folder: Path) -> Obstacle | None:
    """What comes of a claim under a quota that is full, when this one is there."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.json_response({"kind": "Status", "message": FULL, "reason": "Forbidden"}, status=403)
        return web.json_response(there or {"kind": "Status", "reason": "NotFound"}, status=200 if there else 404)

    async with served(answer, folder) as cluster:
        actor = Actor(cluster, Store(), lambda _: Progress("", ""), "IfNotPresent")
        return await actor.act(JOB, RESOLVED, (CreateCache(),))


async def test_a_quota_that_the_job_filled_itself_does_not_hold_it_back(tmp_path: Path) -> None:
    assert await created(OURS, tmp_path) is None


async def test_a_quota_that_others_filled_does(tmp_path: Path) -> None:
    assert await created(None, tmp_path) == Blocked(Reason.QUOTA_EXCEEDED, FULL)


async def test_what_is_not_the_jobs_own_is_told(tmp_path: Path) -> None:
    foreign = {**OURS, "metadata": {"name": OURS["metadata"]["name"]}}
    obstacle = await created(foreign, tmp_path)
    assert isinstance(obstacle, Rejection)
    assert obstacle.reason == Reason.NAME_CONFLICT
