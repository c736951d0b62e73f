"""What the status of a Dataset says while it is looked at and afterwards; whatever an image leaves there is bounded."""

from __future__ import annotations

from finetune_operator.api.conditions import Reason
from finetune_operator.api.dataset import DatasetStatus
from finetune_operator.api.model import Json
from finetune_operator.planning.dataset.findings import findings_of
from finetune_operator.planning.dataset.standing import View, stand
from finetune_operator.planning.dataset.status import Beside, dataset_status
from finetune_operator.planning.kstatus import Word
from finetune_operator.planning.observed import Hint
from tests.unit.planning.dataset.registry import REPORT, ended_pod, job, pod, view

NOTHING_BESIDE = Beside()


def said(seen: View, beside: Beside = NOTHING_BESIDE) -> DatasetStatus:
    return dataset_status(seen, stand(seen), beside)


def health(status: DatasetStatus) -> str:
    (found,) = [each.type for each in status.conditions if each.status == "True"]
    return found


def test_what_was_found_stands_in_the_status() -> None:
    report = REPORT | {"warnings": ["short"], "digest": "sha256:0", "revision": "abc", "imageKeys": ["top"]}
    status = said(view([job(ended=0)], [ended_pod(report=report, message="48 rows can be read")]))
    assert (health(status), status.reason, status.message) == ("Ready", Reason.VALIDATED, "48 rows can be read")
    assert (status.rows, status.tokens, status.longest_row_tokens, status.format) == (48, 1932, 61, "chat")
    assert (status.warnings, status.digest, status.revision, status.image_keys) == (
        ("short",),
        "sha256:0",
        "abc",
        ("top",),
    )
    assert status.inspected_time == "2026-11-21T12:00:00Z"


def test_of_robots_the_frames_and_their_rate_are_told_beside_the_cameras() -> None:
    report = {"rows": 206, "tokens": 0, "warnings": [], "frames": 25650, "fps": 10, "imageKeys": ["top", "wrist"]}
    status = said(view([job(ended=0)], [ended_pod(report=report)]))
    assert (status.rows, status.frames, status.fps, status.image_keys) == (206, 25650, 10, ("top", "wrist"))


def test_tokens_that_nobody_counted_are_not_said_to_be_none() -> None:
    report = {"rows": 48, "tokens": 0, "longestRowTokens": 0, "warnings": []}
    status = said(view([job(ended=0)], [ended_pod(report=report)]))
    assert (status.rows, status.tokens, status.longest_row_tokens) == (48, None, None)


def test_faults_are_sentences_with_file_and_line_and_the_remedy_is_told() -> None:
    faults = [{"file": "a.jsonl", "line": 3, "message": "not valid JSON"}]
    found = ended_pod(
        64, "userError", code="DatasetRowInvalid", advice="One object a line.", report=REPORT | {"faults": faults}
    )
    status = said(view([job(ended=0)], [found]))
    assert (health(status), status.reason) == ("Stalled", "DatasetRowInvalid")
    assert status.faults == ("a.jsonl, line 3: not valid JSON",)
    assert (status.message or "").startswith(
        "it userError. One object a line. Then mend the data and register it again"
    )


def test_memory_that_did_not_do_is_not_blamed_on_an_instance_type() -> None:
    killed = pod(state={"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": ""}}, phase="Failed")
    status = said(view([job(ended=0)], [killed]))
    assert (health(status), status.reason) == ("Stalled", Reason.OOM_KILLED)
    assert "instance type" not in (status.message or "")
    assert (status.message or "").startswith(
        "the inspection of the data exceeded the container's memory limit: register smaller parts."
    )


def test_while_it_waits_the_cluster_s_words_are_shown() -> None:
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    status = said(view([job()], [pod(state=state, phase="Pending")]))
    assert (health(status), status.reason) == ("Reconciling", Reason.IMAGE_PULL_FAILED)
    refused = said(view([job()], []), Beside((Hint("FailedCreate", "exceeded quota"),)))
    assert (refused.reason, refused.message) == (Reason.QUOTA_EXCEEDED, "exceeded quota")


def test_while_it_runs_it_says_so() -> None:
    status = said(view([job()], [pod()]))
    assert (health(status), status.reason) == ("Reconciling", Reason.VALIDATING)
    assert status.job == "questions-x-inspect-1"


def test_what_keeps_the_job_from_being_created_is_shown() -> None:
    blocked = Beside(blocked=Word("Reconciling", Reason.FORBIDDEN, "no right"))
    status = said(view([], []), blocked)
    assert (health(status), status.reason, status.job) == ("Reconciling", Reason.FORBIDDEN, None)


def test_a_judged_dataset_keeps_its_status_as_it_is() -> None:
    first = said(view([job(ended=0)], [ended_pod(report=REPORT)]))
    again = view([], [], status=first.wire(), now=99)
    assert said(again) == first


def test_a_second_look_changes_nothing() -> None:
    first = said(view([job()], [pod()]))
    assert said(view([job()], [pod()], status=first.wire(), now=99)) == first


def test_a_transition_time_changes_with_the_status_only() -> None:
    first = said(view([job()], [pod()]))
    done = said(view([job(ended=0)], [ended_pod(report=REPORT)], status=first.wire(), now=60))
    times = {each.type: each.last_transition_time for each in done.conditions}
    assert times["Ready"] > times["Stalled"]


def test_an_image_that_writes_too_much_breaks_no_status() -> None:
    fault = {"file": "f" * 999, "line": 1, "message": "m" * 9999}
    report: Json = {"rows": 1, "format": "x" * 99, "faults": [fault] * 99, "warnings": ["w" * 9999] * 99}
    found = said(view([job(ended=0)], [ended_pod(64, "userError", message="m" * 9999, report=report)]))
    assert len(found.faults) == len(found.warnings) == 8
    assert len(found.model_dump_json()) < 20_000
    assert DatasetStatus.model_validate(found.wire()) == found


def test_what_is_no_verdict_has_no_findings() -> None:
    assert findings_of("Traceback: boom").rows is None
    assert findings_of('{"report": {"rows": -1}}').rows is None
    assert findings_of("[]").rows is None


def test_the_findings_of_a_pod_that_is_gone_are_those_of_the_data() -> None:
    status = said(view([job(ended=0)], [], gone=(ended_pod(report=REPORT),)))
    assert (health(status), status.rows) == ("Ready", REPORT["rows"])
