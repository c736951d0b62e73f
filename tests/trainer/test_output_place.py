"""Where the finished model is to go must be free before anything is trained, and what goes there must be durable."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.trainer.documents import write_model
from tests.trainer.test_workspace import DONE, JOB, OTHER, run_of, staged_model
from trainer.contract.run import Job, Run
from trainer.contract.verdict import Verdict
from trainer.failures import UserError
from trainer.training.interruption import Interruption
from trainer.training.session import in_charge, open_course
from trainer.workspace.finished import check_free, put_in_place
from trainer.workspace.layout import Workspace


def run_in(workspace: Path, job: Job = JOB, **changes: object) -> Run:
    return run_of(job, paths__workspace=str(workspace), **changes)


def refusal(workspace: Path, run: Run) -> UserError:
    with pytest.raises(UserError) as refused:
        check_free(Workspace(workspace), run)
    assert (refused.value.code, refused.value.param) == ("OutputOccupied", "spec.output")
    return refused.value


def test_an_empty_workspace_and_ones_own_finished_model_are_fine(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    check_free(workspace, run_in(tmp_path))
    put_in_place(workspace.model_place, staged_model(workspace), DONE, run_of(JOB))
    check_free(workspace, run_in(tmp_path))
    assert "which already holds a.safetensors, b.json" in refusal(tmp_path, run_in(tmp_path, OTHER)).message


def test_what_lies_in_the_way_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for number in range(7):
        (tmp_path / "model" / f"part-{number}").touch()
    refused = refusal(tmp_path, run_in(tmp_path))
    assert refused.message == (
        "the finished model is to become model/ on the output volume, which already holds part-0, part-1, part-2, part-3,"
        " part-4 and 2 more and was not made by this job"
    )
    assert "move model/ away" in refused.advice


def test_a_file_or_a_dead_link_is_in_the_way_too(tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to(tmp_path / "nowhere")
    assert "already is there" in refusal(tmp_path, run_in(tmp_path)).message
    (tmp_path / "model").unlink()
    (tmp_path / "model").write_text("a file")
    assert "already is there" in refusal(tmp_path, run_in(tmp_path)).message


def test_a_model_that_is_trained_onto_itself_is_told_so(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    run = run_in(tmp_path, model__name="pvc://c/model", model__path=str(tmp_path / "model"))
    assert refusal(tmp_path, run).message.endswith("it is pvc://c/model, the model that this job starts from")


def test_a_training_is_refused_before_it_claims_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    run, workspace = run_in(tmp_path), Workspace(tmp_path)
    course = open_course(run, workspace, Interruption(lambda: None))
    with pytest.raises(UserError, match="not made by this job"), in_charge(run, workspace, course, {}):
        pytest.fail("it was let in")
    assert not workspace.fence.exists()


def test_a_model_is_on_the_disk_before_it_is_put_in_place(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    staging = staged_model(workspace)
    seen: list[str] = []
    watching = [True]

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in {"open", "os.rename"} and isinstance(arguments[0], str | os.PathLike):
            path = Path(arguments[0])
            if path.is_relative_to(tmp_path):
                opened = event == "open" and arguments[1] is None  # by os.open, which is how files are synced
                seen.extend(
                    [path.name] if opened else [f"rename {path.name.partition('.json')[0]}"] * (event != "open")
                )

    sys.addaudithook(note)
    put_in_place(workspace.model_place, staging, DONE, run_of(JOB))
    watching.clear()
    assert set(seen[:3]) == {"a.safetensors", "b.json", staging.name}
    assert seen[3:] == ["rename .finished", tmp_path.name, f"rename {staging.name}", tmp_path.name]


def test_a_place_that_was_taken_meanwhile_is_left_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    staging = staged_model(workspace)
    workspace.model.mkdir()
    verdict = Verdict(stage="train", attempt=1, result="completed", message="trained")
    with pytest.raises(UserError, match="was not made by this job"):
        put_in_place(workspace.model_place, staging, verdict, run_of(JOB))
    assert not workspace.model_place.record.exists()


def test_a_later_run_does_not_mind_the_models_of_earlier_ones(tmp_path: Path) -> None:
    put_in_place(Workspace(tmp_path).model_place, staged_model(Workspace(tmp_path)), DONE, run_of(JOB))
    check_free(Workspace(tmp_path, 1), run_in(tmp_path, run=1))
    (tmp_path / "model-1").mkdir()
    with pytest.raises(UserError, match="is to become model-1/ on the output volume"):
        check_free(Workspace(tmp_path, 1), run_in(tmp_path, run=1))


@pytest.mark.parametrize("name", ["adapter", "model"])
def test_both_places_of_a_model_that_is_merged_must_be_free(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=f"is to become {name}/ on the output volume"):
        check_free(Workspace(tmp_path), run_in(tmp_path, output={"merge": "merged"}))
