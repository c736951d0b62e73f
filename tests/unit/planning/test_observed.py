"""Raw Jobs and pods become values, and nothing is guessed on the way."""

from __future__ import annotations

import copy

import pytest

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.api.names import QUEUE_LABEL, RUN_LABEL
from finetune_operator.planning.observed import Beside, Exit, Observed, ObservedJob, ObservedPod, Waiting
from finetune_operator.planning.observing import observe, parse_pod, parse_stage_job
from tests.unit.planning.scene import NOW, at, container, ended, ended_pod, of_node, pod, running_pod, stage_job, stamp


def condition(type_: str, status: str, **words: str) -> Json:
    """A pod condition."""
    return {"type": type_, "status": status, **words}


def ended_with(**state: object) -> Json:
    """A Failed pod whose container ended so."""
    return pod(phase="Failed", containerStatuses=[container({"terminated": state})])


def test_a_pod_without_a_status_is_pending_and_nowhere() -> None:
    raw = pod()
    raw["spec"], raw["status"] = {}, {}
    seen = parse_pod(raw)
    assert (seen.phase, seen.node, seen.exit, seen.waiting, seen.terminal) == ("Pending", None, None, None, False)


def test_stage_and_attempt_are_read_from_the_labels() -> None:
    seen = parse_pod(pod("prepare", 7))
    assert (seen.stage, seen.attempt) == ("prepare", 7)


def test_an_object_without_our_labels_is_a_mistake_of_the_watch() -> None:
    raw = pod()
    del raw["metadata"]["labels"]["finetune.dev/stage"]
    with pytest.raises(KeyError, match="stage"):
        parse_pod(raw)


def test_a_running_container_tells_since_when() -> None:
    seen = parse_pod(running_pod(since=at(5)))
    assert (seen.running_since, seen.started) == (at(5), at(5))


def test_the_kubelets_words_for_a_waiting_container_are_kept() -> None:
    raw = pod(containerStatuses=[container({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}})])
    assert parse_pod(raw).waiting == Waiting("ImagePullBackOff", "Back-off")


def test_an_ended_container_tells_code_reason_message_and_when_it_began() -> None:
    seen = parse_pod(ended_with(exitCode=64, reason="Error", message="{}", startedAt=stamp(at(3))))
    assert (seen.exit, seen.started, seen.running_since) == (Exit(64, "Error", "{}"), at(3), None)


@pytest.mark.parametrize("started", [None, "1970-01-01T00:00:00Z"], ids=["nothing", "the epoch"])
def test_a_container_that_never_ran_began_at_no_time_although_it_bears(started: str | None) -> None:
    seen = parse_pod(ended_with(exitCode=128, reason="StartError", startedAt=started))
    assert seen.started is None


def test_a_sidecar_that_somebody_injected_is_not_the_trainer() -> None:
    sidecar = {"name": "istio-proxy", "state": {"terminated": {"exitCode": 1}}}
    raw = pod(phase="Running", containerStatuses=[sidecar, container({"running": {"startedAt": stamp(NOW)}})])
    seen = parse_pod(raw)
    assert (seen.exit, seen.running_since) == (None, NOW)


UNSCHEDULABLE = {
    "the scheduler's words": (
        condition("PodScheduled", "False", reason="Unschedulable", message="0/1 nodes"),
        "0/1 nodes",
    ),
    "its reason when it has no words": (
        condition("PodScheduled", "False", reason="SchedulingGated"),
        "SchedulingGated",
    ),
    "a remark when it has neither": (condition("PodScheduled", "False"), "the scheduler gave no reason"),
    "nothing once it is scheduled": (condition("PodScheduled", "True"), None),
}


@pytest.mark.parametrize(("told", "words"), UNSCHEDULABLE.values(), ids=UNSCHEDULABLE)
def test_an_unschedulable_pod_has(told: Json, words: str | None) -> None:
    assert parse_pod(pod(conditions=[told])).unschedulable == words


