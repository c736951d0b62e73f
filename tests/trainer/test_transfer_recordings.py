"""Datasets of robots that lie elsewhere, looked at by themselves: of hundreds of gigabytes a sample is fetched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.hub import Hub
from tests.servers.object_stores import GcsServer, S3Server
from tests.servers.web import WebServer
from tests.trainer.recordings_on_disk import TOP, change_info, write_recording
from tests.trainer.robot_jobs import VARIABLE
from tests.trainer.robot_runs import inspection
from tests.trainer.transfers import Pod
from trainer.recordings.preflight import check_recordings

pytestmark = pytest.mark.trainer
Offer = Callable[[Path], str]
"""Puts a folder into a store, lets the pod reach it, and returns its URI."""


@pytest.fixture
def robots_pod(pod: Pod) -> Pod:
    """A pod whose Python has what reads recordings."""
    if not os.environ.get(VARIABLE):
        pytest.skip(f"no LeRobot here: set {VARIABLE} to a Python with trainer-image/requirements/lerobot.txt")
    pod.python = os.environ[VARIABLE]
    return pod


@pytest.fixture(params=["hf", "s3", "gs", "https"])
def offer(request: pytest.FixtureRequest, robots_pod: Pod) -> Offer:
    """One of the four kinds of places."""
    offers: dict[str, Callable[[Pod, Any, Path], str]] = {
        "hf": _on_the_hub,
        "s3": _in_s3,
        "gs": _in_gcs,
        "https": _on_the_web,
    }
    servers = {"hf": "hub", "s3": "s3", "gs": "gcs", "https": "web"}
    server = request.getfixturevalue(servers[request.param])
    return lambda folder: offers[request.param](robots_pod, server, folder)


@pytest.mark.parametrize("form", [{"version": "v2.1", "videos": True}, {"tables": 3}], ids=["videos", "tables"])
def test_of_a_large_dataset_an_inspection_fetches_a_sample_and_finds_the_same(
    robots_pod: Pod, offer: Offer, tmp_path: Path, form: dict[str, object]
) -> None:
    folder = write_recording(tmp_path / "shirts", **form)
    attempt = robots_pod.dataset(offer(folder), format="lerobot")
    assert attempt.verdict["result"] == "completed", attempt.output
    mounted = check_recordings(inspection(tmp_path / "w", folder)).report.to_json()
    found = attempt.verdict["report"]
    assert _without_uris(found) == _without_uris(mounted)
    outside = {name for name in robots_pod.files() if not name.startswith("meta/")}
    first = {name for name in _names(folder) if "000000." in name or "file-000.parquet" in name}
    assert outside == {name for name in first if not name.startswith("meta/")}
    assert {name for name in robots_pod.files() if name.startswith("meta/")} == {
        name for name in _names(folder) if name.startswith("meta/")
    }


def test_a_video_that_the_place_does_not_hold_is_told_though_it_is_not_fetched(
    robots_pod: Pod, s3: S3Server, tmp_path: Path
) -> None:
    folder = write_recording(tmp_path / "shirts", version="v2.1", videos=True)
    missing = f"videos/chunk-000/{TOP}/episode_000002.mp4"
    (folder / missing).unlink()
    attempt = robots_pod.dataset(_in_s3(robots_pod, s3, folder), format="lerobot")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "DatasetInvalid"), attempt.output
    assert f"episode 2 has no video of the camera {TOP}: {missing} is missing" in str(attempt.verdict["message"])


def test_a_table_that_the_place_does_not_hold_is_told_as_well(robots_pod: Pod, s3: S3Server, tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "shirts", tables=3)
    (folder / "data/chunk-000/file-002.parquet").unlink()
    attempt = robots_pod.dataset(_in_s3(robots_pod, s3, folder), format="lerobot")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "DatasetInvalid"), attempt.output
    assert "file-002.parquet is missing" in str(attempt.verdict["message"])


def test_a_sample_that_is_no_picture_is_refused(robots_pod: Pod, s3: S3Server, tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "shirts", version="v2.1", videos=True)
    (folder / f"videos/chunk-000/{TOP}/episode_000000.mp4").write_bytes(b"no video at all")
    attempt = robots_pod.dataset(_in_s3(robots_pod, s3, folder), format="lerobot")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "DatasetUnreadable"), attempt.output


def test_metadata_that_contradict_themselves_are_refused_before_a_sample_is_fetched(
    robots_pod: Pod, s3: S3Server, tmp_path: Path
) -> None:
    folder = write_recording(tmp_path / "shirts")
    change_info(folder, total_frames=500)
    attempt = robots_pod.dataset(_in_s3(robots_pod, s3, folder), format="lerobot")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "DatasetInvalid"), attempt.output
    assert not [path for path in robots_pod.fetched.rglob("*.parquet") if "data" in path.parts]


def test_nothing_is_fetched_of_a_folder_that_is_no_dataset_of_robots(
    robots_pod: Pod, s3: S3Server, tmp_path: Path
) -> None:
    write_recording(tmp_path / "all" / "shirts")
    attempt = robots_pod.dataset(_in_s3(robots_pod, s3, tmp_path / "all"), format="lerobot")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "DatasetNotFound"), attempt.output
    assert "has no meta/info.json" in str(attempt.verdict["message"])
    assert "There is one in shirts: name that folder." in str(attempt.verdict["message"])
    assert not robots_pod.files()


def test_an_inspection_tells_by_the_files_that_a_dataset_is_one_of_robots(
    robots_pod: Pod, s3: S3Server, tmp_path: Path
) -> None:
    folder = write_recording(tmp_path / "shirts", tables=3)
    attempt = robots_pod.dataset(_in_s3(robots_pod, s3, folder))
    assert attempt.verdict["report"]["format"] == "lerobot", attempt.output  # type: ignore[index]
    assert "data/chunk-000/file-001.parquet" not in robots_pod.files()


def test_a_job_that_follows_an_inspection_in_one_cache_fetches_the_whole(
    robots_pod: Pod, s3: S3Server, tmp_path: Path
) -> None:
    folder = write_recording(tmp_path / "shirts", tables=3)
    uri = _in_s3(robots_pod, s3, folder)
    assert robots_pod.dataset(uri, format="lerobot").exit_code == 0
    dataset = {"name": "shirts", "split": "train", "uri": uri, "format": "lerobot"}
    model = {"name": "act", "type": "act"}
    asked = {"jobType": "vla", "model": model, "datasets": [dataset], "hyperparameters__lora": {"enabled": False}}
    attempt = robots_pod.attempt("prepare", asked)
    whole = [each for each in robots_pod.fetched.iterdir() if (each / "data/chunk-000/file-002.parquet").is_file()]
    assert len(whole) == 1, attempt.output
    assert _names(whole[0]) == _names(folder)
    assert len(list(robots_pod.fetched.glob("*.json"))) == 2


@pytest.mark.parametrize(
    ("model", "changes", "param"),
    [
        ({"name": "act", "type": "act"}, {"hyperparameters__extra": {"chunk_sise": 8}}, "extra.chunk_sise"),
        ({"name": "act", "type": "act"}, {"hyperparameters__quantization": "nf4"}, "quantization"),
        ({"name": "gr00t", "type": "gr00t_n1_6"}, {"hyperparameters__precision": "fp32"}, "precision"),
    ],
)
@pytest.mark.parametrize("stage", ["prepare", "train"])
def test_what_the_image_cannot_do_is_refused_before_anything_is_fetched(
    robots_pod: Pod, stage: str, model: dict[str, object], changes: dict[str, object], param: str
) -> None:
    # No server: to ask it would end otherwise, after minutes.
    datasets = [{"name": "shirts", "split": "train", "uri": "s3://nowhere/shirts", "format": "lerobot"}]
    robots_pod.variables = {"FINETUNE_SECRET_DATASET_0_ENDPOINT": "http://127.0.0.1:1"}
    asked = {"jobType": "vla", "model": model, "datasets": datasets, "hyperparameters__lora": {"enabled": False}}
    attempt = robots_pod.attempt(stage, {**asked, **changes})
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "HyperparameterUnsupported"), attempt.output
    assert str(attempt.verdict["param"]).endswith(param)
    assert not robots_pod.fetched.exists()


def _in_s3(pod: Pod, s3: S3Server, folder: Path) -> str:
    bucket = s3.bucket()
    shutil.copytree(folder, s3.folder / bucket / "robots")
    pod.variables = s3.variables("DATASET_0")
    return f"s3://{bucket}/robots"


def _in_gcs(pod: Pod, gcs: GcsServer, folder: Path) -> str:
    bucket = gcs.bucket()
    for name in _names(folder):
        gcs.put(bucket, f"robots/{name}", (folder / name).read_bytes())
    pod.variables = {"STORAGE_EMULATOR_HOST": gcs.endpoint}
    return f"gs://{bucket}/robots"


def _on_the_hub(pod: Pod, hub: Hub, folder: Path) -> str:
    hub.add("org/robots", {name: (folder / name).read_bytes() for name in _names(folder)}, "dataset")
    pod.variables = hub.variables
    return "hf://org/robots"


def _on_the_web(pod: Pod, web: WebServer, folder: Path) -> str:
    """With a page of links for each folder, as web servers make them."""
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        links = [f"{inner.name}/" if inner.is_dir() else inner.name for inner in sorted(each.iterdir())]
        page = "".join(f'<a href="{link}">{link}</a>' for link in links).encode()
        place = f"/robots/{each.relative_to(folder)}/".replace("/./", "/")
        # Without the slash too, where a server would redirect.
        web.files |= {place: page, place.rstrip("/"): page}
    web.files |= {f"/robots/{name}": (folder / name).read_bytes() for name in _names(folder)}
    pod.variables = {"SSL_CERT_FILE": str(web.certificate)}
    return f"{web.url}/robots/"


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _without_uris(report: object) -> object:
    """A report says in its warnings where the dataset lies."""
    assert isinstance(report, dict)
    warnings = [word.partition(" ")[2] if "://" in word.partition(" ")[0] else word for word in report["warnings"]]
    return json.loads(json.dumps({**report, "warnings": warnings}))
