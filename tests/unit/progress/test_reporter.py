"""Which pods may report on a job."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.names import RUN_LABEL
from finetune_operator.reconciler.progress.refusal import PostRefusedError
from finetune_operator.reconciler.progress.reporter import Reporter, reporter_of
from finetune_operator.reconciler.progress.tokens import PodIdentity
from tests.unit.progress.stories import JOB_UID, KEY, child, job, store_of


def admitted(
    name: str, pods: tuple[Json, ...], jobs: tuple[Json, ...] = (), attempts: tuple[Json, ...] = ()
) -> Reporter:
    identity = PodIdentity(KEY.namespace, name, f"uid-of-{name}")
    store = store_of(jobs=jobs, pods=pods, attempts=attempts)
    return reporter_of(identity, job(*attempts), store.children(KEY.namespace, JOB_UID))


def refusal(name: str, pods: tuple[Json, ...], jobs: tuple[Json, ...] = (), attempts: tuple[Json, ...] = ()) -> str:
    with pytest.raises(PostRefusedError) as refused:
        admitted(name, pods, jobs, attempts)
    assert refused.value.status == 403
    return refused.value.message


def test_a_pod_tells_of_its_run_by_its_label() -> None:
    later = child("p1", 1)
    later["metadata"]["labels"][RUN_LABEL] = "2"
    jobs = (child("j1", 1),)
    assert (admitted("p1", (child("p1", 1),), jobs).run, admitted("p1", (later,), jobs).run) == (0, 2)


def test_a_pod_of_the_current_attempt_may_report() -> None:
    reporter = admitted("p2", (child("p1", 1), child("p2", 2)), (child("j1", 1), child("j2", 2)))
    assert (reporter.key, reporter.job_uid, reporter.attempt, reporter.pod_uid) == (KEY, JOB_UID, 2, "uid-of-p2")


def test_a_pod_of_an_earlier_attempt_may_not() -> None:
    sentence = refusal("p1", (child("p1", 1), child("p2", 2)), (child("j1", 1), child("j2", 2)))
    assert sentence == "pod p1 belongs to attempt 1; the current attempt is 2"


def test_an_attempt_that_only_the_records_know_counts_too() -> None:
    assert "the current attempt is 2" in refusal(
        "p1", (child("p1", 1),), (child("j1", 1),), ({"stage": "train", "number": 2},)
    )


def test_attempts_of_another_stage_do_not_count() -> None:
    pods, jobs = (child("p1", 1),), (child("j1", 1), child("c3", 3, stage="prepare"))
    assert admitted("p1", pods, jobs, ({"stage": "prepare", "number": 3},)).attempt == 1


def test_a_pod_of_the_prepare_stage_may_not() -> None:
    assert "only stage train reports" in refusal("p1", (child("p1", 1, stage="prepare"),), (child("j1", 1),))


def test_a_pod_of_another_job_may_not() -> None:
    assert "is no pod of FineTuneJob team-a/support" in refusal("p1", (child("p1", 1, uid="another"),))


def test_a_namesake_of_a_pod_with_another_uid_may_not() -> None:
    store = store_of(pods=(child("p1", 1),), jobs=(child("j1", 1),))
    identity = PodIdentity(KEY.namespace, "p1", "uid-of-its-predecessor")
    with pytest.raises(PostRefusedError):
        reporter_of(identity, job(), store.children(KEY.namespace, JOB_UID))


def test_a_pod_of_the_same_uid_from_another_namespace_may_not() -> None:
    store = store_of(pods=(child("p1", 1),), jobs=(child("j1", 1),))
    with pytest.raises(PostRefusedError, match="team-b/p1 is no pod"):
        reporter_of(PodIdentity("team-b", "p1", "uid-of-p1"), job(), store.children(KEY.namespace, JOB_UID))
