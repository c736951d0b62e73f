"""Reward models, files of progress and annotations that are given: judged by their files alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer.documents import Json, write_safetensors
from trainer.failures import UserError
from trainer.rewards.annotations import check_annotations
from trainer.rewards.model_folder import RewardModel, check_head, check_robot, read_reward_model
from trainer.rewards.progress_file import Progress, check_missing, check_progress, find_progress

LENGTHS = (3, 2)
ROWS: dict[str, Sequence[object]] = {
    "index": [0, 1, 2, 3, 4],
    "episode_index": [0, 0, 0, 1, 1],
    "frame_index": [0, 1, 2, 0, 1],
    "progress_sparse": [0.0, 0.5, 1.0, 0.0, 1.0],
}


def progress(folder: Path, **columns: Sequence[object] | None) -> Path:
    """A file of progress of two episodes, with some columns changed; None: left out."""
    table = {name: values for name, values in {**ROWS, **columns}.items() if values is not None}
    pq.write_table(pa.table(table), folder / "progress.parquet")
    return folder / "progress.parquet"


def test_a_file_that_fits_tells_its_heads(tmp_path: Path) -> None:
    assert check_progress(progress(tmp_path), "sparse", LENGTHS) == Progress(5, {"sparse": 0.0})
    both = progress(tmp_path, progress_dense=[0.0, 0.5, None, float("nan"), 1.0])
    found = check_progress(both, "both", LENGTHS)
    assert found.heads == ("sparse", "dense")
    assert found.missing["dense"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("columns", "head_mode", "words"),
    [
        ({}, "dense", "has no column progress_dense. Did you mean 'progress_sparse'"),
        ({"progress_sparse": None, "progress": [0.0] * 5}, "sparse", "has no column progress_sparse"),
        ({"episode_index": None}, "sparse", "has no column episode_index"),
        (
            {name: values[:4] for name, values in ROWS.items()},
            "sparse",
            "has 4 rows, and the dataset has 5 frames in 2",
        ),
        (
            {"episode_index": [0, 0, 1, 1, 1]},
            "sparse",
            "index 2: the dataset has it in episode 0, the file has episode 1",
        ),
        ({"index": [0, 1, 2, 3, 9]}, "sparse", "index 4: the dataset has it in episode 1, the file has no row of it"),
        ({"progress_sparse": [0.0, 50.0, 100.0, 0.0, 1.0]}, "sparse", "holds 50; progress is from 0 to 1"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, columns: dict[str, Sequence[object] | None], head_mode: str, words: str
) -> None:
    with pytest.raises(UserError, match=words) as refused:
        check_progress(progress(tmp_path, **columns), head_mode, LENGTHS)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.param) == ("ProgressInvalid", "spec.reward.progressUri")
    assert refused.value.advice


def test_a_file_that_is_no_parquet_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"torn.parquet cannot be read as parquet"):
        check_progress(tmp_path / "torn.parquet", "sparse", LENGTHS)
    with pytest.raises(UserError, match=r"There is: torn.parquet. Did you mean 'torn.parquet'\?"):
        find_progress(tmp_path / "tron.parquet")
    assert find_progress(progress(tmp_path).parent) == tmp_path / "progress.parquet"


def test_frames_without_progress_are_told_and_too_many_of_them_refused() -> None:
    assert check_missing(Progress(100, {"sparse": 0.0}), "sparse") == ()
    assert "5.0% of the frames" in check_missing(Progress(100, {"sparse": 0.05}), "sparse")[0]
    assert "10.0% of the frames" in check_missing(Progress(100, {"sparse": 0.0}), "sparse", failed=10)[0]
    for missing, failed in ((0.3, 0), (0.0, 30)):
        with pytest.raises(UserError, match="30% of the frames have no sparse progress"):
            check_missing(Progress(100, {"sparse": missing}), "sparse", failed)


def reward_model(folder: Path, config: Json | None = None, state: int = 6) -> Path:
    """A folder that looks like a SARM model to everything that does not load it."""
    folder.mkdir(parents=True)
    sound: Json = {"type": "sarm", "annotation_mode": "single_stage", "image_key": "observation.images.top"}
    (folder / "config.json").write_text(json.dumps({**sound, "state_key": "observation.state", **(config or {})}))
    write_safetensors(folder / "model.safetensors", {"weight": (2, 2)})
    statistics = {"observation.state.mean": (state,), "observation.state.std": (state,)}
    write_safetensors(folder / "policy_preprocessor_step_2_normalizer_processor.safetensors", statistics)
    return folder


def test_a_reward_model_tells_its_heads_its_camera_and_its_robot(tmp_path: Path) -> None:
    model = read_reward_model(reward_model(tmp_path / "sarm"))
    assert model == RewardModel(
        tmp_path / "sarm", ("sparse",), "observation.images.top", "observation.state", state_dim=6, most_state=32
    )
    assert read_reward_model(reward_model(tmp_path / "job" / "model").parent).path == tmp_path / "job" / "model"
    assert read_reward_model(reward_model(tmp_path / "dual", {"annotation_mode": "dual"})).heads == ("sparse", "dense")


def test_a_folder_that_is_no_reward_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="describes a model of type 'smolvla', must be 'sarm'"):
        read_reward_model(reward_model(tmp_path / "policy", {"type": "smolvla"}))
    with pytest.raises(UserError, match=r"holds no config.json. There is: policy/"):
        read_reward_model(tmp_path)
    torn = reward_model(tmp_path / "torn")
    (torn / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(UserError, match=r"model.safetensors is damaged"):
        read_reward_model(torn)
    (torn / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"there is no model.safetensors"):
        read_reward_model(torn)


def test_a_head_that_the_model_has_not_is_refused_to_weigh_and_told_to_compute(tmp_path: Path) -> None:
    single = read_reward_model(reward_model(tmp_path / "single"))
    dual = read_reward_model(reward_model(tmp_path / "dual", {"annotation_mode": "dense_only"}))
    with pytest.raises(UserError, match="a sparse head alone") as refused:
        check_head(single, "dense")
    assert refused.value.param == "spec.reward.headMode"
    assert "sparse is computed" in check_head(single, "both")[0]
    assert check_head(dual, "dense") == check_head(dual, "both") == check_head(single, "sparse") == ()


def test_a_reward_model_of_another_robot_is_refused(tmp_path: Path) -> None:
    model = read_reward_model(reward_model(tmp_path / "sarm"))
    check_robot(model, 6)
    with pytest.raises(UserError, match=r"observation.state of 6 numbers, and the dataset's has 14"):
        check_robot(model, 14)
    with pytest.raises(UserError, match="the dataset has none"):
        check_robot(model, 0)
    wide = read_reward_model(reward_model(tmp_path / "wide", state=40))
    with pytest.raises(UserError, match="takes a state of 32 numbers"):
        check_robot(wide, 40)


def annotated(root: Path, *kinds: str) -> frozenset[str]:
    """Annotations of subtasks in a dataset's folder; the columns of its episodes."""
    (root / "meta").mkdir(parents=True, exist_ok=True)
    for kind in kinds:
        shares = json.dumps({"reach": 0.4, "lift": 0.6})
        (root / "meta" / f"temporal_proportions_{kind}.json").write_text(shares)
    names = ("subtask_names", "subtask_start_frames", "subtask_end_frames")
    return frozenset(f"{kind}_{name}" for kind in kinds for name in names)


