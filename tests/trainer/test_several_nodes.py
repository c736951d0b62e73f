"""Two pods of one job that share a workspace: they train together, end together, and go on together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.eventually import wait_until
from tests.trainer.documents import CHECKOUT, run_document
from tests.trainer.real_trainer import WITHIN, Attempt, Job, Trainer
from trainer.contract.run import parse_run
from trainer.failures import Broken
from trainer.launch import launches
from trainer.node import Node, node_of

PLACE = {"JOB_COMPLETION_INDEX": "1", "MASTER_ADDR": "job-0.job.team-a.svc", "MASTER_PORT": "29500"}


def test_a_pod_knows_its_place_from_its_environment() -> None:
    run = parse_run(run_document(hardware={"gpus": 0, "nodes": 2, "cpus": 1}))
    assert node_of(run, PLACE) == Node(1, "job-0.job.team-a.svc", 29500)
    assert not node_of(run, PLACE).writes
    assert node_of(run, {**PLACE, "JOB_COMPLETION_INDEX": "0"}).writes


def test_a_job_of_one_node_needs_no_place_and_a_check_never_does() -> None:
    assert node_of(parse_run(run_document()), {}) == Node()
    assert node_of(parse_run(run_document("prepare", hardware={"gpus": 0, "nodes": 2, "cpus": 1})), {}) == Node()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"JOB_COMPLETION_INDEX": ""}, "JOB_COMPLETION_INDEX is '', must be a number from 0 to 1"),
        ({"JOB_COMPLETION_INDEX": "2"}, "JOB_COMPLETION_INDEX is '2', must be a number from 0 to 1"),
        ({"MASTER_ADDR": ""}, "MASTER_ADDR is not set"),
        ({"MASTER_PORT": "http"}, "MASTER_PORT is 'http', must be a number"),
    ],
)
def test_a_pod_that_does_not_know_its_place_says_what_is_missing(changes: Mapping[str, str], expected: str) -> None:
    run = parse_run(run_document(hardware={"gpus": 0, "nodes": 2, "cpus": 1}))
    with pytest.raises(Broken, match="2 nodes are to train") as refused:
        node_of(run, {**PLACE, **changes})
    assert expected in refused.value.message


def test_ranks_count_through_all_nodes() -> None:
    run = parse_run(run_document(hardware={"gpus": 4, "nodes": 2, "cpus": 8}))
    started = launches(run, node_of(run, PLACE), {"HOME": "/tmp"})
    assert [launch.environment["RANK"] for launch in started] == ["4", "5", "6", "7"]
    assert [launch.environment["LOCAL_RANK"] for launch in started] == ["0", "1", "2", "3"]
    shared = {"WORLD_SIZE": "8", "NODE_RANK": "1", "MASTER_PORT": "29500", "OMP_NUM_THREADS": "2", "HOME": "/tmp"}
    assert shared.items() <= started[0].environment.items()


TWO = {"hardware__nodes": 2, "hyperparameters__steps": 60}


def start(pods: list[Job], changes: Mapping[str, object]) -> list[subprocess.Popen[str]]:
    return [pod.start("train", changes) for pod in pods]


def end(pods: list[Job], processes: list[subprocess.Popen[str]]) -> list[Attempt]:
    return [pod.end(process) for pod, process in zip(pods, processes, strict=True)]


@pytest.mark.trainer
@pytest.mark.timeout(4 * WITHIN)
def test_two_nodes_train_what_one_would(job: Job, undisturbed: tuple[Job, Attempt]) -> None:
    pods = job.nodes(2)
    first, second = end(pods, start(pods, TWO))
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert "artifact" in first.verdict
    assert "artifact" not in second.verdict
    alone, verdict = undisturbed[0].losses(), undisturbed[1].verdict
    assert job.losses() == pytest.approx(alone, rel=1e-3)
    assert first.verdict["trainedTokens"] == verdict["trainedTokens"]
    kept = json.loads((job.workspace.verdict("train", 1)).read_text())
    assert kept == first.verdict
    assert len(job.workspace.metrics.read_text().splitlines()) == len(
        undisturbed[0].workspace.metrics.read_text().splitlines()
    )


@pytest.mark.trainer
@pytest.mark.timeout(4 * WITHIN)
@pytest.mark.parametrize("asked", [0, 1])
def test_one_pod_asked_to_end_ends_all_with_one_checkpoint_and_all_go_on(
    job: Job, undisturbed: tuple[Job, Attempt], asked: int
) -> None:
    pods = job.nodes(2)
    processes = start(pods, TWO)
    wait_until(lambda: job.workspace.metrics.exists() and len(job.losses()) >= 5, within=WITHIN)
    processes[asked].send_signal(signal.SIGTERM)
    ended = end(pods, processes)
    for attempt in ended:
        assert (attempt.exit_code, attempt.verdict["code"]) == (75, "Terminated"), attempt.output
    assert ended[0].verdict["step"] == ended[1].verdict["step"]
    markers = list(job.workspace.checkpoints.rglob("COMPLETE.json"))
    assert [json.loads(marker.read_text())["step"] for marker in markers] == [ended[0].verdict["step"]]
    again = end(pods, start(pods, {**TWO, "attempt": 2}))
    assert [attempt.exit_code for attempt in again] == [0, 0], again[0].output + again[1].output
    assert "training starts again after step" in again[1].output
    assert job.losses() == pytest.approx(undisturbed[0].losses(), rel=1e-3)


@pytest.mark.trainer
@pytest.mark.timeout(4 * WITHIN)
@pytest.mark.parametrize("lost", [0, 1])
def test_a_pod_that_loses_another_ends_to_be_tried_again(job: Job, trainer: Trainer, lost: int) -> None:
    if not trainer.shares_loopback:
        pytest.skip("the processes of a container are not this host's to kill")
    pods = job.nodes(2)
    processes = start(pods, TWO)
    wait_until(lambda: job.workspace.metrics.exists() and len(job.losses()) >= 3, within=WITHIN)
    for worker in children(processes[lost].pid):
        os.kill(worker, signal.SIGKILL)
    ended = end(pods, processes)
    assert (ended[lost].exit_code, ended[lost].verdict["code"]) == (137, "Killed"), ended[lost].output
    other = ended[1 - lost]
    assert (other.exit_code, other.verdict["code"]) == (75, "PeerLost"), other.output


def children(pid: int) -> list[int]:
    """The processes that PID 1 of a pod has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_contract_names_the_variables() -> None:
    contract = (CHECKOUT / "trainer-image" / "CONTRACT.md").read_text()
    assert all(f"`{name}`" in contract for name in PLACE)
