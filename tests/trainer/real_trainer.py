"""The trainer as a black box: started as a process or as a container, driven through its contract alone.

Which one is decided by the environment, in this order:

- ``FINETUNE_TRAINER_PYTHON``: a Python that has the trainer's packages (torch, transformers, trl, peft);
- ``FINETUNE_TRAINER_IMAGE`` with ``CONTAINERD_ADDRESS`` (a socket): the image, under ``ctr run``, read-only and as its
  own user;
- else this Python, if it has the packages.

For robots it is ``FINETUNE_ROBOTS_PYTHON`` (with lerobot) and ``FINETUNE_ROBOTS_IMAGE``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.trainer.documents import CHECKOUT, Json, put, run_document
from trainer.workspace.layout import Workspace

WITHIN: Final = 240.0
"""Seconds that a run of a tiny model may take on a busy machine, start included."""


@dataclass(frozen=True)
class Kind:
    """One of the trainer's images: how the environment's variables for it begin, and what its Python must have."""

    prefix: str
    packages: tuple[str, ...]

    @property
    def absent(self) -> str:
        """What a test says that is skipped for want of it."""
        return f"no trainer here: set {self.prefix}_PYTHON, or {self.prefix}_IMAGE and CONTAINERD_ADDRESS"


LANGUAGE: Final = Kind("FINETUNE_TRAINER", ("torch", "transformers", "trl", "peft"))
ROBOTS: Final = Kind("FINETUNE_ROBOTS", ("torch", "transformers", "lerobot", "av"))


@dataclass(frozen=True)
class Attempt:
    """A finished attempt: exit code, termination message, and everything it printed."""

    exit_code: int
    verdict: Json
    output: str


class Trainer:
    """How programs of the trainer's image are run here."""

    def __init__(self, environment: Mapping[str, str], kind: Kind = LANGUAGE) -> None:
        self._python = environment.get(f"{kind.prefix}_PYTHON", "")
        self._image = environment.get(f"{kind.prefix}_IMAGE", "")
        if not self._python and not self._image and all(map(importlib.util.find_spec, kind.packages)):
            self._python = sys.executable

    @property
    def available(self) -> bool:
        """Whether there is anything to run."""
        return bool(self._python or self._image)

    @property
    def shares_loopback(self) -> bool:
        """Whether it can reach a server of the test's own: a containerd may be in a network of its own."""
        return bool(self._python)

    @property
    def runs_as_anyone(self) -> bool:
        """Whether it can be run as another user: as root, and where others may enter the folders of its Python."""
        places = Path(self._python).resolve().parents
        return bool(self._python) and os.getuid() == 0 and all(place.stat().st_mode & 0o001 for place in places)

    def command(self, module: str, folder: Path, arguments: Sequence[str] = ()) -> list[str]:
        """A command line for ``python -m module`` that can see ``folder`` and what lies beside it."""
        return self._command(("-m", module, *arguments), folder)

    def run_program(self, file: Path, folder: Path, *arguments: str) -> str:
        """Run a program of the tests' own to its end, which need not be in the image; return its standard output."""
        return self._run(("-c", file.read_text(encoding="utf-8"), *arguments), folder)

    def _command(self, arguments: Sequence[str], folder: Path) -> list[str]:
        if self._python:
            return [self._python, *arguments]
        mounts = [f"type=bind,src={path},dst={path},options=rbind:rw" for path in (folder.parent, CHECKOUT / "crds")]
        return [
            *("ctr", "-n", "k8s.io", "run", "--rm", "--read-only", "--net-host"),
            *("--fifo-dir", str(folder / ".fifos")),  # a containerd may have a /run of its own
            *("--mount", "type=tmpfs,dst=/tmp,options=rw", "--mount", "type=tmpfs,dst=/cache,options=rw"),
            *(part for mount in mounts for part in ("--mount", mount)),
            *(part for name, value in contract_variables(folder).items() for part in ("--env", f"{name}={value}")),
            *(self._image, f"trainer-{secrets.token_hex(4)}"),
            "python",
            *arguments,
        ]

    def start(
        self, module: str, folder: Path, arguments: Sequence[str] = (), user: int | None = None
    ) -> subprocess.Popen[str]:
        """Start ``python -m module``; the caller waits for it."""
        environment = {**os.environ, **contract_variables(folder), "PYTHONPATH": str(CHECKOUT / "trainer-image")}
        return subprocess.Popen(
            self.command(module, folder, arguments),
            env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            user=user if self._python else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, module: str, folder: Path, *arguments: str) -> str:
        """Run ``python -m module`` to its end and return its standard output."""
        return self._run(("-m", module, *arguments), folder)

    def _run(self, arguments: Sequence[str], folder: Path) -> str:
        command = self._command(arguments, folder)
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "trainer-image"), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, timeout=WITHIN, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def copy_for_trainer(folder: Path, target: Path) -> None:
    """Copy a folder so that the trainer may write everywhere in it: in its image it is another user."""
    shutil.copytree(folder, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


class Job:
    """One job in a folder of its own: ``inputs`` are shared, the workspace and what an attempt leaves are here."""

    def __init__(
        self, trainer: Trainer, folder: Path, model: Path, dataset: Path, workspace: Path | None = None
    ) -> None:
        self.folder = folder
        self.workspace = Workspace(workspace or folder / "workspace")
        self.workspace.root.mkdir(parents=True, exist_ok=True)
        self.trainer = trainer
        self.model = model
        self.dataset = dataset

    def nodes(self, count: int) -> list[Job]:
        """The same job's pods, each with a folder beside this one and all with its workspace; they meet on loopback."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            place = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(probe.getsockname()[1])}
        pods = [
            Job(
                self.trainer,
                self.folder.with_name(f"{self.folder.name}-{n}"),
                self.model,
                self.dataset,
                self.workspace.root,
            )
            for n in range(count)
        ]
        for index, pod in enumerate(pods):
            pod.folder.mkdir(exist_ok=True)
            pod.folder.chmod(0o777)
            (pod.folder / "place.json").write_text(json.dumps({"JOB_COMPLETION_INDEX": str(index), **place}))
        return pods

    def document(self, stage: str, **changes: object) -> Json:
        """The run document of a stage, with some places changed."""
        document = run_document(stage, paths__workspace=str(self.workspace.root), model__path=str(self.model))
        put(document, ["datasets", "0", "path"], str(self.dataset))
        for place, value in changes.items():
            put(document, place.split("__"), value)
        return document

    def start(
        self, stage: str, changes: Mapping[str, object] | None = None, *, as_user: int | None = None
    ) -> subprocess.Popen[str]:
        """Start an attempt; finish it with ``end``."""
        (self.folder / "run.json").write_text(json.dumps(self.document(stage, **(changes or {}))))
        (self.folder / "termination-log").write_text("")
        (self.folder / "termination-log").chmod(0o666)
        return self.trainer.start("trainer", self.folder, user=as_user)

    def end(self, process: subprocess.Popen[str]) -> Attempt:
        """Wait for the end of an attempt and read what it left."""
        try:
            output, _ = process.communicate(timeout=WITHIN)
        except subprocess.TimeoutExpired:
            process.terminate()  # a container ends with its program, and not with the client that is waiting for it
            output, _ = process.communicate(timeout=WITHIN)
            raise AssertionError(f"the trainer did not end within {WITHIN:g} s:\n{output}") from None
        message = (self.folder / "termination-log").read_bytes()
        assert message, output
        assert len(message) <= 4096
        return Attempt(process.returncode, json.loads(message), output)

    def attempt(
        self, stage: str, changes: Mapping[str, object] | None = None, *, as_user: int | None = None
    ) -> Attempt:
        """Run an attempt to its end; ``changes`` are places of the run document."""
        return self.end(self.start(stage, changes, as_user=as_user))

    def losses(self) -> dict[int, float]:
        """The loss of each step, from metrics.jsonl; of a repeated step the last one."""
        lines = map(json.loads, self.workspace.metrics.read_text().splitlines())
        return {line["step"]: line["loss"] for line in lines if "loss" in line}


def column(job: Job, name: str) -> dict[int, float]:
    """One metric by step, from metrics.jsonl."""
    lines = map(json.loads, job.workspace.metrics.read_text().splitlines())
    return {line["step"]: line[name] for line in lines if name in line}


def children(pid: int) -> list[int]:
    """The processes that PID 1 of a pod has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def contract_variables(folder: Path) -> dict[str, str]:
    """Where the trainer looks, when it is not alone in a pod."""
    variables = {
        "FINETUNE_RUN_JSON": str(folder / "run.json"),
        "FINETUNE_TERMINATION_LOG": str(folder / "termination-log"),
    }
    endpoint = folder / "progress-url"
    if endpoint.exists():
        variables["KUBEFLOW_TRAINER_SERVER_URL"] = endpoint.read_text()
    place = folder / "place.json"
    return variables | (json.loads(place.read_text()) if place.exists() else {})
