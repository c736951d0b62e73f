"""The checkpoints in the status: what was last reported, and nothing that is gone."""

from __future__ import annotations

from finetune_operator.api.course import CheckpointRecord
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.checkpoints import checkpoints_of
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.outcome import workspace_uri
from finetune_operator.planning.progress import Checkpoint
from tests.unit.planning.scene import NOW, a_job, pushed, scene

HELD = (CheckpointRecord(step=100, attempt=1, uri="pvc://c/checkpoints/100"),)


def test_each_lies_in_the_workspace() -> None:
    job = a_job()
    told = Checkpoint(120, 2, "checkpoints/attempt-2/120", NOW, 60.5, {"loss": 0.5})
    assert checkpoints_of(scene(job, beside=pushed(step=121, checkpoints=(told,)))) == (
        CheckpointRecord(
            step=120,
            attempt=2,
            uri=f"{workspace_uri(job)}/checkpoints/attempt-2/120",
            time=NOW,
            training_seconds=60.5,
            metrics={"loss": 0.5},
        ),
    )


def test_what_rotation_removed_goes_with_the_next_report() -> None:
    job = a_job(status=FineTuneJobStatus(checkpoints=HELD))
    told = (Checkpoint(200, 1, "checkpoints/200"),)
    assert [each.step for each in checkpoints_of(scene(job, beside=pushed(step=201, checkpoints=told)))] == [200]
    assert checkpoints_of(scene(job, beside=pushed(step=201, checkpoints=()))) == ()


def test_without_a_report_that_tells_of_them_they_stay() -> None:
    job = a_job(status=FineTuneJobStatus(checkpoints=HELD))
    for beside in (Beside(), pushed(step=1)):
        assert checkpoints_of(scene(job, beside=beside)) == HELD


def test_one_whose_place_is_too_long_to_be_named_is_left_out() -> None:
    job = a_job({"output": {"uri": f"pvc://models/{'x' * 300}"}})
    told = (Checkpoint(1, 1, "c/" + "y" * 240), Checkpoint(2, 1, "c/2"))
    assert [each.step for each in checkpoints_of(scene(job, beside=pushed(step=3, checkpoints=told)))] == [2]
