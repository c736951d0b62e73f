"""A checkpoint counts when its marker is there and its files are whole; the newest sound one wins."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.trainer.documents import write_safetensors
from trainer.contract.run import Job
from trainer.failures import Interrupted
from trainer.workspace.checkpoints import (
    Checkpoint,
    Retention,
    all_checkpoints,
    best_checkpoints,
    bring_to_disk,
    damage,
    discard_newer,
    mark_complete,
    rotate,
    sound_checkpoints,
)
from trainer.workspace.entries import entries
from trainer.workspace.fence import take_fence
from trainer.workspace.layout import Workspace
from trainer.workspace.marker import Mark, read_mark

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).isoformat()


def write_checkpoint(
    root: Path, attempt: int, step: int, *, complete: bool = True, loss: float | None = None
) -> Checkpoint:
    folder = root / f"attempt-{attempt}" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    write_safetensors(folder / "model.safetensors", {"w": (8, 8)}).chmod(0o600)
    with zipfile.ZipFile(folder / "optimizer.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"x" * 1000)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    checkpoint = Checkpoint(step, attempt, folder)
    if complete:
        bring_to_disk(checkpoint)
        metrics = {"loss": 2.5} if loss is None else {"loss": 2.5, "evalLoss": loss}
        mark = Mark(NOON, run=1, training_seconds=12.5, wasted_seconds=2.5, metrics=metrics)
        mark_complete(checkpoint, mark, root / "fence.json")
    return checkpoint


def test_the_newest_complete_checkpoint_of_any_attempt_comes_first(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1, 90)
    write_checkpoint(tmp_path, 1, 120)
    write_checkpoint(tmp_path, 2, 100)
    write_checkpoint(tmp_path, 2, 130, complete=False)
    assert [(each.step, each.attempt) for each in sound_checkpoints(tmp_path)] == [(120, 1), (100, 2), (90, 1)]


def test_without_checkpoints_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    assert list(sound_checkpoints(tmp_path / "absent")) == []


def test_the_marker_tells_what_was_saved_and_makes_it_readable(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path, 1, 7)
    assert json.loads(checkpoint.marker.read_text())["files"].keys() == {
        "model.safetensors",
        "optimizer.pt",
        "trainer_state.json",
    }
    mark = read_mark(checkpoint.path)
    assert mark == Mark(NOON, run=1, training_seconds=12.5, wasted_seconds=2.5, metrics={"loss": 2.5})
    assert (mark.useful_seconds(run=1), mark.useful_seconds(run=2)) == (10.0, 0.0)
    assert (checkpoint.path / "model.safetensors").stat().st_mode & 0o444 == 0o444


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def scramble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[40:80] = b"\xff" * 40
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "harm", "expected"),
    [
        ("model.safetensors", Path.unlink, "model.safetensors is missing"),
        ("model.safetensors", cut, "model.safetensors has"),
        ("model.safetensors", scramble, "model.safetensors is damaged"),
        ("optimizer.pt", scramble, "optimizer.pt is damaged"),
        ("trainer_state.json", scramble, "trainer_state.json"),
        ("COMPLETE.json", Path.unlink, "never completed"),
        ("COMPLETE.json", cut, "its COMPLETE.json cannot be read"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, file: str, harm: object, expected: str) -> None:
    older, newest = write_checkpoint(tmp_path, 1, 10), write_checkpoint(tmp_path, 1, 20)
    harm(newest.path / file)  # type: ignore[operator]
    assert expected in (damage(newest) or "")
    assert next(sound_checkpoints(tmp_path)) == older


def test_a_checkpoint_does_not_count_whose_attempt_was_taken_over_while_it_was_saved(tmp_path: Path) -> None:
    job, fence = Job("team-a", "support-bot", "uid-1"), tmp_path / "fence.json"
    take_fence(fence, job, 1)
    checkpoint = write_checkpoint(tmp_path, 1, 90, complete=False)
    bring_to_disk(checkpoint)
    take_fence(fence, job, 2)
    with pytest.raises(Interrupted, match="attempt 2 has taken over"):
        mark_complete(checkpoint, Mark(NOON), fence)
    assert not checkpoint.complete


def test_rotation_keeps_the_newest_and_removes_what_others_left_half_written(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        write_checkpoint(tmp_path, 1, step)
    write_checkpoint(tmp_path, 1, 40, complete=False)
    write_checkpoint(tmp_path, 2, 50)
    write_checkpoint(tmp_path, 2, 60, complete=False)
    removed = rotate(tmp_path, Retention(keep_last=2), attempt=2)
    assert sorted(each.step for each in removed) == [10, 20, 40]
    assert [each.step for each in all_checkpoints(tmp_path)] == [60, 50, 30]


def test_the_best_evaluated_checkpoints_are_kept_besides_the_newest(tmp_path: Path) -> None:
    for step, loss in {10: 2.0, 20: 1.5, 30: 1.5, 40: 3.0, 50: 4.0, 60: None}.items():
        write_checkpoint(tmp_path, 1, step, loss=loss)
    assert [each.step for each in best_checkpoints(tmp_path, 3)] == [20, 30, 10]
    removed = rotate(tmp_path, Retention(keep_last=2, keep_best=1), attempt=1)
    assert sorted(each.step for each in removed) == [10, 30, 40]


def test_after_falling_back_the_new_checkpoints_are_kept_and_the_damaged_ones_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (40, 190, 200):
        write_checkpoint(tmp_path, 1, step)
    for step in (190, 200):
        cut(tmp_path / "attempt-1" / f"checkpoint-{step}" / "model.safetensors")
    from_here = next(sound_checkpoints(tmp_path))
    discard_newer(tmp_path, from_here.step)
    said = capsys.readouterr().out
    assert "checkpoint 200 of attempt 1 is removed: model.safetensors has" in said
    write_checkpoint(tmp_path, 2, 50)
    rotate(tmp_path, Retention(keep_last=2), attempt=2)
    assert [each.step for each in sound_checkpoints(tmp_path)] == [50, 40]


@pytest.mark.parametrize("file", ["COMPLETE.json", "trainer_state.json"])
def test_a_volume_that_cannot_be_read_says_nothing_about_the_checkpoint(tmp_path: Path, file: str) -> None:
    checkpoint = write_checkpoint(tmp_path, 1, 10)
    marker = json.loads(checkpoint.marker.read_text())
    checkpoint.marker.write_text(json.dumps(marker | {"files": {"trainer_state.json": 0}}))
    (checkpoint.path / file).unlink()
    (checkpoint.path / file).symlink_to("/proc/self/mem")  # reading its first byte is an input/output error
    with pytest.raises(OSError, match="Input/output error"):
        damage(checkpoint)


def test_checkpoints_before_a_start_from_scratch_count_for_nothing_and_go_with_the_first_one_after_it(
    tmp_path: Path,
) -> None:
    for step in (300, 400):
        write_checkpoint(tmp_path, 2, step, loss=0.1)
    write_checkpoint(tmp_path, 2, 500, complete=False)
    assert list(sound_checkpoints(tmp_path, since=3)) == []
    new = write_checkpoint(tmp_path, 3, 10, loss=4.0)
    assert best_checkpoints(tmp_path, 1, since=3) == [new]
    removed = rotate(tmp_path, Retention(keep_last=2, keep_best=1, since=3), attempt=3)
    assert sorted(each.step for each in removed) == [300, 400, 500]
    assert all_checkpoints(tmp_path) == [new]


def test_a_newer_attempts_half_written_checkpoint_is_left_alone(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 3, 20, complete=False)
    write_checkpoint(tmp_path, 2, 10)
    assert rotate(tmp_path, Retention(keep_last=2), attempt=2) == []


def test_the_newest_checkpoints_and_the_best_are_listed_oldest_first(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for step in range(10, 130, 10):
        write_checkpoint(workspace.checkpoints, 1, step, loss=1.5 if step == 20 else 2.0)
    write_checkpoint(workspace.checkpoints, 2, 130, complete=False)
    listed = entries(workspace, since=1)
    assert [each.step for each in listed] == [20, *range(60, 130, 10)]
    assert listed[0].to_json() == {
        "step": 20,
        "attempt": 1,
        "path": "checkpoints/attempt-1/checkpoint-20",
        "time": NOON,
        "trainingSeconds": 12.5,
        "metrics": {"loss": 2.5, "evalLoss": 1.5},
    }
    assert entries(workspace, since=2) == ()
