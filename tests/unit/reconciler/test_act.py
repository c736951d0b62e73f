"""What is to be created and is there already is found again, whatever a quota says of it; what is to go may be refused."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.assess import Blocked
from finetune_operator.planning.decide import CreateCache, Remove, RemoveServices
from finetune_operator.planning.manifests.claim import cache_claim
from finetune_operator.planning.manifests.pod import Progress
from finetune_operator.planning.rejection import Rejection
from finetune_operator.reconciler.act import Actor, Obstacle
from finetune_operator.reconciler.store import Store
from tests.unit.cluster.test_transport import served
from tests.unit.planning.scene import a_job, resolved_for, scene, stage_job

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


SERVICES_FORBIDDEN = 'services is forbidden: User "operator" cannot list resource "services"'


async def removed(status: int, folder: Path) -> tuple[Obstacle | None, list[str]]:
    """What comes of removing all children when Services cannot be listed, and the Jobs that were deleted."""
    deleted = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "DELETE":
            deleted.append(request.path.rpartition("/")[2])
            return web.json_response({"kind": "Status", "status": "Success"})
        return web.json_response({"kind": "Status", "message": SERVICES_FORBIDDEN, "code": status}, status=status)

    async with served(answer, folder) as cluster:
        actor = Actor(cluster, Store(), lambda _: Progress("", ""), "IfNotPresent")
        (child,) = scene(JOB, stage_job(ended="Complete")).observed.jobs
        return await actor.act(JOB, RESOLVED, (RemoveServices(), Remove(child))), deleted


async def test_services_that_the_operator_may_not_list_keep_no_job(tmp_path: Path) -> None:
    assert await removed(403, tmp_path) == (None, [stage_job()["metadata"]["name"]])


async def test_services_that_cannot_be_listed_now_are_tried_again_while_the_jobs_lead_to_them(tmp_path: Path) -> None:
    obstacle, deleted = await removed(503, tmp_path)
    assert isinstance(obstacle, Blocked)
    assert deleted == []