DISRUPTED = {
    "the cluster's words": (
        condition("DisruptionTarget", "True", reason="PreemptionByScheduler", message="preempting"),
        "preempting",
    ),
    "the reason without words": (condition("DisruptionTarget", "True", reason="TerminationByKubelet"), "TerminationByKubelet"),
    "a remark with neither": (condition("DisruptionTarget", "True"), "disrupted"),
    "nothing when it was called off": (condition("DisruptionTarget", "False", reason="x"), None),
}  # fmt: skip


@pytest.mark.parametrize(("told", "words"), DISRUPTED.values(), ids=DISRUPTED)
def test_a_disrupted_pod_has(told: Json, words: str | None) -> None:
    assert parse_pod(pod(conditions=[told])).disruption == words


@pytest.mark.parametrize(
    ("phase", "terminal"),
    [("Pending", False), ("Running", False), ("Unknown", False), ("Succeeded", True), ("Failed", True)],
)
def test_only_an_ended_pod_cannot_write_any_more(phase: str, *, terminal: bool) -> None:
    assert parse_pod(pod(phase=phase)).terminal is terminal


@pytest.mark.parametrize(
    ("type_", "status", "finished"),
    [
        ("Complete", "True", True),
        ("Failed", "True", True),
        ("Failed", "False", False),
        ("FailureTarget", "True", False),
        ("SuccessCriteriaMet", "True", False),
        ("Suspended", "True", False),
    ],
)
def test_a_job_is_finished_by_its_last_condition_only(type_: str, status: str, *, finished: bool) -> None:
    raw = stage_job()
    raw["status"] = {"conditions": [{"type": type_, "status": status}]}
    assert parse_stage_job(raw, ()).finished is finished


def test_a_finished_job_is_settled_once_none_of_its_pods_can_write() -> None:
    job, over = ended()
    assert observe([job], [over], Beside()).jobs[0].settled
    assert not observe([job], [over, running_pod()], Beside()).jobs[0].settled


def test_pods_stand_beside_their_job_oldest_first() -> None:
    younger, older = pod(), pod()
    younger["metadata"] |= {"name": "younger", "creationTimestamp": stamp(at(60))}
    older["metadata"]["name"] = "older"
    seen = observe([stage_job()], [younger, older], Beside())
    assert [each.name for each in seen.jobs[0].pods] == ["older", "younger"]
    assert seen.jobs[0].pod is not None
    assert seen.jobs[0].pod.name == "younger"


def test_a_pod_whose_job_is_gone_is_an_orphan_and_may_still_write() -> None:
    seen = observe([], [running_pod(attempt=1)], Beside())
    assert [orphan.attempt for orphan in seen.orphans] == [1]
    assert [each.name for each in seen.live_pods()] == [seen.orphans[0].name]


def test_a_pod_whose_owner_was_taken_away_is_an_orphan() -> None:
    raw = running_pod()
    del raw["metadata"]["ownerReferences"]
    assert len(observe([stage_job()], [raw], Beside()).orphans) == 1


def test_a_deleted_pod_is_alive_until_it_has_ended() -> None:
    raw = running_pod()
    raw["metadata"]["deletionTimestamp"] = stamp(NOW)
    (alive,) = observe([], [raw], Beside()).live_pods()
    assert isinstance(alive, ObservedPod)
    assert alive.ends_by == NOW


def test_jobs_are_found_by_stage_and_attempt() -> None:
    seen = observe([stage_job("train", 2), stage_job("prepare", 1), stage_job("train", 1)], [], Beside())
    assert [(job.stage, job.attempt) for job in seen.jobs] == [("prepare", 1), ("train", 1), ("train", 2)]
    assert seen.job("train", 2) is seen.jobs[2]
    assert seen.job("train", 3) is None


