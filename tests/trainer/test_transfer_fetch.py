"""Datasets fetched from real servers by the real trainer: found, gone on with, refused, and never told a secret of."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest

from tests.servers.hub import Hub
from tests.servers.object_stores import GcsServer, S3Server
from tests.servers.web import WebServer
from tests.trainer.transfers import ROWS, Pod, lines, write_rows
from trainer.transfer.hub_store import PIECE_BYTES as HUB_PIECE_BYTES
from trainer.transfer.object_store import PIECE_BYTES

pytestmark = pytest.mark.trainer
LONG = lines(28, length=1_000_000)
"""Several pieces long."""


def test_a_dataset_is_read_from_a_real_s3_server(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    write_rows(s3.folder / bucket / "letters" / "train.jsonl")
    pod.variables = s3.variables("DATASET_0")
    attempt = pod.dataset(f"s3://{bucket}/letters/train.jsonl")
    assert attempt.verdict["result"] == "completed", attempt.output
    assert attempt.verdict["report"]["rows"] == len(ROWS)  # type: ignore[index]


def test_of_a_folder_only_the_files_that_are_read_are_fetched(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    write_rows(s3.folder / bucket / "letters" / "a.jsonl")
    write_rows(s3.folder / bucket / "letters" / "b.jsonl")
    write_rows(s3.folder / bucket / "letters" / "deeper" / "c.jsonl")
    (s3.folder / bucket / "letters" / "notes.txt").write_text("not read")
    pod.variables = s3.variables("DATASET_0")
    assert pod.dataset(f"s3://{bucket}/letters").verdict["report"]["rows"] == 2 * len(ROWS)  # type: ignore[index]
    assert set(pod.files()) == {"a.jsonl", "b.jsonl"}


def test_what_was_fetched_is_found_again_without_the_network(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    path = write_rows(s3.folder / bucket / "train.jsonl")
    pod.variables = s3.variables("DATASET_0")
    assert pod.dataset(f"s3://{bucket}/train.jsonl").exit_code == 0
    path.unlink()
    pod.variables = s3.variables("DATASET_0", ENDPOINT="http://127.0.0.1:1", SECRET_ACCESS_KEY="of another life")
    attempt = pod.dataset(f"s3://{bucket}/train.jsonl")
    assert attempt.verdict["result"] == "completed", attempt.output
    assert "fetching" not in attempt.output


def test_a_copy_that_was_cut_off_on_the_volume_is_fetched_anew(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    write_rows(s3.folder / bucket / "train.jsonl")
    pod.variables = s3.variables("DATASET_0")
    assert pod.dataset(f"s3://{bucket}/train.jsonl").exit_code == 0
    (copy,) = pod.fetched.glob("*/train.jsonl")
    copy.write_bytes(copy.read_bytes()[:-20])
    attempt = pod.dataset(f"s3://{bucket}/train.jsonl")
    assert attempt.verdict["report"]["rows"] == len(ROWS)  # type: ignore[index]
    assert pod.files() == {"train.jsonl": (s3.folder / bucket / "train.jsonl").read_bytes()}


@pytest.mark.parametrize("suffix", ["SECRET_ACCESS_KEY", "ACCESS_KEY_ID"])
def test_a_wrong_key_of_s3_is_told_with_the_secret_s_purpose(pod: Pod, s3: S3Server, suffix: str) -> None:
    bucket = s3.bucket()
    write_rows(s3.folder / bucket / "train.jsonl")
    pod.variables = s3.variables("DATASET_0", **{suffix: "not-the-right-value"})
    attempt = pod.dataset(f"s3://{bucket}/train.jsonl")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "SourceForbidden"), attempt.output
    assert attempt.verdict["param"] == "spec.uri"
    assert "FINETUNE_SECRET_DATASET_0_" in str(attempt.verdict["message"])
    assert "spec.secretRef" in str(attempt.verdict["advice"])


@pytest.mark.parametrize("path", ["nothing.jsonl", "no/such/folder"])
def test_an_object_that_does_not_exist_is_a_user_s_mistake(pod: Pod, s3: S3Server, path: str) -> None:
    bucket = s3.bucket()
    write_rows(s3.folder / bucket / "train.jsonl")
    pod.variables = s3.variables("DATASET_0")
    attempt = pod.dataset(f"s3://{bucket}/{path}")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "DatasetNotFound"), attempt.output
    assert f"s3://{bucket}/{path} does not exist" in str(attempt.verdict["message"])


def test_a_bucket_that_does_not_exist_is_a_user_s_mistake(pod: Pod, s3: S3Server) -> None:
    pod.variables = s3.variables("DATASET_0")
    attempt = pod.dataset("s3://no-such-bucket-here/train.jsonl")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "DatasetNotFound"), attempt.output


def test_a_file_that_a_dataset_lists_and_has_not_is_named_with_the_nearest(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    write_rows(s3.folder / bucket / "letters" / "train.jsonl")
    pod.variables = s3.variables("DATASET_0")
    attempt = pod.dataset(f"s3://{bucket}/letters", files=["trian.jsonl"])
    assert attempt.verdict["param"] == "spec.files[0]"
    assert "Did you mean 'train.jsonl'?" in str(attempt.verdict["message"])


def test_a_server_that_cannot_be_reached_is_worth_another_attempt(pod: Pod) -> None:
    pod.variables = {"FINETUNE_SECRET_DATASET_0_TOKEN": "something-secret", "SSL_CERT_FILE": "/dev/null"}
    attempt = pod.dataset("https://127.0.0.1:1/train.jsonl")
    assert (attempt.exit_code, attempt.verdict["code"]) == (1, "SourceUnavailable"), attempt.output
    assert "https://127.0.0.1:1/train.jsonl cannot be reached" in str(attempt.verdict["message"])


def test_a_dataset_is_read_from_a_real_gcs_server(pod: Pod, gcs: GcsServer) -> None:
    bucket = gcs.bucket()
    gcs.put(bucket, "letters/train.jsonl", lines())
    pod.variables = {"STORAGE_EMULATOR_HOST": gcs.endpoint}
    attempt = pod.dataset(f"gs://{bucket}/letters")
    assert attempt.verdict["report"]["rows"] == len(ROWS), attempt.output  # type: ignore[index]
    absent = pod.dataset(f"gs://{bucket}/nothing")
    assert (absent.exit_code, absent.verdict["code"]) == (64, "DatasetNotFound"), absent.output


def test_a_key_of_gcs_that_is_no_service_account_is_refused(pod: Pod, gcs: GcsServer) -> None:
    pod.variables = {"STORAGE_EMULATOR_HOST": gcs.endpoint, "FINETUNE_SECRET_DATASET_0_CREDENTIALS": "a-plain-word"}
    attempt = pod.dataset(f"gs://{gcs.bucket()}/train.jsonl")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "SourceForbidden"), attempt.output


def test_a_file_of_the_web_comes_whole_over_a_line_that_is_cut(pod: Pod, web: WebServer) -> None:
    web.files["/data/train.jsonl"] = LONG
    web.cut_after, web.cuts = 3_000_000, 2
    pod.variables = {"SSL_CERT_FILE": str(web.certificate)}
    attempt = pod.dataset(f"{web.url}/data/train.jsonl")
    assert attempt.verdict["result"] == "completed", attempt.output
    assert pod.files() == {"train.jsonl": LONG}


def test_a_server_without_ranges_serves_as_well(pod: Pod, web: WebServer) -> None:
    web.files["/train.jsonl"], web.ranges = LONG, False
    pod.variables = {"SSL_CERT_FILE": str(web.certificate)}
    assert pod.dataset(f"{web.url}/train.jsonl").exit_code == 0
    assert pod.files() == {"train.jsonl": LONG}


def test_a_server_that_is_busy_is_asked_again(pod: Pod, web: WebServer) -> None:
    web.files["/train.jsonl"], web.statuses = lines(), [503, 429]
    pod.variables = {"SSL_CERT_FILE": str(web.certificate)}
    attempt = pod.dataset(f"{web.url}/train.jsonl")
    assert attempt.exit_code == 0, attempt.output


def test_a_signed_url_is_never_shown(pod: Pod, web: WebServer) -> None:
    pod.variables = {"SSL_CERT_FILE": str(web.certificate)}
    absent = pod.dataset(f"{web.url}/train.jsonl?X-Amz-Signature=0123456789abcdef")
    assert (absent.exit_code, absent.verdict["code"]) == (64, "DatasetNotFound"), absent.output
    web.files["/train.jsonl"] = b"no JSON\n"
    wrong = pod.dataset(f"{web.url}/train.jsonl?X-Amz-Signature=0123456789abcdef")
    assert wrong.verdict["code"] == "DatasetRowInvalid"
    assert web.asked[-1].startswith("GET /train.jsonl?X-Amz-Signature=0123456789abcdef")
    left = "".join(path.read_text() for path in pod.workspace.root.rglob("*.json"))
    assert "0123456789abcdef" not in absent.output + wrong.output + left


@pytest.mark.parametrize(
    ("variables", "authorization"),
    [
        ({"TOKEN": "web-token"}, "Bearer web-token"),
        ({"USERNAME": "ann", "PASSWORD": "pass-word"}, "Basic YW5uOnBhc3Mtd29yZA=="),
    ],
)
def test_a_web_server_gets_the_credentials_of_the_dataset(
    pod: Pod, web: WebServer, variables: dict[str, str], authorization: str
) -> None:
    web.files["/train.jsonl"], web.authorization = lines(), authorization
    secret = {f"FINETUNE_SECRET_DATASET_0_{name}": value for name, value in variables.items()}
    pod.variables = {"SSL_CERT_FILE": str(web.certificate)}
    refused = pod.dataset(f"{web.url}/train.jsonl")
    assert (refused.exit_code, refused.verdict["code"]) == (64, "SourceForbidden"), refused.output
    pod.variables |= secret
    assert pod.dataset(f"{web.url}/train.jsonl").exit_code == 0


def test_a_fetch_that_was_killed_goes_on_where_it_was(pod: Pod, web: WebServer) -> None:
    web.files["/train.jsonl"] = LONG
    web.gate, web.gate_from = threading.Event(), 2 * PIECE_BYTES
    pod.variables = {"SSL_CERT_FILE": str(web.certificate)}
    dataset = {"name": "questions", "split": "train", "uri": f"{web.url}/train.jsonl"}
    process = pod.start("inspect", {"datasets": [dataset]}, without=("model",))
    pod.kill_when(process, lambda: pod.partial_bytes() == 2 * PIECE_BYTES)
    web.gate.set()
    web.gate = None
    web.asked.clear()
    assert pod.dataset(f"{web.url}/train.jsonl").exit_code == 0
    gets = [each for each in web.asked if each.startswith("GET")]
    assert [each.rpartition("bytes=")[2].partition("-")[0] for each in gets] == [
        str(start) for start in range(2 * PIECE_BYTES, len(LONG), PIECE_BYTES)
    ]
    assert pod.files() == {"train.jsonl": LONG}


def test_a_dataset_of_the_hub_stays_at_the_commit_that_was_found_first(pod: Pod, hub: Hub) -> None:
    repository = hub.add("org/questions", {"train.jsonl": lines(), "README.md": b"# questions"}, "dataset")
    first = repository.head
    pod.variables = hub.variables
    assert pod.dataset("hf://org/questions", revision="main").exit_code == 0
    repository.commit({"train.jsonl": lines(3)})
    again = pod.dataset("hf://org/questions", revision="main")
    assert again.verdict["report"]["rows"] == len(ROWS)  # type: ignore[index]
    (copy,) = pod.fetched.glob("*/train.jsonl")
    copy.unlink()
    lost = pod.dataset("hf://org/questions", revision="main")
    assert lost.verdict["report"]["rows"] == len(ROWS), lost.output  # type: ignore[index]
    pins = json.loads((pod.workspace.root / "sources.json").read_text())
    assert [pin["revision"] for pin in pins.values()] == [first]


def test_the_hub_s_refusals_are_told_apart(pod: Pod, hub: Hub) -> None:
    hub.add("org/questions", {"train.jsonl": lines()}, "dataset")
    hub.add("org/gated", {"train.jsonl": lines()}, "dataset").gated = True
    hub.add("org/private", {"train.jsonl": lines()}, "dataset", private=True)
    hub.tokens["hub-token-1"] = ("ann", "read")
    pod.variables = hub.variables
    found = {
        name: pod.dataset(f"hf://{name}", **more).verdict
        for name, more in {
            "org/questions": {"revision": "v2"},
            "org/gated": {},
            "org/private": {},
            "org/nothing": {},
        }.items()
    }
    codes = {name: verdict["code"] for name, verdict in found.items()}
    assert codes == {
        "org/questions": "SourceNotFound",
        "org/gated": "SourceForbidden",
        "org/private": "DatasetNotFound",
        "org/nothing": "DatasetNotFound",
    }, found
    assert "gated" in str(found["org/gated"]["message"])
    assert "no revision 'v2'" in str(found["org/questions"]["message"])
    pod.variables |= {"FINETUNE_SECRET_DATASET_0_TOKEN": "hub-token-1"}
    assert pod.dataset("hf://org/private").exit_code == 0


def test_bytes_that_are_not_the_file_s_are_refused_by_their_digest(pod: Pod, hub: Hub) -> None:
    hub.add("org/questions", {"train.jsonl": lines(100)}, "dataset")
    hub.spoil.add("train.jsonl")
    pod.variables = hub.variables
    attempt = pod.dataset("hf://org/questions")
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "SourceDamaged"), attempt.output
    assert "train.jsonl has sha256" in str(attempt.verdict["message"])
    assert not pod.files()


def test_a_fetch_from_the_hub_that_was_killed_goes_on_where_it_was(pod: Pod, hub: Hub) -> None:
    hub.add("org/questions", {"train.jsonl": LONG}, "dataset")
    hub.gate, hub.gate_from = threading.Event(), HUB_PIECE_BYTES
    pod.variables = hub.variables
    dataset = {"name": "questions", "split": "train", "uri": "hf://org/questions"}
    process = pod.start("inspect", {"datasets": [dataset]}, without=("model",))
    pod.kill_when(process, lambda: pod.partial_bytes() == HUB_PIECE_BYTES)
    hub.gate.set()
    hub.gate = None
    hub.asked.clear()
    assert pod.dataset("hf://org/questions").exit_code == 0
    ranges = [each.rpartition("bytes=")[2] for each in hub.asked if "bytes=" in each]
    assert [each.partition("-")[0] for each in ranges] == [str(HUB_PIECE_BYTES)]
    assert hashlib.sha256(pod.files()["train.jsonl"]).digest() == hashlib.sha256(LONG).digest()


def test_nothing_is_fetched_into_another_job_s_place(pod: Pod, s3: S3Server) -> None:
    bucket = s3.bucket()
    write_rows(s3.folder / bucket / "train.jsonl")
    pod.workspace.fence.write_text(json.dumps({"attempt": 1, "job": "team-b/other", "jobUid": "another"}))
    pod.variables = s3.variables("DATASET_0")
    attempt = pod.dataset(f"s3://{bucket}/train.jsonl")
    assert attempt.verdict["code"] == "OutputOccupied"
    assert not pod.fetched.exists()
