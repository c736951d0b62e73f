"""The people of these tests: one FineTuneJob, its pods, the API server's word on their tokens, and two clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL, UID_LABEL, progress_audience
from finetune_operator.cluster import ClusterError, Resource
from finetune_operator.cluster.resources import FINETUNEJOBS, JOBS, PODS, Key
from finetune_operator.reconciler.progress.tokens import POD_NAME, POD_UID
from finetune_operator.reconciler.store import Store

KEY = Key("team-a", "support")
JOB_UID = "0d6c7c1e-0000-4000-8000-000000000001"
AUDIENCE = progress_audience(*KEY, JOB_UID)
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Both clocks at once, moved by hand."""

    seconds: float = 1000.0
    set_by: float = 0.0
    """Seconds by which the time of day was set."""

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 1000 + self.set_by)

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Reviews:
    """Answers TokenReviews as an API server does that made tokens ``<pod>`` for AUDIENCE. Counts what it is asked."""

    pods: dict[str, str] = field(default_factory=dict)
    namespace: str = KEY.namespace
    failure: ClusterError | None = None
    asked: int = 0

    async def create(self, resource: Resource, namespace: str | None, body: Json) -> Json:
        assert (resource.plural, namespace) == ("tokenreviews", None)
        self.asked += 1
        if self.failure:
            raise self.failure
        spec = body["spec"]
        uid = self.pods.get(spec["token"])
        if uid is None or AUDIENCE not in spec["audiences"]:
            return {"status": {"authenticated": False, "error": "invalid bearer token"}}
        return {"status": accepted(spec["token"], uid, self.namespace)}


def accepted(pod: str, uid: str, namespace: str = KEY.namespace) -> Json:
    extra = {POD_NAME: [pod], POD_UID: [uid]}
    user = {"username": f"system:serviceaccount:{namespace}:default", "extra": extra}
    return {"authenticated": True, "audiences": [AUDIENCE], "user": user}


def job(*attempts: Json) -> Json:
    metadata = {"namespace": KEY.namespace, "name": KEY.name, "uid": JOB_UID, "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {}, "status": {"attempts": list(attempts)}}


def child(name: str, attempt: int, *, stage: str = "train", uid: str = JOB_UID) -> Json:
    return {
        "metadata": {
            "namespace": KEY.namespace,
            "name": name,
            "uid": f"uid-of-{name}",
            "resourceVersion": "1",
            "creationTimestamp": f"2026-11-21T12:0{attempt}:00Z",
            "labels": {UID_LABEL: uid, STAGE_LABEL: stage, ATTEMPT_LABEL: str(attempt)},
        }
    }


def store_of(*, jobs: tuple[Json, ...] = (), pods: tuple[Json, ...] = (), attempts: tuple[Json, ...] = ()) -> Store:
    store = Store()
    store.put(FINETUNEJOBS, job(*attempts))
    for one in jobs:
        store.put(JOBS, one)
    for one in pods:
        store.put(PODS, one)
    return store
