"""What is said of a job, over its whole life and in its failures; one status a visit."""

from __future__ import annotations

import json

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.assess import Blocked
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.progress import Checkpoint
from finetune_operator.planning.rejection import Rejection
from tests.unit.planning.scene import (
    NOW,
    a_job,
    at,
    ended,
    ended_pod,
    hints,
    pod,
    prepared,
    pushed,
    running_pod,
    scene,
    stage_job,
    stamp,
    told,
    verdict,
)

ARTIFACT = {"path": "model", "kind": "adapter", "files": ["a.safetensors"], "bytes": 7, "digest": "sha256:00"}
COMPLETED = verdict("completed", step=18, total_steps=18, training_seconds=12.5, artifact=ARTIFACT)
UNKNOWN = Rejection(Reason.UNKNOWN_INSTANCE_TYPE, "no InstanceType is named 'x'", "spec.instanceType", may_mend=True)


def words(status: FineTuneJobStatus) -> tuple[Phase | None, str | None]:
    """Where a job is, and why."""
    return status.phase, status.reason


def conditions(status: FineTuneJobStatus) -> dict[str, str]:
    """The conditions that are not False."""
    return {each.type: each.status for each in status.conditions if each.status != "False"}


def test_a_reason_is_told_with_the_time_since_when_it_is_that_one() -> None:
    job = a_job()
    first = told(scene(job, stage_job("prepare")))
    later = told(scene(a_job(status=first), stage_job("prepare"), now=at(60)))
    assert (first.reason, first.reason_time, later.reason_time) == (later.reason, NOW, NOW)
    other = told(scene(a_job(status=later), stage_job("prepare"), running_pod("prepare"), now=at(90)))
    assert (other.reason == later.reason, other.reason_time) == (False, at(90))


def test_a_whole_life_from_the_first_visit_to_the_model() -> None:
    job = a_job()
    seen = told(scene(job, stage_job("prepare")))
    assert words(seen) == (Phase.VALIDATING, Reason.WAITING_FOR_POD)
    assert conditions(seen) == {"Validated": "Unknown", "Reconciling": "True"}
    assert seen.observed_generation == 1
    assert seen.resolved is not None

    checking = told(scene(a_job(status=seen), stage_job("prepare"), running_pod("prepare"), now=at(5)))
    assert words(checking) == (Phase.VALIDATING, Reason.VALIDATING)
    assert checking.start_time is None

    queued = told(scene(a_job(status=checking), prepared(), stage_job(), now=at(10)))
    assert words(queued) == (Phase.QUEUED, Reason.WAITING_FOR_POD)
    assert conditions(queued) == {"Validated": "True", "Reconciling": "True"}
    assert queued.report is not None
    assert queued.report.rows == 48

    loading = told(scene(a_job(status=queued), prepared(), stage_job(), running_pod(since=at(12)), now=at(13)))
    assert words(loading) == (Phase.RUNNING, Reason.LOADING)
    assert conditions(loading) == {"Validated": "True", "Running": "True", "Ready": "True"}
    assert loading.start_time == at(12)

    beside = pushed(total_steps=18, training_seconds=4.0, metrics={"loss": 2.5}, seconds_per_step=0.7)
    training = told(
        scene(a_job(status=loading), prepared(), stage_job(), running_pod(since=at(12)), now=at(20), beside=beside)
    )
    assert words(training) == (Phase.RUNNING, Reason.TRAINING)
    assert training.message == "step 6 of 18"
    assert training.display is not None
    assert (training.display.progress, training.display.loss, training.display.hours) == ("33%", "2.5", "0.00/1")

    done = told(scene(a_job(status=training), prepared(), ended(message=COMPLETED), now=at(30), beside=beside))
    assert words(done) == (Phase.SUCCEEDED, Reason.COMPLETED)
    assert conditions(done) == {"Validated": "True", "Complete": "True", "Ready": "True"}
    assert (done.start_time, done.completion_time) == (at(12), at(30))
    assert [(a.stage, a.number, a.outcome) for a in done.attempts] == [
        ("prepare", 1, "Succeeded"),
        ("train", 1, "Succeeded"),
    ]
    assert done.result is not None
    assert done.result.uri == "pvc://support-bot-8de7b-output/model"
    assert done.failure is None
    assert done.progress is not None
    assert done.progress.percentage == 100

    after = told(scene(a_job(status=done), now=at(99)))
    assert after == done


