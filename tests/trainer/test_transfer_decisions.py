"""What is decided about places, files, errors and pauses before any store is spoken to."""

from __future__ import annotations

import errno
import itertools
from pathlib import Path

import pytest

from tests.trainer.documents import run_document
from trainer.contract.run import Run, parse_run
from trainer.failures import UserError
from trainer.transfer.fetched import Shelf, outlives_pod, shelf_root
from trainer.transfer.listing import Listing, RemoteFile, difference
from trainer.transfer.persistence import Persistence
from trainer.transfer.places import Place, masked, parse_place
from trainer.transfer.secrets import cleaned, secrets_of
from trainer.transfer.trouble import trouble_of
from trainer.transfer.wants import Want, needed, wants_of, with_masked_places

POD = """\
22 1 0:20 / / rw - overlay overlay rw
31 22 8:1 /var/lib/kubelet/pods/uid/volumes/kubernetes.io~empty-dir/cache /cache rw - ext4 /dev/sda1 rw
32 22 8:2 / /workspace rw - ext4 /dev/sdb rw
33 22 0:41 / /dev/shm rw - tmpfs tmpfs rw
"""
SHARED = POD.replace("/var/lib/kubelet/pods/uid/volumes/kubernetes.io~empty-dir/cache", "/")


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("s3://bucket/a/b", Place("s3", "bucket", "a/b")),
        ("gs://bucket", Place("gs", "bucket", "")),
        ("hf://org/name", Place("hf", "org/name", "")),
        ("hf://datasets/org/name/data/x.jsonl", Place("hf", "org/name", "data/x.jsonl", repo_type="dataset")),
        ("https://host:8443/a/b.jsonl?sig=1", Place("https", "host:8443", "a/b.jsonl", "sig=1")),
    ],
)
def test_a_uri_is_taken_apart(uri: str, place: Place) -> None:
    assert parse_place(uri, "spec.model.name", "model") == place


@pytest.mark.parametrize("uri", ["s4://bucket/a", "s3://", "hf://name", "s3://bucket/../other", "just words"])
def test_a_uri_that_names_no_place_is_refused_with_its_field(uri: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_place(uri, "spec.datasets[1].uri", "dataset")
    assert (refused.value.code, refused.value.param) == ("SourceInvalid", "spec.datasets[1].uri")


def test_a_misspelt_scheme_gets_the_nearest_one() -> None:
    with pytest.raises(UserError, match="Did you mean 'https'"):
        parse_place("htps://host/a", "spec.uri", "dataset")


def test_what_may_be_a_secret_in_a_url_is_masked() -> None:
    text = "GET https://ann:word@host/a?X-Amz-Signature=0123 failed, 'https://host/b#part' too, https://host/c did not"
    assert masked(text) == "GET https://host/a?… failed, 'https://host/b?…' too, https://host/c did not"


def test_values_of_secrets_are_taken_out_of_any_text() -> None:
    environment = {
        "FINETUNE_SECRET_MODEL_TOKEN": "hf_abcd",
        "FINETUNE_SECRET_MODEL_REGION": "eu-west-1",
        "HOME": "/tmp",
    }
    assert cleaned("token hf_abcd in eu-west-1 of /tmp", environment) == "token *** in eu-west-1 of /tmp"


def test_secrets_are_told_by_their_purpose() -> None:
    environment = {"FINETUNE_SECRET_DATASET_1_TOKEN": "a", "FINETUNE_SECRET_DATASET_10_TOKEN": "b"}
    assert secrets_of("DATASET_1", environment).get("TOKEN") == "a"
    assert not secrets_of("DATASET_0", environment).given


@pytest.mark.parametrize(
    ("mounts", "root"), [(POD, "/workspace/fetched"), (SHARED, "/cache/fetched"), ("", "/workspace/fetched")]
)
def test_fetched_things_lie_where_the_next_stage_finds_them(mounts: str, root: str) -> None:
    assert shelf_root(Path("/cache"), Path("/workspace"), mounts) == Path(root)


def test_memory_and_the_container_s_own_layer_do_not_outlive_a_pod() -> None:
    assert not outlives_pod(Path("/dev/shm/cache"), POD)
    assert not outlives_pod(Path("/somewhere"), POD)
    assert outlives_pod(Path("/workspace/cache"), POD)


def test_pauses_double_and_vary_by_chance() -> None:
    assert [Persistence(chance=lambda: 1.0).pause(failed) for failed in range(1, 7)] == [1, 2, 4, 8, 16, 30]
    assert Persistence(chance=lambda: 0.0).pause(1) == 0.5


def test_what_passes_is_tried_again_and_what_does_not_is_not() -> None:
    waited: list[float] = []
    patient = Persistence(tries=3, wait=waited.append, chance=lambda: 1.0)
    answers = iter([ConnectionResetError(), TimeoutError(), None])

    def act() -> str:
        error = next(answers)
        if error:
            raise error
        return "done"

    assert (patient.until_done(act), waited) == ("done", [1, 2])
    with pytest.raises(PermissionError):
        patient.until_done(lambda: _raise(PermissionError()))
    assert len(waited) == 2
    with pytest.raises(ConnectionError):
        patient.until_done(lambda: _raise(ConnectionError()))


def test_failures_count_anew_once_something_has_come() -> None:
    waited: list[float] = []
    came = itertools.chain(range(20), itertools.repeat(20))
    patient = Persistence(tries=2, wait=waited.append)
    with pytest.raises(ConnectionError):
        patient.until_done(lambda: _raise(ConnectionError()), lambda: next(came))
    assert len(waited) >= 19


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (FileNotFoundError(), "absent"),
        (PermissionError(), "forbidden"),
        (OSError("Forbidden: bucket"), "forbidden"),
        (TimeoutError(), "transient"),
        (OSError(errno.ENOSPC, "full"), "full"),
        (OSError(errno.EBUSY, "slow down"), "transient"),
        (FileExistsError(), "taken"),
        (ValueError(), "unknown"),
    ],
)
def test_an_error_is_told_by_what_it_is(error: Exception, trouble: str) -> None:
    assert trouble_of(error) == trouble