@pytest.mark.parametrize(
    "labels", [{}, {"finetune.dev/stage": "train"}, {"finetune.dev/stage": "x", "finetune.dev/attempt": "1"}]
)
def test_a_child_that_somebody_labelled_by_hand_is_not_ours(labels: dict[str, str]) -> None:
    raw = running_pod()
    raw["metadata"]["labels"] = labels
    assert observe([], [raw], Beside()) == Observed()


class TestPodsThatAreGone:
    """They say how an attempt ended, and stand for no pod that is there."""

    def after(self, *gone: Json, there: tuple[Json, ...] = (), **job: object) -> ObservedJob:
        """A Job that is over, whose pods are gone but for those that are there; ``job`` says more of it."""
        return observe([stage_job(ended="Failed") | job], there, Beside(departed=gone)).jobs[0]

    def test_testify_and_count_as_no_pod(self) -> None:
        seen = self.after(ended_pod(code=64))
        assert [each.exit.code for each in seen.witnesses if each.exit] == [64]
        assert (seen.pods, seen.latest, seen.pod) == ((), (), None)
        assert seen.settled

    def test_write_no_more_whatever_they_did_when_they_were_last_seen(self) -> None:
        seen = observe([stage_job()], [], Beside(departed=(running_pod(),)))
        assert (seen.live_pods(), seen.orphans) == ((), ())
        assert not seen.jobs[0].over

    def test_with_a_last_word_mean_that_their_job_is_about_to_be_over_unless_a_queue_makes_them_again(self) -> None:
        gone = Beside(departed=(ended_pod(code=75),))
        assert observe([stage_job()], [], gone).jobs[0].over
        queued = stage_job() | {"spec": {"suspend": True}}
        queued["metadata"]["labels"][names.QUEUE_LABEL] = "gpus"
        assert not observe([queued], [], gone).jobs[0].over

    def test_that_ran_when_they_were_last_seen_say_nothing(self) -> None:
        assert self.after(running_pod()).witnesses == ()

    def test_say_why_they_were_ended_though_nobody_saw_them_end(self) -> None:
        disrupted = [{"type": "DisruptionTarget", "status": "True", "message": "drained"}]
        gone = running_pod()
        gone["status"]["conditions"] = disrupted
        assert [each.disruption for each in self.after(gone).witnesses] == ["drained"]

    def test_yield_to_a_younger_one_that_is_there(self) -> None:
        younger = ended_pod(code=1)
        younger["metadata"] |= {"uid": "pod-2", "creationTimestamp": stamp(at(60))}
        seen = self.after(ended_pod(code=75), there=(younger,))
        assert [each.uid for each in seen.witnesses] == ["pod-2"]

    def test_are_there_when_they_are_there_after_all(self) -> None:
        seen = self.after(ended_pod(code=75), there=(running_pod(),))
        assert seen.departed == ()
        assert not seen.settled

    def test_whose_job_is_gone_too_are_kept_apart(self) -> None:
        seen = observe([], [], Beside(departed=(ended_pod(code=64),)))
        assert [each.exit.code for each in seen.departed if each.exit] == [64]
        assert seen == Observed(departed=seen.departed)
        assert seen.live_pods() == ()

    def test_are_waited_for_a_moment_when_the_news_of_the_job_is_first(self) -> None:
        over = {"type": "Failed", "status": "True", "lastTransitionTime": stamp(NOW)}
        waits: Json = {"status": {"conditions": [over]}}
        assert [self.after(**waits).heard(at(seconds)) for seconds in (0, 4, 5)] == [False, False, True]
        assert self.after(ended_pod(code=75), **waits).heard(NOW)
        assert not self.after(ended_pod(code=75), there=(running_pod(),), **waits).heard(at(99))
        assert self.after(**waits).heard(at(-3600)), "a clock that is wrong by an hour costs nothing"