def test_saying_it_twice_says_the_same() -> None:
    view = scene(a_job(), prepared(), stage_job(), running_pod())
    first = told(view)
    again = told(scene(a_job(status=first), prepared(), stage_job(), running_pod(), now=at(60)))
    assert again == first


def test_a_job_that_ended_between_two_looks_still_has_a_start() -> None:
    seen = told(scene(a_job(), prepared(), ended(message=COMPLETED), now=at(30)))
    assert seen.start_time == NOW


def test_between_the_end_of_a_pod_and_of_its_job_nothing_new_is_said() -> None:
    running = told(scene(a_job(), prepared(), stage_job(), running_pod()))
    between = told(scene(a_job(status=running), prepared(), stage_job(), ended_pod(message=COMPLETED), now=at(5)))
    assert words(between) == words(running)
    assert between.completion_time is None


class TestARefusal:
    def test_that_may_mend_waits_and_says_why(self) -> None:
        seen = told(scene(a_job(), now=at(2)), UNKNOWN)
        assert words(seen) == (Phase.PENDING, Reason.UNKNOWN_INSTANCE_TYPE)
        assert conditions(seen) == {"Reconciling": "True"}
        assert (seen.failure, seen.completion_time, seen.resolved) == (None, None, None)

    def test_that_is_final_fails_the_job_and_names_the_field(self) -> None:
        seen = told(scene(a_job(), now=at(60)), UNKNOWN)
        assert words(seen) == (Phase.FAILED, Reason.UNKNOWN_INSTANCE_TYPE)
        assert conditions(seen) == {"Failed": "True", "Stalled": "True"}
        assert seen.failure is not None
        assert (seen.failure.cause, seen.failure.param) == ("User", "spec.instanceType")
        assert seen.completion_time == at(60)

    def test_is_forgotten_when_the_instance_type_appears(self) -> None:
        seen = told(scene(a_job(), now=at(2)), UNKNOWN)
        mended = told(scene(a_job(status=seen), stage_job("prepare"), now=at(3)))
        assert words(mended) == (Phase.VALIDATING, Reason.WAITING_FOR_POD)


