"""Two pods of one job that share a workspace: they train together, end together, and go on together."""

from __future__ import annotations

import array
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping

import pytest

from tests.support.eventually import wait_until
from tests.trainer.documents import CHECKOUT, run_document
from tests.trainer.real_trainer import WITHIN, Attempt, Job, Trainer, children
from trainer.contract.run import parse_run
from trainer.environment import worker_environment
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
@pytest.mark.exhaustive  # tests/e2e/test_nodes.py has the same with pods
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


FULL = {"hyperparameters__lora": {"enabled": False}}
SHORT = {
    "hyperparameters__steps": 12,
    "checkpoints__everySteps": 4,
    "checkpoints__keepLast": 3,
    "hardware__microBatchSize": 2,
}


@pytest.mark.trainer
@pytest.mark.timeout(6 * WITHIN)
@pytest.mark.parametrize(
    "method", [pytest.param({}, id="LoRA", marks=pytest.mark.exhaustive), pytest.param(FULL, id="full")]
)
def test_any_number_of_processes_goes_on_from_the_checkpoints_of_another(
    job: Job, method: Mapping[str, object]
) -> None:
    changes = {**SHORT, **method}
    alone = job.attempt("train", changes)
    assert alone.exit_code == 0, alone.output
    expected, losses, names = weights(job), job.losses(), files(job)
    for attempt, nodes, step in ((2, 2, 4), (3, 1, 8)):
        go_back(job, attempt - 1, step)
        pods = job.nodes(nodes) if nodes > 1 else [job]
        ended = end(pods, start(pods, {**changes, "attempt": attempt, "hardware__nodes": nodes}))
        assert [each.exit_code for each in ended] == [0] * nodes, ended[0].output
        assert f"training starts again after step {step}" in ended[0].output
        assert job.losses() == pytest.approx(losses, rel=1e-5)
        assert weights(job) == pytest.approx(expected, abs=1e-5)
        assert files(job) == names


@pytest.mark.trainer
@pytest.mark.timeout(6 * WITHIN)
def test_processes_of_one_node_share_a_model_that_only_the_first_has_read(job: Job) -> None:
    alone = job.attempt("train", {**SHORT, **FULL})
    assert alone.exit_code == 0, alone.output
    expected, losses = weights(job), job.losses()
    for left in job.workspace.root.iterdir():  # the folder itself is the trainer's to write to, whoever it runs as
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    ended = workers_of_one_node(job, {**SHORT, **FULL, "hardware__nodes": 2})
    assert [code for code, _ in ended] == [0, 0], ended
    shares = [re.search(r"share (\d+) weights; this one holds (\d+)", output) for _, output in ended]
    held = [int(share.group(2)) for share in shares if share]
    assert sum(held) == int(shares[0].group(1))  # type: ignore[union-attr]
    assert max(held) < 0.51 * sum(held)
    assert job.losses() == pytest.approx(losses, rel=1e-5)
    assert weights(job) == pytest.approx(expected, abs=1e-5)
    # It can be loaded, and answers.
    answers = json.loads(job.trainer.run("trainer.ask", job.folder, "--model", str(job.workspace.model), "Hello?"))
    assert answers[0]["base"]


def workers_of_one_node(job: Job, changes: Mapping[str, object]) -> list[tuple[int, str]]:
    """Exit codes and outputs of two processes as PID 1 starts them on a node with two GPUs, which there need not be."""
    pods = job.nodes(2)
    for rank, pod in enumerate(pods):
        place = json.loads((pod.folder / "place.json").read_text())
        seat = {"WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)}
        variables = worker_environment(place, 1.0, pod.folder)
        (pod.folder / "place.json").write_text(json.dumps({**variables, **seat}))
        (pod.folder / "run.json").write_text(json.dumps(job.document("train", **changes)))
    processes = [pod.trainer.start("trainer.worker", pod.folder) for pod in pods]
    outputs = [process.communicate(timeout=WITHIN)[0] for process in processes]
    return [(process.returncode, output) for process, output in zip(processes, outputs, strict=True)]


def go_back(job: Job, attempt: int, step: int) -> None:
    """Leave a finished job with that attempt's checkpoint of that step alone."""
    shutil.rmtree(job.workspace.model)
    kept = job.workspace.attempt_checkpoints(attempt) / f"checkpoint-{step}"
    for folder in job.workspace.checkpoints.glob("*/checkpoint-*"):
        if folder != kept:
            shutil.rmtree(folder)


def files(job: Job) -> set[str]:
    """Names of the finished model's files."""
    return {path.name for path in job.workspace.model.iterdir()}


def weights(job: Job) -> dict[str, float]:
    """Of each tensor of the finished model the largest number and the mean."""
    content = next(job.workspace.model.glob("*.safetensors")).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    found: dict[str, float] = {}
    for name, tensor in json.loads(content[8:start]).items():
        if name == "__metadata__":
            continue
        assert tensor["dtype"] == "F32"
        first, end = tensor["data_offsets"]
        numbers = array.array("f", content[start + first : start + end])
        found |= {f"{name} largest": max(map(abs, numbers)), f"{name} mean": sum(numbers) / len(numbers)}
    return found


def test_the_contract_names_the_variables() -> None:
    contract = (CHECKOUT / "trainer-image" / "CONTRACT.md").read_text()
    assert all(f"`{name}`" in contract for name in PLACE)
