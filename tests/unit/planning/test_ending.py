"""How an attempt ended: every exit code and disruption has its class, and the order of the rungs is frozen."""

from __future__ import annotations

import copy
import json
from typing import NamedTuple

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.api.names import STAGE_LABEL
from finetune_operator.api.status import Outcome
from finetune_operator.planning.ending import Ending, ending_of, parse_verdict
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.observing import observe
from tests.unit.planning.scene import at, ended_pod, of_node, pod, stage_job, stamp, verdict

DISRUPTED = [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "preempted"}]


def end(*pods: Json) -> Ending:
    """How a Job with these pods ended."""
    stage = pods[0]["metadata"]["labels"][STAGE_LABEL] if pods else "train"
    return ending_of(observe([stage_job(stage, ended="Failed")], pods, Beside()).jobs[0])


def limited(memory: str, body: Json) -> Json:
    """The same pod with a memory limit."""
    body["spec"]["containers"] = [{"name": "trainer", "resources": {"limits": {"memory": memory}}}]
    return body


class Case(NamedTuple):
    """A pod, and how its attempt ended."""

    pod: Json
    outcome: Outcome
    reason: Reason
    message: str


CASES = {
    "exit 0 and the word completed": Case(
        ended_pod(message=verdict("completed")), "Succeeded", Reason.COMPLETED, "it completed"
    ),
    "exit 0 and the word deadline": Case(
        ended_pod(message=verdict("deadline")), "Succeeded", Reason.HOURS_EXHAUSTED, "it deadline"
    ),
    "exit 0 and the word stopped": Case(
        ended_pod(message=verdict("stopped")), "Succeeded", Reason.STOPPED, "it stopped"
    ),
    "the fuse of PID 1, which no retry mends": Case(
        ended_pod(code=1, message=verdict("failed", code="DeadlineExceeded")),
        "UserError",
        Reason.DEADLINE_EXCEEDED,
        "it failed",
    ),
    "a verdict with a number that no status can hold": Case(
        ended_pod(message=verdict("completed", trainingSeconds=1e36)),
        "Error",
        Reason.ERROR,
        "exit code 0 without a verdict: the image does not keep the trainer contract",
    ),
    "exit 0 without a word": Case(
        ended_pod(), "Error", Reason.ERROR, "exit code 0 without a verdict: the image does not keep the trainer contract"
    ),
    "exit 0 and a word that contradicts it": Case(
        ended_pod(message=verdict("failed")), "Error", Reason.ERROR, "it failed"
    ),
    "a user error with a verdict": Case(
        ended_pod(code=64, message=verdict("userError")), "UserError", Reason.USER_ERROR, "it userError"
    ),
    "a user error without one": Case(
        ended_pod(code=64, message="Traceback\nValueError: no rows\n"),
        "UserError",
        Reason.USER_ERROR,
        "exit code 64 (Error): ValueError: no rows",
    ),
    "a deadline that the trainer did not keep": Case(
        ended_pod(code=1, message=verdict("failed", code="DeadlineExceeded")),
        "UserError",
        Reason.DEADLINE_EXCEEDED,
        "it failed",
    ),
    "GPU memory exhausted": Case(
        ended_pod(code=66, message=verdict("outOfMemory")), "UserError", Reason.OUT_OF_MEMORY, "it outOfMemory"
    ),
    "an attempt that asks to be started again": Case(
        ended_pod(code=75, message=verdict("retry")), "Platform", Reason.NODE_FAILURE, "it retry"
    ),
    "SIGTERM that nobody handled": Case(
        ended_pod(code=143), "Platform", Reason.NODE_FAILURE, "exit code 143 (Error)"
    ),
    "SIGKILL for host memory": Case(
        ended_pod(code=137, reason="OOMKilled"),
        "UserError",
        Reason.OOM_KILLED,
        "the training exceeded the container's memory limit",
    ),
    "SIGKILL for host memory, with the number": Case(
        limited("4Gi", ended_pod(code=137, reason="OOMKilled")),
        "UserError",
        Reason.OOM_KILLED,
        "the training exceeded the container's memory limit, which is 4Gi",
    ),
    "the same while the data is checked": Case(
        limited("4Gi", ended_pod("prepare", code=137, reason="OOMKilled")),
        "UserError",
        Reason.OOM_KILLED,
        "the check of model and data exceeded the container's memory limit, which is 4Gi",
    ),
    "a process killed for host memory while the container lived on": Case(
        limited("4Gi", ended_pod(code=137, message=verdict("failed", code="HostOutOfMemory"))),
        "UserError",
        Reason.OOM_KILLED,
        "the training exceeded the container's memory limit, which is 4Gi",
    ),
    "SIGKILL by somebody else": Case(ended_pod(code=137), "Error", Reason.ERROR, "exit code 137 (Error)"),
    "a full shared memory": Case(
        ended_pod(code=135),
        "UserError",
        Reason.LIMIT_EXCEEDED,
        "bus error (exit code 135): /dev/shm, the instance type's sharedMemory, is full",
    ),
    "an entrypoint that does not exist": Case(
        ended_pod(code=128, reason="StartError", message="exec: no such file"),
        "UserError",
        Reason.CONTAINER_NOT_STARTED,
        "exit code 128 (StartError): exec: no such file",
    ),
    "preemption": Case(ended_pod(code=143, conditions=DISRUPTED), "Platform", Reason.NODE_FAILURE, "preempted"),
    "eviction by a node under pressure": Case(
        ended_pod(code=137, conditions=DISRUPTED),
        "Platform",
        Reason.NODE_FAILURE,
        "preempted",
    ),
    "eviction for a limit of its own": Case(
        pod(phase="Failed", reason="Evicted", message="Pod ephemeral local storage usage exceeds 1Gi."),
        "UserError",
        Reason.LIMIT_EXCEEDED,
        "evicted for a limit of its own: Pod ephemeral local storage usage exceeds 1Gi.",
    ),
    "a container that the node lost": Case(
        ended_pod(code=137, reason="ContainerStatusUnknown"),
        "Platform",
        Reason.NODE_FAILURE,
        "the node lost the container",
    ),
    "a pod that was failed before it ran": Case(
        pod(phase="Failed", reason="NodeLost", message="Node is gone"), "Platform", Reason.NODE_FAILURE, "Node is gone"
    ),
    "any other code": Case(
        ended_pod(code=1, message="boom\n"), "Error", Reason.ERROR, "exit code 1 (Error): boom"
    ),
    "any other code with a verdict": Case(
        ended_pod(code=1, message=verdict("failed")), "Error", Reason.ERROR, "it failed"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_class_of(case: Case) -> None:
    ending = end(case.pod)
    assert (ending.outcome, ending.reason, ending.message) == case[1:]


def test_a_pod_that_is_gone_took_its_verdict_with_it() -> None:
    ending = end()
    assert (ending.outcome, ending.reason) == ("Platform", Reason.JOB_VANISHED)
    assert "was deleted before its verdict was read" in ending.message


def test_a_process_killed_for_memory_keeps_the_trainers_advice() -> None:
    word = verdict("failed", code="HostOutOfMemory", param="spec.instanceType", advice="Choose more memory.")
    ending = end(ended_pod(code=137, message=word))
    assert ending.verdict is not None
    assert (ending.verdict.param, ending.verdict.advice) == ("spec.instanceType", "Choose more memory.")


def test_a_pod_that_is_gone_and_was_heard_is_no_loss() -> None:
    job = stage_job(ended="Failed")
    gone = ended_pod(code=64, message=verdict("userError", param="spec.model.name"))
    ending = ending_of(observe([job], [], Beside(departed=(gone,))).jobs[0])
    assert (ending.outcome, ending.reason, ending.exit_code) == ("UserError", Reason.USER_ERROR, 64)
    assert ending.verdict is not None
    assert ending.verdict.param == "spec.model.name"


def test_a_pod_that_somebody_deleted_says_so_and_what_it_did() -> None:
    ending = end(told_to_end(ended_pod(code=75, message=verdict("retry", step=434))))
    assert (ending.outcome, ending.reason) == ("Platform", Reason.JOB_VANISHED)
    assert ending.message == "the pod was deleted: it retry"
    assert ending.verdict is not None
    assert ending.verdict.step == 434


def test_a_pod_that_was_drained_was_not_deleted_by_somebody() -> None:
    assert end(told_to_end(ended_pod(code=75, conditions=DISRUPTED))).reason == Reason.NODE_FAILURE


def test_an_unnamed_failure_names_the_pod() -> None:
    assert "ended without running" in end(pod(phase="Failed")).message


def test_the_newest_pod_is_the_attempts_fate() -> None:
    older = ended_pod(code=64)
    older["metadata"] |= {"name": "older", "creationTimestamp": "2026-11-21T11:00:00Z"}
    assert end(older, ended_pod(code=1)).outcome == "Error"


def test_an_ending_knows_node_exit_code_and_verdict() -> None:
    ending = end(ended_pod(code=64, message=verdict("userError", param="spec.datasets[0].uri")))
    assert (ending.node, ending.exit_code) == ("node-0", 64)
    assert ending.verdict is not None
    assert ending.verdict.param == "spec.datasets[0].uri"


# Each row satisfies its own rung and all later ones as far as one pod can: what comes out is the earlier.
EVICTED: Json = {"reason": "Evicted"}
RUNGS = {
    "success beats disruption": (
        ended_pod(message=verdict("completed"), conditions=DISRUPTED),
        Reason.COMPLETED,
    ),
    "success beats a child that was killed for memory": (
        ended_pod(message=verdict("completed"), reason="OOMKilled"),
        Reason.COMPLETED,
    ),
    "disruption beats eviction": (
        pod(phase="Failed", reason="Evicted", conditions=DISRUPTED),
        Reason.NODE_FAILURE,
    ),
    "disruption beats a user error": (ended_pod(code=64, conditions=DISRUPTED), Reason.NODE_FAILURE),
    "disruption beats memory": (ended_pod(code=137, reason="OOMKilled", conditions=DISRUPTED), Reason.NODE_FAILURE),
    "eviction beats a lost container": (
        _evicted := ended_pod(code=137, reason="ContainerStatusUnknown"),
        Reason.LIMIT_EXCEEDED,
    ),
    "eviction beats the answer to its SIGTERM": (
        _retrying := ended_pod(code=75, message=verdict("retry")),
        Reason.LIMIT_EXCEEDED,
    ),
    "a user error beats memory": (ended_pod(code=64, reason="OOMKilled"), Reason.USER_ERROR),
    "disruption beats a process killed for memory": (
        ended_pod(code=137, message=verdict("failed", code="HostOutOfMemory"), conditions=DISRUPTED),
        Reason.NODE_FAILURE,
    ),
    "memory beats the code of SIGKILL": (ended_pod(code=137, reason="OOMKilled"), Reason.OOM_KILLED),
}
for _body in (_evicted, _retrying):
    _body["status"] |= EVICTED


@pytest.mark.parametrize(("body", "reason"), RUNGS.values(), ids=RUNGS)
def test_the_order_of_the_rungs(body: Json, reason: Reason) -> None:
    assert end(body).reason == reason


def told_to_end(body: Json) -> Json:
    """A pod that somebody deleted."""
    body["metadata"]["deletionTimestamp"] = stamp(at(5))
    return body


RETRY: Json = {"code": 75, "message": verdict("retry", step=12, training_seconds=40.0)}
PEER_LOST: Json = {"code": 75, "message": verdict("retry", code="PeerLost", step=12, training_seconds=40.0)}
OOM: Json = {"code": 137, "reason": "OOMKilled"}
NODES: dict[str, tuple[list[Json], Outcome, Reason]] = {
    "all succeed": (
        [ended_pod(message=verdict("completed")), ended_pod(message=verdict("completed"))],
        "Succeeded",
        Reason.COMPLETED,
    ),
    "the first succeeds and another breaks when all is done": (
        [ended_pod(message=verdict("completed")), ended_pod(code=1)],
        "Succeeded",
        Reason.COMPLETED,
    ),
    "the first breaks when the others are done": (
        [ended_pod(code=1, message="boom"), ended_pod(message=verdict("completed"))],
        "Error",
        Reason.ERROR,
    ),
    "another is out of memory and the first loses it": ([ended_pod(**PEER_LOST), ended_pod(**OOM)], "UserError", Reason.OOM_KILLED),
    "another is out of memory and the first is ended by the Job controller": (
        [told_to_end(ended_pod(**RETRY)), ended_pod(**OOM)],
        "UserError",
        Reason.OOM_KILLED,
    ),
    "another is out of memory and an image without a contract breaks": (
        [ended_pod(code=1), ended_pod(**OOM)],
        "UserError",
        Reason.OOM_KILLED,
    ),
    "the first refuses the data and the others lose it": (
        [ended_pod(code=64, message=verdict("userError")), ended_pod(**PEER_LOST)],
        "UserError",
        Reason.USER_ERROR,
    ),
    "a node is drained and all save together": (
        [ended_pod(**RETRY), ended_pod(code=75, message=verdict("retry"), conditions=DISRUPTED)],
        "Platform",
        Reason.NODE_FAILURE,
    ),
    "a node is lost and the first breaks for it": (
        [ended_pod(code=1), ended_pod(code=137, conditions=DISRUPTED)],
        "Platform",
        Reason.NODE_FAILURE,
    ),
    "each loses the other": ([ended_pod(**PEER_LOST), ended_pod(**PEER_LOST)], "Platform", Reason.NODE_FAILURE),
    "the others succeed and the first is gone": (
        [{}, ended_pod(message=verdict("completed"))],
        "Platform",
        Reason.JOB_VANISHED,
    ),
    "another breaks and the first is gone": ([{}, ended_pod(code=1, message="boom")], "Error", Reason.ERROR),
}  # fmt: skip


class TestSeveralNodes:
    """One of several pods decides: the first, unless it only followed another."""

    @pytest.mark.parametrize(("pods", "outcome", "reason"), NODES.values(), ids=NODES)
    def test_an_attempt_ends_so_when(self, pods: list[Json], outcome: Outcome, reason: Reason) -> None:
        ending = end(*(of_node(index, copy.deepcopy(body)) for index, body in enumerate(pods) if body))
        assert (ending.outcome, ending.reason) == (outcome, reason)

    def test_the_words_are_those_of_the_pod_that_ended_first_and_the_numbers_those_of_the_first_node(self) -> None:
        refusal = verdict("userError", code="BadRow", param="spec.datasets[0].uri", lines=["x"])
        ending = end(of_node(0, ended_pod(**PEER_LOST)), of_node(1, ended_pod(code=64, message=refusal)))
        assert ending.verdict is not None
        assert (ending.verdict.code, ending.verdict.param, ending.verdict.lines) == (
            "BadRow",
            "spec.datasets[0].uri",
            ("x",),
        )
        assert (ending.verdict.step, ending.verdict.training_seconds) == (12, 40.0)
        assert ending.message.endswith("-1: it userError")

    def test_a_pod_without_a_verdict_borrows_no_words(self) -> None:
        ending = end(of_node(0, ended_pod(**PEER_LOST)), of_node(1, ended_pod(**OOM)))
        assert ending.verdict is not None
        assert (ending.verdict.code, ending.verdict.step, ending.exit_code) == (None, 12, 137)

    def test_the_node_that_is_told_is_that_of_index_0(self) -> None:
        first, second = of_node(0, ended_pod(**PEER_LOST)), of_node(1, ended_pod(**OOM))
        second["spec"]["nodeName"] = "node-1"
        assert end(first, second).node == "node-0"


class TestVerdicts:
    @pytest.mark.parametrize(
        "text",
        ["", "Killed", "{}", "[]", '{"contractVersion": 2}', verdict("completed")[:-1], verdict("victory")],
        ids=["nothing", "a log line", "an empty object", "a list", "another version", "a cut one", "a strange result"],
    )
    def test_what_is_no_verdict_is_none(self, text: str) -> None:
        assert parse_verdict(text) is None

    def test_unknown_keys_are_ignored(self) -> None:
        assert parse_verdict(verdict("completed", novelty=[1])) is not None

    def test_metrics_that_no_json_can_hold_are_dropped_and_the_rest_is_kept(self) -> None:
        text = verdict("completed", metrics={"loss": float("nan"), "lr": 0.1, "norm": float("inf"), "word": "x"})
        read = parse_verdict(text)
        assert read is not None
        assert read.metrics == {"lr": 0.1}

    def test_a_place_that_no_json_can_hold_is_no_verdict(self) -> None:
        assert parse_verdict(verdict("completed", training_seconds=float("inf"))) is None

    @pytest.mark.parametrize("field", ["step", "total_steps", "trained_tokens", "training_seconds", "epoch"])
    @pytest.mark.parametrize("value", [-1, 2**70])
    def test_a_count_that_no_status_can_hold_is_no_verdict(self, field: str, value: int) -> None:
        given: Json = {field: value}
        assert parse_verdict(verdict("completed", **given)) is None

    def test_a_boundless_verdict_is_cut_to_what_a_status_holds(self) -> None:
        artifact = {"path": "m", "kind": "model", "files": ["f" * 999] * 99, "bytes": 1, "digest": "d" * 99}
        text = json.dumps(
            json.loads(verdict("failed", artifact=artifact, metrics={f"{n:099}": n for n in range(99)}))
            | {"message": "m" * 9999, "code": "c" * 99, "param": "p" * 999, "advice": "a" * 9999, "lines": ["l" * 999] * 99}
        )  # fmt: skip
        read = parse_verdict(text)
        assert read is not None
        assert read.artifact is not None
        assert [len(part or "") for part in (read.message, read.code, read.param, read.advice)] == [1024, 64, 253, 1024]
        assert (len(read.lines), len(read.lines[0])) == (8, 256)
        assert (len(read.artifact.files), len(read.artifact.files[0]), len(read.artifact.digest)) == (32, 253, 80)
        assert len(read.metrics) <= 64
