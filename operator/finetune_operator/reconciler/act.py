"""Does what was decided: each action is one create, and finding that the object exists is success if it is ours."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final, assert_never

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.api.names import UID_LABEL
from finetune_operator.api.resolved import Resolved
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import AlreadyExists, Conflict, Invalid, NotFound, Refused, Unavailable
from finetune_operator.cluster.resources import CLAIMS, JOBS, PODS, SERVICES, Key, Resource
from finetune_operator.planning.assess import Blocked
from finetune_operator.planning.decide import (
    Action,
    CreateCache,
    CreateClaim,
    CreateService,
    CreateStage,
    Remove,
    RemoveServices,
)
from finetune_operator.planning.job import Job
from finetune_operator.planning.manifests import render_stage
from finetune_operator.planning.manifests.claim import cache_claim, output_claim
from finetune_operator.planning.manifests.pod import Progress as ProgressTarget
from finetune_operator.planning.manifests.service import rendezvous_service
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.run_config import Run
from finetune_operator.reconciler.store import Store

log = logging.getLogger(__name__)

TargetOf = Callable[[Key], ProgressTarget]
"""Where the pods of a job report to."""

Obstacle = Blocked | Rejection
_OF_HARDWARE: Final = re.compile(r"spec\.template\.spec\.(containers\[0\]\.resources|nodeSelector|tolerations)")
"""Of a pod, what the instance type says."""


class Actor:
    """Creates children, and removes them."""

    def __init__(self, cluster: Cluster, store: Store, target_of: TargetOf, pull_policy: str) -> None:
        self._cluster = cluster
        self._store = store
        self._target_of = target_of
        self._pull_policy = pull_policy

    async def act(self, job: Job, resolved: Resolved, actions: tuple[Action, ...]) -> Obstacle | None:
        """Do all actions in order. Stops at the first that does not succeed and says why.

        A Blocked is worth trying again as it is, a Rejection is not. Raises ClusterError for anything else.
        """
        for action in actions:
            try:
                await self._do(job, resolved, action)
            except Refused as error:
                return Blocked(_refusal(error.words), error.words)
            except Unavailable as error:
                return Blocked(Reason.CREATE_FAILED, error.message)
            except Invalid as error:
                return _unacceptable(job, action, error)
            except ForeignObjectError as error:
                return Rejection(Reason.NAME_CONFLICT, str(error), "metadata.name")
        return None

    async def _do(self, job: Job, resolved: Resolved, action: Action) -> None:
        match action:
            case CreateClaim():
                await self._create(CLAIMS, job, output_claim(job, resolved))
            case CreateCache():
                await self._create(CLAIMS, job, cache_claim(job, resolved))
            case CreateService(stage, attempt):
                await self._create(SERVICES, job, rendezvous_service(Run(job, resolved, stage, attempt)))
            case CreateStage(stage, attempt, finish, halvings):
                run = Run(job, resolved, stage, attempt, finish, halvings)
                target = self._target_of(Key(job.namespace, job.name)) if stage == "train" else None
                body = await self._create(JOBS, job, render_stage(run, self._pull_policy, target))
                self._store.put(JOBS, body)
            case Remove():
                await self._remove(job, action)
            case RemoveServices():
                await self._remove_services(job)
            case _:
                assert_never(action)

    async def _create(self, resource: Resource, job: Job, body: Json) -> Json:
        """Create, or find that it was created before: by us in an earlier life, or by an operator that also acts.

        A quota that it filled itself refuses it before the server sees that it is there.
        """
        try:
            return await self._cluster.create(resource, job.namespace, body)
        except (AlreadyExists, Refused) as error:
            name = body["metadata"]["name"]
            try:
                found = await self._cluster.get(resource, job.namespace, name)
            except (NotFound, Refused):
                raise error from None
            if found["metadata"].get("labels", {}).get(UID_LABEL) != job.uid:
                raise ForeignObjectError(resource.kind, name) from None
            return found

    async def _remove(self, job: Job, action: Remove) -> None:
        """Delete a Job that stays until its pods are gone, so that their last words are heard; then hurry them if asked.

        One that is gone already, or a namesake that came after it, is left alone.
        """
        gone, cluster, child = (NotFound, Conflict), self._cluster, action.job
        with suppress(*gone):
            await cluster.delete(JOBS, job.namespace, child.name, uid=child.uid, foreground=True)
        if action.grace_seconds is None:
            return
        for pod in child.pods:
            if not pod.over:
                with suppress(*gone):
                    await cluster.delete(PODS, job.namespace, pod.name, uid=pod.uid, grace_seconds=action.grace_seconds)

    async def _remove_services(self, job: Job) -> None:
        """Delete the Services that are this job's, by their owner: labels anybody may write.

        An operator that may not is no reason to keep the Jobs: then the Services go with the FineTuneJob.
        """
        try:
            for service in await self._cluster.list(SERVICES, job.namespace, labels=f"{UID_LABEL}={job.uid}"):
                metadata = service["metadata"]
                if job.uid in {owner["uid"] for owner in metadata.get("ownerReferences", ())}:
                    with suppress(NotFound, Conflict):
                        await self._cluster.delete(SERVICES, job.namespace, metadata["name"], uid=metadata["uid"])
        except Refused as error:
            log.warning("the Services of %s/%s stay until it is deleted: %s", job.namespace, job.name, error)


class ForeignObjectError(Exception):
    """An object that is not ours bears the name of a child."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name!r} exists and is not this job's: delete or rename it")


def _refusal(message: str) -> Reason:
    return Reason.QUOTA_EXCEEDED if "exceeded quota" in message else Reason.FORBIDDEN


def _unacceptable(job: Job, action: Action, error: Invalid) -> Obstacle:
    """For good when the object itself is not valid. What was valid as the first attempt is so as any later one."""
    later = isinstance(action, CreateService | CreateStage) and action.attempt > 1
    if later or error.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return Blocked(Reason.CREATE_FAILED, error.message)
    param = _param(job, action, error.words)
    return Rejection(Reason.INVALID_SPEC, f"{param}: the API server does not accept it: {error.words}", param)


def _param(job: Job, action: Action, words: str) -> str:
    """Whose field it is that the server's words blame."""
    if job.spec.pod_template is None and _OF_HARDWARE.search(words):
        return "spec.instanceType"
    match action:
        case CreateClaim():
            return "spec.output"
        case CreateCache():
            return "spec.cache"
        case CreateService():
            return "spec.nodes"
        case CreateStage() | Remove() | RemoveServices():
            return "spec"
