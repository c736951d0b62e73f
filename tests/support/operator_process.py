"""The operator as a process of its own, as its container would run it: started, watched, ended, killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from finetune_operator.api.model import Json
from tests.support.apiserver import ApiServer
from tests.support.eventually import DEADLINE, eventually

CHECKOUT: Final = Path(__file__).parents[2]
LAST_LINES: Final = 20


@dataclass(frozen=True)
class OperatorProcess:
    """A running operator."""

    process: subprocess.Popen[bytes]
    health_port: int
    log_file: Path

    def log(self) -> list[Json]:
        """What it has logged so far; a line that is no JSON as ``{"message": line}``."""
        return [_parsed(line) for line in self.log_file.read_text(encoding="utf-8").splitlines()]

    def said(self, words: str) -> bool:
        """Whether some line of its log has these words."""
        return any(words in str(line.get("message")) for line in self.log())

    async def get(self, path: str) -> tuple[int, str]:
        """Ask its health endpoint; status 0 when it does not answer."""
        return await asyncio.to_thread(_get, f"http://127.0.0.1:{self.health_port}{path}")

    async def metric(self, sample: str) -> float | None:
        """The value of a sample as the exposition spells it, ``name`` or ``name{label="x"}``."""
        _, text = await self.get("/metrics")
        found = [line for line in text.splitlines() if line.startswith(f"{sample} ")]
        return float(found[0].rpartition(" ")[2]) if found else None

    async def leads(self, within: float = DEADLINE) -> None:
        """Wait until it leads and knows the cluster."""
        await eventually(self._leads, within)

    async def _leads(self) -> bool:
        assert self.process.poll() is None, f"the operator ended with {self.process.returncode}: {self.tail()}"
        return self.said("leading;")

    def tail(self) -> str:
        """The end of its log, for the message of a failed test."""
        return "\n".join(str(line) for line in self.log()[-LAST_LINES:])

    def kill(self) -> None:
        """End it as the kernel does when memory is short."""
        self.process.kill()
        self.process.wait(10)

    def end(self, within: float = 10) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)


@dataclass(frozen=True)
class OperatorLaunch:
    """How an operator is to be started: its settings beyond the defaults of tests, and its environment."""

    folder: Path
    settings: Json = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    module: str = "finetune_operator.reconciler"


@contextmanager
def running_operator(server: ApiServer, namespace: str, launch: OperatorLaunch) -> Iterator[OperatorProcess]:
    """An operator with its Lease in ``namespace``; killed at the end if it still runs."""
    health, progress = free_ports(2)
    settings = {
        "namespace": namespace,
        "health": {"host": "127.0.0.1", "port": health},
        "progress": {"host": "127.0.0.1", "port": progress, "url": f"https://127.0.0.1:{progress}"},
        "lease": {"seconds": 3, "renewSeconds": 0.5},
        "logLevel": "debug",
        **launch.settings,
    }
    file = launch.folder / f"settings-{health}.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    log_file = launch.folder / f"operator-{health}.log"
    environment = {
        **server.environment(),
        "FINETUNE_SETTINGS": str(file),
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "operator"), str(CHECKOUT)]),
        **launch.environment,
    }
    with log_file.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", launch.module], env=environment, stderr=log, stdout=log)
    try:
        yield OperatorProcess(process, health, log_file)
    finally:
        process.kill()
        process.wait(10)


def free_port() -> int:
    """A port on the loopback that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    """Different ports on the loopback that nobody listens on now."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(number)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def _parsed(line: str) -> Json:
    try:
        parsed: Json = json.loads(line)
    except ValueError:
        return {"message": line}
    return parsed
