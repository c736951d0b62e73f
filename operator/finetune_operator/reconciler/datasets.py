"""Has each Dataset looked at once, on CPU, and tells what was found. Level-triggered, like the reconciler of jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from finetune_operator.api.conditions import Reason
from finetune_operator.api.dataset import DatasetStatus
from finetune_operator.api.model import Json
from finetune_operator.api.names import DATASET_UID_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import AlreadyExists, Invalid, Refused, Unavailable
from finetune_operator.cluster.resources import DATASETS, JOBS, PODS, Key
from finetune_operator.planning.dataset.manifest import InspectionImages, inspection_job
from finetune_operator.planning.dataset.observed import inspections
from finetune_operator.planning.dataset.plan import plan_inspection
from finetune_operator.planning.dataset.registration import Registration, parse_dataset
from finetune_operator.planning.dataset.standing import (
    BackingOff,
    Hindered,
    Standing,
    Underway,
    View,
    Wanted,
    recorded_attempt,
    stand,
)
from finetune_operator.planning.dataset.status import Beside, dataset_status
from finetune_operator.planning.kstatus import Word, conditions_of
from finetune_operator.planning.observed import Hint
from finetune_operator.planning.patch import merge_patch
from finetune_operator.planning.unreadable import first_fault
from finetune_operator.reconciler.gather import learn
from finetune_operator.reconciler.hints import Hints
from finetune_operator.reconciler.reconcile import Clock
from finetune_operator.reconciler.store import Store

POLL_SECONDS: Final = 10.0
"""Some of the reasons why a pod does not come up are told by Events only, which no watch brings."""
HINDERED_SECONDS: Final = 60.0

Changed = Callable[[Key], None]
"""Called with a Dataset whose status was written: jobs may wait for it."""


@dataclass(frozen=True)
class DatasetKeeper:
    """Brings one Dataset at a time from what is to what should be."""

    cluster: Cluster
    store: Store
    images: InspectionImages
    changed: Changed
    clock: Clock
    hints: Hints

    async def reconcile(self, key: Key) -> float | None:
        """Do what is to be done for a Dataset. Answers in how many seconds it must be looked at again, None for never.

        Raises ClusterError when the API server could not be asked or told: call again.
        """
        body = self.store.dataset(key.namespace, key.name)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return None  # its inspection goes with it, by its owner reference
        try:
            registration = parse_dataset(body)
        except ValidationError as error:
            await self._write(body, self._unreadable(body, error))
            return None
        view = await self._view(registration)
        standing, blocked = await self._act(view, stand(view))
        hints = await self._hints(registration, standing)
        view = self._look(registration)
        await self._write(body, dataset_status(view, standing, Beside(hints, blocked)))
        return _again(view, standing)

    async def _view(self, registration: Registration) -> View:
        """From the watch; that an inspection which was begun is gone is asked of the API server."""
        view = self._look(registration)
        vanished = all(each.job.attempt < recorded_attempt(registration) for each in view.inspections)
        if registration.judged or not (recorded_attempt(registration) and vanished):
            return view
        await self._confirm(registration)
        return self._look(registration)

    def _look(self, registration: Registration) -> View:
        children = self.store.children(registration.namespace, registration.uid)
        plan = plan_inspection(registration.spec, self.store.catalog(), self.images.by_family)
        now = self.clock().replace(microsecond=0)
        return View(registration, plan, inspections(children.jobs, children.pods, children.departed), now)

    async def _confirm(self, registration: Registration) -> None:
        selector = f"{DATASET_UID_LABEL}={registration.uid}"
        held = self.store.children(registration.namespace, registration.uid)
        jobs = await self.cluster.list(JOBS, registration.namespace, labels=selector)
        pods = await self.cluster.list(PODS, registration.namespace, labels=selector)
        learn(self.store, JOBS, jobs, held.jobs)
        learn(self.store, PODS, pods, held.pods)

    async def _act(self, view: View, standing: Standing) -> tuple[Standing, Word | None]:
        """Start the inspection if one is wanted; creating one that exists is success if it is ours."""
        if not isinstance(standing, Wanted):
            return standing, None
        registration = view.registration
        wanted = inspection_job(registration, standing.plan, standing.attempt, self.images.pull_policy)
        try:
            created = await self.cluster.create(JOBS, registration.namespace, wanted)
        except AlreadyExists:
            created = await self.cluster.get(JOBS, registration.namespace, wanted["metadata"]["name"])
            if created["metadata"].get("labels", {}).get(DATASET_UID_LABEL) != registration.uid:
                message = f"Job {wanted['metadata']['name']!r} exists and is not this Dataset's: delete or rename it"
                return standing, Word("Reconciling", Reason.NAME_CONFLICT, message)
        except Refused as error:
            quota = "exceeded quota" in error.words
            return standing, Word("Reconciling", Reason.QUOTA_EXCEEDED if quota else Reason.FORBIDDEN, error.words)
        except (Unavailable, Invalid) as error:
            return standing, Word("Reconciling", Reason.CREATE_FAILED, error.message)
        self.store.put(JOBS, created)
        return stand(self._look(registration)), None

    async def _hints(self, registration: Registration, standing: Standing) -> tuple[Hint, ...]:
        if not isinstance(standing, Underway):
            return ()
        return await self.hints.about(registration.namespace, standing.inspection.job)

    def _unreadable(self, body: Json, error: ValidationError) -> DatasetStatus:
        """What the schema let through and the models refuse."""
        fault = first_fault(error)
        word = Word("Stalled", Reason.INVALID_SPEC, f"{fault.field}: {fault.words}")
        generation = body["metadata"].get("generation", 1)
        conditions = conditions_of(word, generation, (), self.clock().replace(microsecond=0))
        return DatasetStatus(
            observed_generation=generation, conditions=conditions, reason=word.reason, message=word.message
        )

    async def _write(self, body: Json, status: DatasetStatus) -> None:
        """The one status write, only if there is something new to say; then jobs that wait are looked at again."""
        patch = merge_patch(body.get("status") or {}, status.wire())
        if not patch:
            return
        metadata = body["metadata"]
        stamped = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": patch}
        written = await self.cluster.patch_status(DATASETS, metadata["namespace"], metadata["name"], stamped)
        self.store.put(DATASETS, written)
        self.changed(Key(metadata["namespace"], metadata["name"]))


def _again(view: View, standing: Standing) -> float | None:
    match standing:
        case BackingOff(until, _):
            return max((until - view.now).total_seconds(), 0.1)
        case Hindered(word):
            return HINDERED_SECONDS if word.health == "Reconciling" else None
        case Underway(inspection):
            return None if inspection.job.quiet else POLL_SECONDS
        case Wanted():
            return POLL_SECONDS
        case _:
            return None