class TestSeveralNodes:
    """An Indexed Job: the pod of index 0 speaks for all, and all must have ended before anything follows."""

    def two(self, *pods: Json, **spec: object) -> ObservedJob:
        """A Job of two nodes with these pods."""
        job = stage_job() | {"spec": {"completions": 2, **spec}}
        return observe([job], pods, Beside()).jobs[0]

    def test_the_pod_of_index_0_is_the_attempts_pod(self) -> None:
        seen = self.two(of_node(1, running_pod()), of_node(0, running_pod()))
        assert seen.pod is not None
        assert [each.index for each in seen.latest] == [0, 1]
        assert seen.pod.index == 0

    def test_without_a_label_a_pod_is_the_first(self) -> None:
        assert parse_pod(pod()).index == 0

    @pytest.mark.parametrize(("others", "settled"), [((ended_pod(code=75),), True), ((running_pod(),), False)])
    def test_the_job_is_settled_once_the_last_of_its_pods_has_ended(
        self, others: tuple[Json, ...], *, settled: bool
    ) -> None:
        pods = [of_node(0, ended_pod(code=1)), *(of_node(1, each) for each in copy.deepcopy(others))]
        job = stage_job(ended="Failed") | {"spec": {"completions": 2}}
        assert observe([job], pods, Beside()).jobs[0].settled is settled

    def test_it_is_quiet_once_all_pods_run(self) -> None:
        assert not self.two(of_node(0, running_pod())).quiet
        assert not self.two(of_node(0, running_pod()), of_node(1, pod())).quiet
        assert self.two(of_node(0, running_pod()), of_node(1, running_pod())).quiet

    def test_the_slowest_pod_is_the_one_that_nobody_took(self) -> None:
        nowhere = of_node(1, pod())
        nowhere["spec"] = {}
        seen = self.two(of_node(0, pod()), nowhere)
        assert seen.slowest is not None
        assert seen.slowest.index == 1

    def test_while_a_pod_is_to_be_made_none_is_the_slowest(self) -> None:
        assert self.two(of_node(0, running_pod())).slowest is None

    def test_the_newest_pod_of_an_index_counts(self) -> None:
        younger, older = of_node(0, running_pod()), of_node(0, ended_pod(code=143))
        older["metadata"] |= {"name": "older", "creationTimestamp": stamp(at(-60))}
        assert [each.name for each in self.two(younger, older).latest] == [younger["metadata"]["name"]]


def test_a_pod_tells_since_when_it_has_a_node() -> None:
    bound = pod(conditions=[condition("PodScheduled", "True", lastTransitionTime=stamp(at(40)))])
    assert parse_pod(bound).placed == at(40)
    assert parse_pod(pod(conditions=[condition("PodScheduled", "False", lastTransitionTime=stamp(NOW))])).placed is None


@pytest.mark.parametrize(("label", "run"), [(None, 0), ("2", 2), ("two", 0)])
def test_a_job_belongs_to_the_run_that_its_label_says(label: str | None, run: int) -> None:
    job = stage_job()
    job["metadata"]["labels"] |= {RUN_LABEL: label} if label else {}
    assert parse_stage_job(job, ()).run == run


def test_a_suspended_job_names_the_queue_that_it_waits_in_until_it_is_admitted() -> None:
    job = stage_job()
    job["metadata"]["labels"][QUEUE_LABEL] = "team-a"
    assert parse_stage_job(job | {"spec": {"suspend": True}}, ()).queue == "team-a"
    assert parse_stage_job(job | {"spec": {"suspend": False}}, ()).queue is None


def test_a_pod_that_has_a_node_is_not_told_to_be_unschedulable() -> None:
    waits = pod(conditions=[condition("PodScheduled", "False", message="0/1 nodes are available")])
    bound = waits | {"spec": {"nodeName": "node-0"}}
    assert parse_pod(waits).unschedulable == "0/1 nodes are available"
    assert parse_pod(bound).unschedulable is None
