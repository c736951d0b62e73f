"""A real S3 server and a real GCS server on loopback."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote
from urllib.request import Request, urlopen

from tests.servers.programs import FAKE_GCS_SERVER, VERSITYGW, program_of

READY_WITHIN: Final = 20.0


@dataclass(frozen=True)
class S3Server:
    """``folder`` holds a bucket in each folder below it; ``access`` and ``secret`` are the owner's keys."""

    endpoint: str
    folder: Path
    access: str
    secret: str

    def variables(self, purpose: str, **changes: str) -> dict[str, str]:
        """The environment by which a trainer opens it for one purpose."""
        values = {
            "ACCESS_KEY_ID": self.access,
            "SECRET_ACCESS_KEY": self.secret,
            "ENDPOINT": self.endpoint,
            "REGION": "us-east-1",
            **changes,
        }
        return {f"FINETUNE_SECRET_{purpose}_{suffix}": value for suffix, value in values.items()}

    def bucket(self) -> str:
        """A new bucket's name."""
        name = f"bucket-{secrets.token_hex(4)}"
        (self.folder / name).mkdir()
        return name

    def names(self, bucket: str) -> list[str]:
        """The objects of a bucket."""
        root = self.folder / bucket
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@dataclass(frozen=True)
class GcsServer:
    """A server that speaks the JSON interface of Google Cloud Storage, without credentials, over its memory."""

    endpoint: str

    def bucket(self) -> str:
        """A new bucket's name."""
        name = f"bucket-{secrets.token_hex(4)}"
        self._ask("POST", "/storage/v1/b?project=test", json.dumps({"name": name}).encode())
        return name

    def put(self, bucket: str, name: str, content: bytes) -> None:
        """Store an object."""
        self._ask("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}", content)

    def names(self, bucket: str) -> list[str]:
        """The objects of a bucket."""
        answer = json.loads(self._ask("GET", f"/storage/v1/b/{bucket}/o", None))
        return sorted(item["name"] for item in answer.get("items", []))

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        request = Request(f"{self.endpoint}{path}", data=body, method=method)  # noqa: S310 - loopback
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
            content: bytes = answer.read()
            return content


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Versitygw over ``folder`` until left."""
    port, buckets = free_port(), folder / "buckets"
    buckets.mkdir(parents=True)
    server = S3Server(f"http://127.0.0.1:{port}", buckets, "tester", secrets.token_hex(16))
    command = [
        *(str(program_of(VERSITYGW)), "--port", f"127.0.0.1:{port}", "--access", server.access),
        *("--secret", server.secret, "--quiet", "posix", "--sidecar", str(folder / "metadata"), str(buckets)),
    ]
    (folder / "metadata").mkdir()
    with _running(command, port, folder):
        yield server


@contextmanager
def gcs_server(folder: Path) -> Iterator[GcsServer]:
    """fake-gcs-server until left; its log lies in ``folder``."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        *(str(program_of(FAKE_GCS_SERVER)), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)),
        *("-backend", "memory", "-external-url", url),
        *("-public-host", f"127.0.0.1:{port}", "-log-level", "error"),
    ]
    with _running(command, port, folder):
        yield GcsServer(url)


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            _wait_until_it_listens(process, port, folder / "log")
            yield
        finally:
            process.terminate()
            process.wait(10)
            shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        _pause()
    raise AssertionError(f"{process.args!r} does not listen after {READY_WITHIN:g} s:\n{log.read_text()}")


def _pause() -> None:
    # A server that starts has no other sign to wait for than its port.
    time.sleep(0.05)
