"""The sentence: gather → resolve → decide → act → assess → write the status once → announce.

Level-triggered: every trigger runs the same function, which derives everything from what the cluster holds. Running it
twice, or ending the process anywhere inside, changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import NotFound
from finetune_operator.cluster.resources import BASEMODELS, FINETUNEJOBS, INSTANCETYPES, Key, Resource
from finetune_operator.planning.assess import Blocked, assess
from finetune_operator.planning.decide import POLL_SECONDS, Needs, decide, look_again
from finetune_operator.planning.ending import Ending
from finetune_operator.planning.job import Job, parse_job
from finetune_operator.planning.observed import Observed
from finetune_operator.planning.outcome import claims_for, has_own_cache
from finetune_operator.planning.patch import merge_patch
from finetune_operator.planning.present_run import for_run, present
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.report import report_of
from finetune_operator.planning.resolve import Admission, admit, complete, recorded
from finetune_operator.planning.rest import at_rest
from finetune_operator.planning.stand import give_up_time, late, stand, unconfirmed
from finetune_operator.planning.standing import STAGES, Broken, Refused, Standing, View, Wanted
from finetune_operator.planning.unknown_fields import with_unknown_fields
from finetune_operator.planning.unreadable import unreadable_status
from finetune_operator.reconciler.act import Actor
from finetune_operator.reconciler.announce import announce
from finetune_operator.reconciler.gather import Gatherer
from finetune_operator.reconciler.offering import Offering
from finetune_operator.reconciler.slim import unknown_fields_of
from finetune_operator.reconciler.store import Store

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Learn = Callable[[Resource, Json], object]
CATALOGS: Final = {Reason.UNKNOWN_INSTANCE_TYPE: INSTANCETYPES, Reason.UNKNOWN_MODEL: BASEMODELS}
"""Where what a refusal misses may have come to meanwhile."""
UNREADABLE_SECONDS: Final = 60.0
SOON: Final = 0.1


@dataclass(frozen=True)
class Seen:
    """A job, what is observed of it, where it therefore stands, and what was decided for it."""

    view: View
    standing: Standing
    plan: Admission | None


@dataclass(frozen=True)
class Reconciler:
    """Brings one job at a time from what is to what should be."""

    cluster: Cluster
    store: Store
    gatherer: Gatherer
    actor: Actor
    offering: Offering
    clock: Clock
    learn: Learn
    """Of objects that were read because the store may lag: as if a watch had brought them."""

    async def reconcile(self, key: Key) -> float | None:
        """Do what is to be done for a job. Answers in how many seconds it must be looked at again, None for never.

        Raises ClusterError when the API server could not be asked or told: call again.
        """
        body = self.store.job(key)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return None  # its children go with it, by their owner references
        if at_rest(body, self.store.batch_jobs(key.namespace, body["metadata"]["uid"])):
            return None
        try:
            job = parse_job(body)
        except ValidationError as error:
            return await self._tell_unreadable(body, error)
        try:
            return await self._bring_forward(job, body)
        except NotFound:
            if await self._is_there(job):
                raise
            log.info("the job was deleted unseen")
            return None if self.store.job(key) is None else SOON

    async def _bring_forward(self, job: Job, body: Json) -> float | None:
        seen = _completed(await self._gather(job))
        seen, blocked = await self._act(seen)
        status = assess(seen.view, seen.standing, seen.plan, blocked)
        status = with_unknown_fields(status, unknown_fields_of(body))
        await self._write(seen.view.job, body.get("status") or {}, status)
        again = look_again(seen.standing, seen.view)
        return POLL_SECONDS if blocked else again

    async def _is_there(self, job: Job) -> bool:
        """Whether the API server still has the job; if not, or if it has a namesake instead, the store knows it then.

        No watch tells of a deletion that it missed. Children go with their job, and would be made again and again.
        """
        try:
            body = await self.cluster.get(FINETUNEJOBS, job.namespace, job.name)
        except NotFound:
            self.store.drop(FINETUNEJOBS, Key(job.namespace, job.name))
            return False
        self.learn(FINETUNEJOBS, body)
        return bool(body["metadata"]["uid"] == job.uid)

    async def _gather(self, stored: Job) -> Seen:
        """Look at the store; where absence or a last word decides, look at the API server."""
        seen = await self._stand(stored, self.gatherer.look(stored))
        if unconfirmed(seen.standing, seen.view):
            seen = await self._stand(stored, await self.gatherer.confirm(stored))
        if hints := await self.gatherer.hints(seen.view.job, seen.standing):
            seen = await self._stand(stored, replace(seen.view.observed, hints=hints))
        return seen

    async def _stand(self, stored: Job, observed: Observed) -> Seen:
        job = present(stored, observed)
        view = View(job, observed, self._now())
        choice = await self._admit(job)
        if isinstance(choice, Rejection):
            return Seen(view, stand(view, choice), None)
        if job.status.resolved is None:
            choice = replace(choice, resolved=for_run(choice.resolved, view))
            view = replace(view, job=job.with_plan(choice.resolved))
        return Seen(view, stand(view, None), choice)

    async def _admit(self, job: Job) -> Admission | Rejection:
        """What was decided when the job was accepted, else what the catalog says now.

        That an entry is missing is asked of the API server: a watch may lag, and a refusal is for ever.
        """
        if plan := recorded(job):
            return plan
        choice = await self._chosen(job)
        if isinstance(choice, Rejection) and choice.reason in CATALOGS:
            resource = CATALOGS[choice.reason]
            for entry in await self.cluster.list(resource):
                self.learn(resource, entry)
            return await self._chosen(job)
        return choice

    async def _chosen(self, job: Job) -> Admission | Rejection:
        return admit(job.spec, await self.offering.offer(job))

    async def _act(self, seen: Seen) -> tuple[Seen, Blocked | None]:
        """Create what is wanted, then look again: the status tells of what is, the new child included."""
        job, resolved = seen.view.job, seen.plan.resolved if seen.plan else None
        if resolved is None:
            return seen, None
        overtaken = late(seen.view)
        needs = Needs(claims_for(job), has_own_cache(job), resolved.nodes, earlier=job.run > 0)
        actions = decide(seen.standing, needs, overtaken)
        if not actions:
            return seen, None
        # What was here before may be gone because the job is.
        if seen.view.observed.confirmed and not await self._is_there(job):
            raise NotFound(f"there is no FineTuneJob {job.namespace}/{job.name} any more")
        match await self.actor.act(job, resolved, actions):
            case Rejection() as rejection:
                return replace(seen, standing=Refused(rejection, final=True)), None
            case Blocked() as blocked:
                return self._given_up(seen, blocked)
            case None:
                view = replace(seen.view, observed=self.gatherer.look(job))
                return Seen(view, stand(view, None), seen.plan), None

    def _given_up(self, seen: Seen, blocked: Blocked) -> tuple[Seen, Blocked | None]:
        """A start that is refused for longer than the job wants to wait is its end; until then it is tried again."""
        time = give_up_time(seen.view)
        if time is None or seen.view.now < time or not isinstance(seen.standing, Wanted):
            return seen, blocked
        ending = Ending("Requested", Reason.START_DEADLINE_EXCEEDED, blocked.message)
        message = f"not created within {seen.view.job.spec.start_deadline_seconds} s: {blocked.message}"
        return replace(seen, standing=Broken(ending, Reason.START_DEADLINE_EXCEEDED, message)), None

    async def _tell_unreadable(self, body: Json, error: ValidationError) -> float | None:
        """A job that cannot be read is told so, and nothing else is done for it."""
        status = unreadable_status(body, error, self._now())
        if status is None:
            log.warning("the job cannot be read and is left as it is: %s", error)
            return None
        metadata, patch = body["metadata"], merge_patch(body.get("status") or {}, status)
        if patch:
            stamped = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": patch}
            written = await self.cluster.patch_status(FINETUNEJOBS, metadata["namespace"], metadata["name"], stamped)
            self.store.put(FINETUNEJOBS, written)
        return UNREADABLE_SECONDS

    def _now(self) -> datetime:
        """Kubernetes keeps time in whole seconds, and a status must read back as it was written."""
        return self.clock().replace(microsecond=0)

    async def _write(self, job: Job, stored: Json, status: FineTuneJobStatus) -> None:
        """The one status write, only if there is something new to say; then the Event of the transition."""
        patch = merge_patch(stored, status.wire())
        if not patch:
            return
        patch["updatedTime"] = status.model_copy(update={"updated_time": self._now()}).wire()["updatedTime"]
        body = {"metadata": {"resourceVersion": job.resource_version}, "status": patch}
        written = await self.cluster.patch_status(FINETUNEJOBS, job.namespace, job.name, body)
        self.store.put(FINETUNEJOBS, written)
        await announce(self.cluster, job, status, self.clock())


def _completed(seen: Seen) -> Seen:
    """With the decisions that the data allows, once prepare has reported it; a refusal then is for good."""
    if seen.plan is None or seen.plan.resolved.complete:
        return seen
    if not isinstance(seen.standing, Wanted) or seen.standing.stage == STAGES[0]:
        return seen
    made = complete(seen.view.job.spec, seen.plan.resolved, report_of(seen.view))
    if isinstance(made, Rejection):
        return replace(seen, standing=Refused(made, final=True))
    warnings = (*seen.plan.warnings, *made.warnings)
    return replace(seen, plan=Admission(made.resolved, made.estimate or seen.plan.estimate, warnings))
