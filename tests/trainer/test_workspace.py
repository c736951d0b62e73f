"""What lies on the volume survives kills: the fence, the ledger, the metrics, the finished model."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.trainer.documents import run_document
from trainer.contract.run import Job, Run, parse_run
from trainer.contract.verdict import Verdict
from trainer.failures import Interrupted, UserError
from trainer.workspace.fence import check_fence, check_owner, take_fence
from trainer.workspace.finished import clear_staging, describe, finished_verdict, place_of_training, put_in_place
from trainer.workspace.jsonfile import read_json, write_json
from trainer.workspace.layout import Workspace
from trainer.workspace.ledger import Ledger, read_ledger, write_ledger
from trainer.workspace.metrics import append_metrics, first_loss, read_metrics

JOB = Job("team-a", "support-bot", "uid-1")
OTHER = Job("team-a", "older-bot", "uid-0")
DONE = Verdict(stage="train", attempt=1, result="completed", message="trained 18 of 18 steps")


def test_a_json_file_is_replaced_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert read_json(path) == {"a": 2}
    assert [each.name for each in path.parent.iterdir()] == ["ledger.json"]


def test_threads_that_write_the_same_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"

    def write(seconds: int) -> float:
        write_ledger(path, Ledger(0, seconds, 0, 3600))
        return read_ledger(path, 0).budget_seconds

    with ThreadPoolExecutor(max_workers=4) as threads:
        assert set(threads.map(write, range(1, 400))) == {3600}
    assert [each.name for each in tmp_path.iterdir()] == ["ledger.json"]


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert read_json(path) == {"a": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["ledger.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_json_file_that_makes_no_sense_reads_as_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    assert read_json(tmp_path / "x.json") == {}


def test_an_older_attempt_finds_the_fence_closed(tmp_path: Path) -> None:
    fence = tmp_path / "fence.json"
    take_fence(fence, JOB, 1)
    take_fence(fence, JOB, 1)  # one attempt may have several pods
    take_fence(fence, JOB, 2)
    check_fence(fence, 2)
    with pytest.raises(Interrupted, match="attempt 2 has taken over; attempt 1 ends"):
        check_fence(fence, 1)
    with pytest.raises(Interrupted):
        take_fence(fence, JOB, 1)


def test_a_workspace_of_another_job_is_refused_by_name(tmp_path: Path) -> None:
    take_fence(tmp_path / "fence.json", OTHER, 1)
    with pytest.raises(
        UserError, match="holds the checkpoints and model of another FineTuneJob, team-a/older-bot"
    ) as refused:
        take_fence(tmp_path / "fence.json", JOB, 5)
    assert refused.value.code == "OutputOccupied"


def test_a_workspace_of_a_deleted_job_of_the_same_name_says_so_and_what_to_do(tmp_path: Path) -> None:
    earlier = replace(JOB, uid="0f0f")
    take_fence(tmp_path / "fence.json", earlier, 1)
    with pytest.raises(UserError) as refused:
        check_owner(tmp_path / "fence.json", JOB)
    assert refused.value.message == (
        "the output folder holds the checkpoints and model of an earlier FineTuneJob of the same name,"
        f" {JOB.namespace}/{JOB.name} (uid 0f0f); this one has uid {JOB.uid}"
    )
    assert "another folder in spec.output.uri" in refused.value.advice
    assert "remove" in refused.value.advice


def test_the_ledger_is_read_back_and_starts_at_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    assert read_ledger(path, 0) == Ledger()
    write_ledger(path, Ledger(0, 12.3456, 2.5, 3600))
    assert read_ledger(path, 0) == Ledger(0, 12.346, 2.5, 3600)
    write_json(path, {"trainingSeconds": "many", "budgetSeconds": -1})
    assert read_ledger(path, 0) == Ledger()


def test_a_later_run_counts_from_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    write_json(path, {"trainingSeconds": 3600, "budgetSeconds": 3600})  # as run 0 wrote it before there were others
    assert read_ledger(path, 0).training_seconds == 3600
    assert read_ledger(path, 1) == Ledger(1)
    write_ledger(path, Ledger(1, 5, 1, 60))
    assert read_ledger(path, 1) == Ledger(1, 5, 1, 60)
    assert read_ledger(path, 2) == Ledger(2)


def test_the_first_loss_is_that_of_the_first_step_over_all_attempts(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert first_loss(path) is None
    append_metrics(path, {"attempt": 1, "step": 1}, {"loss": 4.5, "gradNorm": float("nan")})
    append_metrics(path, {"attempt": 2, "step": 1}, {"loss": 3.5})
    assert first_loss(path) == 4.5
    assert first_loss(path, since=2) == 3.5
    assert first_loss(path, since=3) is None
    assert next(read_metrics(path)) == {"attempt": 1, "step": 1, "loss": 4.5}


def test_a_line_that_a_kill_tore_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 4.5}\n{"step": 2, "lo')
    append_metrics(path, {"step": 2}, {"loss": 4.0})
    assert [line["step"] for line in read_metrics(path)] == [1, 2]


def run_of(job: Job, **changes: object) -> Run:
    """A training of a job's."""
    uid = {"job__namespace": job.namespace, "job__name": job.name, "job__uid": job.uid}
    return parse_run(run_document("train", **uid, **changes))