class TestAFailure:
    def test_of_the_user_names_field_line_and_advice(self) -> None:
        word = verdict(
            "userError",
            stage="prepare",
            code="DatasetRowInvalid",
            param="spec.datasets[0].uri",
            message="line 3: not valid JSON",
            advice="Each line is one JSON object.",
            lines=["a", "b"],
        )
        seen = told(scene(a_job(), ended("prepare", code=64, message=word)))
        assert words(seen) == (Phase.FAILED, Reason.USER_ERROR)
        assert seen.message == "line 3: not valid JSON"
        assert conditions(seen) == {"Failed": "True", "Stalled": "True"}
        assert seen.failure is not None
        assert seen.failure.wire() == {
            "cause": "User",
            "code": "DatasetRowInvalid",
            "message": "line 3: not valid JSON",
            "param": "spec.datasets[0].uri",
            "advice": "Each line is one JSON object.",
            "exitCode": 64,
            "lines": ["a", "b"],
        }

    def test_of_data_is_a_failed_validation(self) -> None:
        seen = told(scene(a_job(), ended("prepare", code=64, message=verdict("userError", stage="prepare"))))
        (validated,) = [each for each in seen.conditions if each.type == "Validated"]
        assert (validated.status, validated.message) == ("False", "it userError")

    def test_for_memory_blames_the_instance_type_and_advises(self) -> None:
        job, over = ended(code=137)
        over["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] = "OOMKilled"
        seen = told(scene(a_job(), prepared(), job, over))
        assert seen.failure is not None
        assert (seen.failure.code, seen.failure.param) == ("OOMKilled", "spec.instanceType")
        assert "more memory" in (seen.failure.advice or "")

    def test_after_all_retries_is_the_platforms(self) -> None:
        seen = told(scene(a_job({"backoffLimit": 0}), prepared(), ended(code=1, message="boom")))
        assert words(seen) == (Phase.FAILED, Reason.BACKOFF_LIMIT_EXCEEDED)
        assert seen.failure is not None
        assert (seen.failure.cause, seen.failure.exit_code) == ("Platform", 1)
        assert seen.retries == 1

    def test_with_a_boundless_verdict_still_fits_the_schema(self) -> None:
        word = verdict("userError", stage="prepare", metrics={f"{n:070}": n for n in range(70)})
        parts = {
            "message": "m" * 3000,
            "code": "c" * 99,
            "param": "p" * 999,
            "advice": "a" * 3000,
            "lines": ["l" * 999] * 20,
        }
        seen = told(scene(a_job(), ended("prepare", code=64, message=json.dumps(json.loads(word) | parts))))
        FineTuneJobStatus.model_validate(seen.wire())

    def test_with_the_longest_verdict_that_a_termination_message_holds_stays_below_ten_kilobytes(self) -> None:
        word = verdict("userError", message="m" * 1024, advice="a" * 512, lines=["l" * 256] * 8)
        assert 3600 < len(word) <= 4096
        seen = told(scene(a_job(), prepared(), ended(code=64, message=word)))
        assert len(FineTuneJobStatus.model_dump_json(seen, by_alias=True, exclude_none=True)) < 10_000

    def test_after_ten_long_attempts_stays_below_ten_kilobytes(self) -> None:
        seen, children = None, [prepared()]
        for number in range(1, 13):
            children.append(ended(attempt=number, code=1, message="m" * 4096))
            seen = told(scene(a_job({"backoffLimit": 11}, seen), *children, now=at(400 * number)))
        assert seen is not None
        assert seen.phase == Phase.FAILED
        assert len(FineTuneJobStatus.model_dump_json(seen, by_alias=True, exclude_none=True)) < 10_000

    def test_with_eight_attempts_and_eight_checkpoints_stays_below_ten_kilobytes(self) -> None:
        paths = [Checkpoint(n, 1, f"checkpoints/attempt-12/{n}", NOW, 9.5, {"loss": 2.5}) for n in range(100, 900, 100)]
        beside = pushed(attempt=12, step=900, training_seconds=9.5, checkpoints=tuple(paths))
        seen, children = None, [prepared()]
        for number in range(1, 13):
            children.append(ended(attempt=number, code=1, message="ValueError: no rows"))
            seen = told(scene(a_job({"backoffLimit": 11}, seen), *children, now=at(400 * number), beside=beside))
        assert seen is not None
        assert (len(seen.attempts), len(seen.checkpoints)) == (8, 8)
        assert len(FineTuneJobStatus.model_dump_json(seen, by_alias=True, exclude_none=True)) < 10_000


class TestARetry:
    def test_says_when_it_follows_and_what_came_before(self) -> None:
        seen = told(scene(a_job(), prepared(), ended(code=1, message="boom")))
        assert words(seen) == (Phase.PENDING, Reason.RETRYING)
        assert seen.message == "train starts again at 12:00:10 UTC: exit code 1 (Error): boom"
        assert seen.retries == 1

    def test_is_counted_once(self) -> None:
        seen = told(scene(a_job(), prepared(), ended(code=1)))
        again = told(scene(a_job(status=seen), prepared(), ended(code=1), now=at(3)))
        assert again.retries == 1
        assert again == seen

    def test_keeps_the_validation_and_the_start(self) -> None:
        running = told(scene(a_job(), prepared(), stage_job(), running_pod(since=at(1))))
        seen = told(scene(a_job(status=running), prepared(), ended(code=143), now=at(9)))
        assert conditions(seen)["Validated"] == "True"
        assert seen.start_time == at(1)

    def test_that_is_fenced_names_pod_and_node(self) -> None:
        lost = told(scene(a_job(), prepared(), stage_job(), running_pod()))
        seen = told(scene(a_job(status=lost), prepared(), running_pod(), now=at(60)))
        assert words(seen) == (Phase.PENDING, Reason.PODS_REMAIN)
        assert "support-bot-8de7b-train-1-x7k2p" in (seen.message or "")
        assert "node-0" in (seen.message or "")

    def test_is_said_until_its_job_exists(self) -> None:
        seen = told(scene(a_job(), prepared(), ended(code=143)))
        assert words(seen) == (Phase.PENDING, Reason.RETRYING)
        assert seen.message == "attempt 2 of train follows: exit code 143 (Error)"


class TestWhatIsInTheWay:
    def test_of_the_first_stage_is_said_while_it_validates(self) -> None:
        raw = pod("prepare", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}])
        raw["spec"] = {"nodeName": None}
        seen = told(scene(a_job(), stage_job("prepare"), raw))
        assert (words(seen), seen.message) == ((Phase.VALIDATING, Reason.UNSCHEDULABLE), "0/1 nodes")

    @pytest.mark.parametrize(
        ("claim", "field"),
        [
            ("models", "spec.model.name: "),
            ("answers", "spec.datasets[1].uri: "),
            ("results", "spec.output.uri: "),
            ("hub", "spec.cache.claimName: "),
            ("model", ""),
        ],
    )
    def test_names_the_field_that_names_the_claim(self, claim: str, field: str) -> None:
        message = f'persistentvolumeclaim "{claim}" not found'
        raw = pod("prepare", conditions=[{"type": "PodScheduled", "status": "False", "message": message}])
        raw["spec"] = {"nodeName": None}
        rows = [{"name": name, "uri": f"pvc://{name}/a.jsonl"} for name in ("questions", "answers")]
        elsewhere = {"output": {"uri": "pvc://results"}, "cache": {"claimName": "hub"}}
        job = a_job({"model": {"name": "pvc://models/x"}, "datasets": rows, **elsewhere})
        seen = told(scene(job, stage_job("prepare"), raw))
        assert (words(seen), seen.message) == ((Phase.VALIDATING, Reason.VOLUME_NOT_READY), f"{field}{message}")

    def test_of_the_training_is_said_in_the_clusters_words(self) -> None:
        quota = hints(("FailedCreate", "exceeded quota"))
        seen = told(scene(a_job(), prepared(), stage_job(), beside=quota))
        assert (words(seen), seen.message) == ((Phase.QUEUED, Reason.QUOTA_EXCEEDED), "exceeded quota")

    def test_of_a_create_is_said_and_ends_nothing(self) -> None:
        seen = told(scene(a_job()), blocked=Blocked(Reason.QUOTA_EXCEEDED, "exceeded quota: count/jobs.batch"))
        assert words(seen) == (Phase.PENDING, Reason.QUOTA_EXCEEDED)
        assert (seen.failure, seen.completion_time, seen.attempts) == (None, None, ())

    def test_is_cut_to_what_a_status_holds(self) -> None:
        seen = told(scene(a_job()), blocked=Blocked(Reason.QUOTA_EXCEEDED, "x" * 5000))
        assert seen.message == "x" * 1024


