"""Finished models published to real servers by the real trainer: whole or not at all, and over nobody else's."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.servers.hub import Hub
from tests.servers.object_stores import GcsServer, S3Server
from tests.trainer.transfers import Pod, lines

pytestmark = pytest.mark.trainer
RECORD = "finetune-result.json"
MODEL = {"config.json": b"{}", "model.safetensors": os.urandom(3000), "sub/tokenizer.json": b"[]"}
PLACED = sorted([*MODEL, RECORD])


def artifact(verdict: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = verdict["artifact"]
    return found


def test_a_model_is_published_to_s3_with_its_record_last(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    finished = pod.finished_model(MODEL)
    pod.variables = s3.variables("OUTPUT")
    attempt = pod.publish(f"s3://{bucket}/models/lamp")
    assert (attempt.exit_code, attempt.verdict["stage"]) == (0, "publish"), attempt.output
    assert artifact(attempt.verdict) == {**finished["artifact"], "uri": f"s3://{bucket}/models/lamp"}  # type: ignore[dict-item]
    assert s3.names(bucket) == [f"models/lamp/{name}" for name in PLACED]
    place = s3.folder / bucket / "models" / "lamp"
    record = json.loads((place / RECORD).read_bytes())
    assert {name: entry["bytes"] for name, entry in record["files"].items()} == {n: len(c) for n, c in MODEL.items()}
    assert max(place.rglob("*.*"), key=lambda path: path.stat().st_mtime_ns).name == RECORD


def test_a_model_that_is_there_is_not_published_again(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    pod.finished_model(MODEL)
    pod.variables = s3.variables("OUTPUT")
    first = pod.publish(f"s3://{bucket}/lamp")
    times = {path: path.stat().st_mtime_ns for path in (s3.folder / bucket).rglob("*")}
    second = pod.publish(f"s3://{bucket}/lamp", attempt=2)
    assert second.verdict == {**first.verdict, "attempt": 2}, second.output
    assert {path: path.stat().st_mtime_ns for path in (s3.folder / bucket).rglob("*")} == times


def test_an_upload_that_was_killed_is_gone_on_with(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    files = {f"part-{n:02}.safetensors": os.urandom(500_000) for n in range(40)}
    pod.finished_model(files)
    pod.variables = s3.variables("OUTPUT")
    process = pod.start("publish", {"run": 0, "output": {"uri": f"s3://{bucket}/lamp"}})
    pod.kill_when(process, lambda: len(s3.names(bucket)) > 3)
    half = s3.names(bucket)
    assert "lamp/finetune-upload.json" in half
    assert f"lamp/{RECORD}" not in half
    there = s3.folder / bucket / "lamp" / "part-00.safetensors"
    before = there.stat().st_mtime_ns
    attempt = pod.publish(f"s3://{bucket}/lamp", attempt=2)
    assert attempt.exit_code == 0, attempt.output
    assert there.stat().st_mtime_ns == before
    assert s3.names(bucket) == sorted(f"lamp/{name}" for name in [*files, RECORD])
    assert all((s3.folder / bucket / "lamp" / name).read_bytes() == content for name, content in files.items())


@pytest.mark.parametrize("there", ["notes.txt", RECORD, "finetune-upload.json"])
def test_what_another_has_put_there_is_never_touched(pod: Pod, s3: S3Server, there: str) -> None:
    bucket = s3.bucket()
    path = s3.folder / bucket / "lamp" / there
    path.parent.mkdir()
    path.write_text(json.dumps({"job": "team-b/other", "jobUid": "of another", "run": 0}))
    pod.finished_model(MODEL)
    pod.variables = s3.variables("OUTPUT")
    attempt = pod.publish(f"s3://{bucket}/lamp")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "OutputOccupied"), attempt.output
    assert attempt.verdict["param"] == "spec.output.uri"
    assert s3.names(bucket) == [f"lamp/{there}"]
    assert ("team-b/other" in str(attempt.verdict["message"])) == (there != "notes.txt")


def test_a_later_run_of_a_job_publishes_beside_the_first(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    pod.finished_model(MODEL)
    pod.variables = s3.variables("OUTPUT")
    assert pod.publish(f"s3://{bucket}/lamp").exit_code == 0
    pod.workspace.model.rename(pod.workspace.root / "model-2")
    pod.workspace.model_place.record.rename(pod.workspace.root / "finished-2.json")
    later = pod.publish(f"s3://{bucket}/lamp", attempt=2, run=2)
    assert artifact(later.verdict)["uri"] == f"s3://{bucket}/lamp-2", later.output
    assert s3.names(bucket) == sorted(f"{place}/{name}" for place in ("lamp", "lamp-2") for name in PLACED)


def test_an_output_that_may_not_be_written_is_refused_before_anything_is_trained(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    pod.variables = s3.variables("OUTPUT", SECRET_ACCESS_KEY="the-wrong-secret-key")
    attempt = pod.attempt("prepare", {"output": {"uri": f"s3://{bucket}/lamp"}})
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "SourceForbidden"), attempt.output
    assert attempt.verdict["param"] == "spec.output.uri"
    assert "FINETUNE_SECRET_OUTPUT_" in str(attempt.verdict["message"])
    assert s3.names(bucket) == []


def test_the_probe_of_an_output_leaves_nothing_there(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    pod.variables = s3.variables("OUTPUT")
    attempt = pod.attempt("prepare", {"output": {"uri": f"s3://{bucket}/lamp"}})
    assert attempt.verdict["param"] == "spec.model.name", attempt.output  # the next thing that is wrong
    assert (pod.workspace.root / "destination.json").exists()
    assert s3.names(bucket) == []


def test_a_bucket_that_does_not_exist_is_refused_before_anything_is_trained(pod: Pod, s3: S3Server) -> None:
    pod.variables = s3.variables("OUTPUT")
    attempt = pod.attempt("prepare", {"output": {"uri": "s3://no-such-bucket-here/lamp"}})
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "OutputNotFound"), attempt.output


def test_a_model_is_published_to_gcs(pod: Pod, gcs: GcsServer) -> None:
    bucket = gcs.bucket()
    pod.finished_model(MODEL)
    pod.variables = {"STORAGE_EMULATOR_HOST": gcs.endpoint}
    for number in (1, 2):
        attempt = pod.publish(f"gs://{bucket}/lamp", attempt=number)
        assert artifact(attempt.verdict)["uri"] == f"gs://{bucket}/lamp", attempt.output
    assert gcs.names(bucket) == [f"lamp/{name}" for name in PLACED]


def test_a_published_model_that_was_changed_is_found_out_by_whoever_fetches_it(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    pod.finished_model({"train.jsonl": lines()})
    pod.variables = {**s3.variables("OUTPUT"), **s3.variables("DATASET_0")}
    assert pod.publish(f"s3://{bucket}/lamp").exit_code == 0
    assert pod.dataset(f"s3://{bucket}/lamp").exit_code == 0
    path = s3.folder / bucket / "lamp" / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"grams", b"pound"))
    attempt = Pod(pod.folder.with_name("another"))
    attempt.variables = s3.variables("DATASET_0")
    told = attempt.dataset(f"s3://{bucket}/lamp")
    assert (told.exit_code, told.verdict["code"]) == (64, "SourceDamaged"), told.output


def test_a_half_published_model_is_not_fetched(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    (s3.folder / bucket / "lamp").mkdir()
    (s3.folder / bucket / "lamp" / "finetune-upload.json").write_text("{}")
    (s3.folder / bucket / "lamp" / "train.jsonl").write_bytes(lines())
    pod.variables = s3.variables("DATASET_0")
    attempt = pod.dataset(f"s3://{bucket}/lamp")
    assert "is not whole" in str(attempt.verdict["message"]), attempt.output


def test_a_model_is_published_to_the_hub_in_one_commit(pod: Pod, hub: Hub) -> None:
    hub.tokens["hub-token-2"] = ("org", "write")
    pod.finished_model(MODEL)
    pod.variables = {**hub.variables, "FINETUNE_SECRET_OUTPUT_TOKEN": "hub-token-2"}
    attempt = pod.publish("hf://org/lamp")
    assert attempt.exit_code == 0, attempt.output
    repository = hub.repositories["org/lamp"]
    assert repository.private
    assert len(repository.commits) == 2  # the Hub's own first one, and ours
    found = repository.commits[repository.head]
    assert {name: found[name] for name in MODEL} == MODEL
    assert json.loads(found[RECORD])["job"] == "team-a/support-bot"
    assert (artifact(attempt.verdict)["uri"], artifact(attempt.verdict)["revision"]) == (
        "hf://org/lamp",
        repository.head,
    )
    again = pod.publish("hf://org/lamp", attempt=2)
    assert again.verdict == {**attempt.verdict, "attempt": 2}, again.output
    assert len(repository.commits) == 2


def test_a_commit_that_failed_leaves_nothing_to_be_seen_and_is_made_again(pod: Pod, hub: Hub) -> None:
    hub.tokens["hub-token-3"] = ("org", "write")
    hub.refuse_lfs = 1
    pod.finished_model(MODEL)
    pod.variables = {**hub.variables, "FINETUNE_SECRET_OUTPUT_TOKEN": "hub-token-3"}
    broken = pod.publish("hf://org/lamp")
    assert (broken.exit_code, broken.verdict["code"]) == (1, "SourceUnavailable"), broken.output
    assert list(hub.repositories["org/lamp"].commits[hub.repositories["org/lamp"].head]) == [".gitattributes"]
    assert pod.publish("hf://org/lamp", attempt=2).exit_code == 0


def test_a_repository_of_another_is_never_touched(pod: Pod, hub: Hub) -> None:
    hub.tokens["hub-token-4"] = ("org", "write")
    repository = hub.add("org/lamp", {"README.md": b"", "weights.bin": b"mine"})
    pod.finished_model(MODEL)
    pod.variables = {**hub.variables, "FINETUNE_SECRET_OUTPUT_TOKEN": "hub-token-4"}
    attempt = pod.publish("hf://org/lamp")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "OutputOccupied"), attempt.output
    assert len(repository.commits) == 1


@pytest.mark.parametrize(
    ("role", "owner", "problem"),
    [("read", "org", "may only read"), ("write", "somebody", "not write to org"), ("", "", "answered 401")],
)
def test_a_token_that_may_not_write_is_refused_before_anything_is_trained(
    pod: Pod, hub: Hub, role: str, owner: str, problem: str
) -> None:
    if role:
        hub.tokens["hub-token-5"] = (owner, role)
    pod.variables = {**hub.variables, "FINETUNE_SECRET_OUTPUT_TOKEN": "hub-token-5"}
    attempt = pod.attempt("prepare", {"output": {"uri": "hf://org/lamp"}})
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "SourceForbidden"), attempt.output
    assert problem in str(attempt.verdict["message"])
    assert attempt.verdict["param"] == "spec.output.uri"


def test_publishing_to_the_hub_needs_a_token(pod: Pod, hub: Hub) -> None:
    pod.variables = hub.variables
    attempt = pod.attempt("prepare", {"output": {"uri": "hf://org/lamp"}})
    assert "needs a token" in str(attempt.verdict["message"]), attempt.output