def staged_model(workspace: Workspace) -> Path:
    staging = workspace.staging("train", 1)
    staging.mkdir(parents=True)
    (staging / "b.json").write_text("{}")
    (staging / "a.safetensors").write_bytes(b"abc")
    (staging / "a.safetensors").chmod(0o600)
    return staging


def test_a_model_is_described_with_a_digest_that_anyone_can_check(tmp_path: Path) -> None:
    staging = staged_model(Workspace(tmp_path))
    artifact = describe(staging, "model", "adapter")
    files = {"a.safetensors": b"abc", "b.json": b"{}"}
    lines = sorted(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    assert artifact.digest == f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"
    assert (artifact.files, artifact.bytes) == (("a.safetensors", "b.json"), 5)
    assert (staging / "a.safetensors").stat().st_mode & 0o777 == 0o644


def test_a_finished_model_is_found_again_by_its_own_job_only(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    place = workspace.model_place
    assert finished_verdict(place, JOB) is None
    put_in_place(place, staged_model(workspace), DONE, run_of(JOB))
    assert finished_verdict(place, JOB) == DONE.to_json()
    assert finished_verdict(place, OTHER) is None
    assert read_json(tmp_path / "finished.json")["run"] == 0


def test_each_run_has_a_place_for_its_model_of_its_own(tmp_path: Path) -> None:
    for number, name in ((0, "model"), (2, "model-2"), (11, "model-11")):
        workspace = Workspace(tmp_path, number)
        assert finished_verdict(workspace.model_place, JOB) is None
        put_in_place(workspace.model_place, staged_model(workspace), DONE, run_of(JOB, run=number))
        assert workspace.model == tmp_path / name
        assert workspace.newest_model() == workspace.model
    assert {each.name for each in tmp_path.iterdir()} == {
        *("model", "model-2", "model-11", "finished.json", "finished-2.json", "finished-11.json"),
    }


def test_an_adapter_that_will_be_merged_has_another_place_than_its_model(tmp_path: Path) -> None:
    first, third = Workspace(tmp_path), Workspace(tmp_path, 3)
    assert (first.adapter_place.folder.name, first.adapter_place.record.name) == ("adapter", "finished-adapter.json")
    assert (third.adapter_place.folder.name, third.adapter_place.record.name) == (
        "adapter-3",
        "finished-adapter-3.json",
    )
    run = parse_run(run_document("publish"))
    assert (run.merges, place_of_training(third, run)) == (True, third.adapter_place)
    assert place_of_training(third, parse_run(run_document("train"))) == third.model_place


def test_a_verdict_without_its_model_does_not_count(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_json(workspace.model_place.record, {"jobUid": JOB.uid, "verdict": DONE.to_json()})
    assert finished_verdict(workspace.model_place, JOB) is None


def test_a_model_in_the_way_is_never_overwritten(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    staging = staged_model(workspace)
    workspace.model.mkdir()
    with pytest.raises(UserError, match="was not made by this job"):
        put_in_place(workspace.model_place, staging, DONE, run_of(JOB))


def test_what_earlier_attempts_left_of_a_model_is_removed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    staging = staged_model(workspace)
    clear_staging(workspace)
    assert not staging.exists()