def test_annotations_that_a_mode_needs_must_be_there(tmp_path: Path) -> None:
    columns = annotated(tmp_path, "dense")
    check_annotations("single_stage", tmp_path, frozenset(), 3)
    check_annotations("dense_only", tmp_path, columns, 1)
    with pytest.raises(UserError, match=r"there is no meta/temporal_proportions_sparse.json") as refused:
        check_annotations("dual", tmp_path, columns, 1)
    assert (refused.value.code, refused.value.param) == ("AnnotationsMissing", "spec.reward.annotationMode")
    check_annotations("dual", tmp_path, columns | annotated(tmp_path, "sparse"), 1)
    with pytest.raises(UserError, match="meta/episodes has no column dense_subtask_names"):
        check_annotations("dense_only", tmp_path, frozenset(), 1)
    with pytest.raises(UserError, match="2 datasets are merged"):
        check_annotations("dense_only", tmp_path, columns, 2)


def test_annotations_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    columns = annotated(tmp_path, "dense")
    file = tmp_path / "meta" / "temporal_proportions_dense.json"
    file.write_text('{"all": 1.0}')
    with pytest.raises(UserError, match="must hold at least 2 subtasks with their shares, and holds 1"):
        check_annotations("dense_only", tmp_path, columns, 1)
    file.write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        check_annotations("dense_only", tmp_path, columns, 1)