def test_the_cause_tells_when_the_error_itself_does_not() -> None:
    class AnsweredError(Exception):
        status = 403

    error = FileNotFoundError("https://host/a")
    error.__cause__ = AnsweredError()
    assert trouble_of(error) == "forbidden"


def test_of_a_model_the_safetensors_are_fetched_and_no_second_weights() -> None:
    names = ["config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx", "tokenizer.json", "README.md"]
    assert _chosen("model", names) == ["config.json", "model.safetensors", "tokenizer.json", "README.md"]


def test_a_model_of_pickles_is_refused_before_it_is_fetched() -> None:
    with pytest.raises(UserError, match="convert them to safetensors"):
        _chosen("model", ["config.json", "pytorch_model.bin"])


def test_a_folder_without_lines_is_refused_with_what_is_there() -> None:
    with pytest.raises(UserError, match=r"holds nothing of \*.jsonl. There are: table.csv"):
        _chosen("dataset", ["table.csv"], patterns=("*.jsonl",))


def test_a_dataset_of_robots_is_known_by_its_metadata_and_wanted_whole() -> None:
    names = ["meta/info.json", "data/chunk-000/file-000.parquet"]
    assert _chosen("dataset", names, patterns=("*.jsonl",), recording="maybe") == names


def test_what_is_mounted_is_not_wanted() -> None:
    assert not dict(wants_of(_run("train")))


def test_each_stage_wants_what_it_reads_and_no_more() -> None:
    places = {
        "model": {"name": "org/model", "uri": "hf://org/model"},
        "datasets": [{"name": "a", "split": "train", "uri": "s3://bucket/a.jsonl"}],
    }
    assert list(dict(wants_of(_run("train", **places)))) == ["model", "dataset 0"]
    assert list(dict(wants_of(_run("train", finish=True, **places)))) == ["model"]
    adapter = {"output": {"uri": "s3://bucket/x", "merge": "adapter"}}
    assert not dict(wants_of(_run("publish", **places, **adapter)))
    inspected = dict(wants_of(_run("inspect", **places)))
    assert (inspected["model"].kind, inspected["dataset 0"].param) == ("tokenizer", "spec.uri")


def test_a_signature_is_in_no_name_once_all_is_fetched() -> None:
    signed = "https://host/weights?sig=hush"
    source = {"name": signed, "path": "/inputs/weights"}
    model = {"name": signed, "path": "/inputs/model", "fromCheckpoint": source}
    datasets = [{"name": "a", "split": "train", "uri": signed, "path": "/inputs/a"}]
    assert "hush" not in str(with_masked_places(_run("train", model=model, datasets=datasets)))


@pytest.mark.parametrize("model_type", ["act", "smolvla", "sarm"])
def test_a_robot_model_that_is_only_finished_wants_its_recordings_and_no_reward(model_type: str) -> None:
    run = _run(
        "train",
        finish=True,
        model={"name": "policy", "type": model_type},
        datasets=[{"name": "a", "split": "train", "uri": "s3://bucket/a", "format": "lerobot"}],
        reward={"useRabc": True, "progressUri": "s3://bucket/progress.parquet"},
    )
    assert list(dict(wants_of(run))) == ["dataset 0"]


def test_a_file_is_held_against_all_that_its_store_tells(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"hello\n")
    blob = "ce013625030ba8dba906f756967f9e9ca394464a"
    assert difference(RemoteFile("file", 6, {"git": blob}), path) == ""
    assert difference(RemoteFile("file", 7), path) == "has 6 bytes and should have 7"
    assert "has md5" in difference(RemoteFile("file", 6, {"md5": "0" * 32}), path)


def test_only_what_is_whole_counts(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "fetched", tmp_path / "sources.json")
    shelf.folder("d1").mkdir(parents=True)
    (shelf.folder("d1") / "a").write_text("content")
    assert shelf.kept("d1") is None
    shelf.finish("d1", {"revision": "abc"})
    kept = shelf.kept("d1")
    assert kept is not None
    assert (kept.path, kept.revision) == (shelf.folder("d1"), "abc")
    (shelf.folder("d1") / "a").write_text("conten")
    assert shelf.kept("d1") is None


def _raise(error: Exception) -> None:
    raise error


def _run(stage: str, **sections: object) -> Run:
    document = run_document(stage)
    document.update(sections)
    return parse_run(document)


def _chosen(kind: str, names: list[str], **more: object) -> list[str]:
    want = Want(Place("hf", "org/name", ""), "", "MODEL", "spec.model.name", kind, **more)  # type: ignore[arg-type]
    return [file.name for file in needed(want, Listing(tuple(RemoteFile(name, 1) for name in names)))]