def test_a_report_of_another_attempt_says_nothing_of_this_one() -> None:
    beside = pushed(attempt=1, step=9)
    seen = told(scene(a_job(), prepared(), stage_job(attempt=2), running_pod(attempt=2), beside=beside))
    assert words(seen) == (Phase.RUNNING, Reason.LOADING)


def test_a_report_without_a_total_counts_steps() -> None:
    seen = told(scene(a_job(), prepared(), stage_job(), running_pod(), beside=pushed(step=9)))
    assert seen.message == "step 9"


@pytest.mark.parametrize("beside", [Beside(), Beside(confirmed=True)], ids=["from the watch", "listed"])
def test_where_a_view_comes_from_does_not_show(beside: Beside) -> None:
    assert told(scene(a_job(), prepared(), beside=beside)) == told(scene(a_job(), prepared()))


def test_a_new_operator_does_not_take_a_training_job_for_a_loading_one() -> None:
    children = (prepared(), stage_job(), running_pod())
    training = told(scene(a_job(), *children, beside=pushed(total_steps=18)))
    after_restart = told(scene(a_job(status=training), *children, now=at(9)))
    assert after_restart == training


def test_the_next_attempt_loads_before_it_trains() -> None:
    training = told(scene(a_job(), prepared(), stage_job(), running_pod(), beside=pushed()))
    lost = told(scene(a_job(status=training), prepared(), ended(code=143), stage_job(attempt=2), now=at(9)))
    assert words(lost) == (Phase.QUEUED, Reason.WAITING_FOR_POD)
    again = (prepared(), ended(code=143), stage_job(attempt=2), running_pod(attempt=2))
    assert words(told(scene(a_job(status=lost), *again, now=at(12)))) == (Phase.RUNNING, Reason.LOADING)


def test_a_report_is_dated_in_whole_seconds() -> None:
    beside = pushed(received_at=at(3.25))
    status = told(scene(a_job(), prepared(), stage_job(), running_pod(), beside=beside))
    assert status.wire()["progress"]["lastUpdatedTime"] == stamp(at(3))


def test_every_time_is_written_as_kubernetes_writes_it() -> None:
    wire = told(scene(a_job(), prepared(), ended(message=COMPLETED), now=at(30))).wire()
    assert wire["completionTime"] == stamp(at(30))
    assert wire["conditions"][0]["lastTransitionTime"] == stamp(at(30))
