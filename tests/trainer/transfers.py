"""A trainer's pod that fetches and publishes: run.json, secrets and what is left, as PID 1 of a real trainer."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from tests.trainer.documents import CHECKOUT, CONTRACT, Json, chat, put, run_document, write_lines
from tests.trainer.real_trainer import Attempt, children
from trainer.workspace.layout import Workspace

LIBRARIES: Final = ("s3fs", "gcsfs", "huggingface_hub")
WITHIN: Final = 120.0
ROWS: Final = [chat(f"How heavy is number {n}?", f"{n} grams.") for n in range(7)]


def transfer_python() -> str:
    """A Python with the libraries of the stores; the test is skipped where there is none."""
    for name in ("FINETUNE_TRAINER_PYTHON", "FINETUNE_ROBOTS_PYTHON"):
        if os.environ.get(name):
            return os.environ[name]
    if all(map(importlib.util.find_spec, LIBRARIES)):
        return sys.executable
    pytest.skip(f"no Python with {', '.join(LIBRARIES)} here: set FINETUNE_TRAINER_PYTHON or FINETUNE_ROBOTS_PYTHON")


def lines(rows: int = len(ROWS), length: int = 0) -> bytes:
    """A dataset of so many rows, with ``length`` characters more in each, as the bytes of its file."""
    answers = (f"{n} grams.{'.' * length}" for n in range(rows))
    written = (json.dumps(chat(f"How heavy is number {n}?", answer)) for n, answer in enumerate(answers))
    return "".join(f"{line}\n" for line in written).encode()


class Pod:
    """One job in a folder of its own. ``variables`` are its environment: Secrets, and where servers are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = Workspace(folder / "workspace")
        self.workspace.root.mkdir(parents=True)
        self.variables: dict[str, str] = {}
        self.python = transfer_python()

    @property
    def fetched(self) -> Path:
        """Where the trainer keeps what it has fetched."""
        return self.workspace.root / "fetched"

    def files(self) -> dict[str, bytes]:
        """All that was fetched and is whole, by its path below the digest."""
        whole = [marker.with_suffix("") for marker in self.fetched.glob("*.json")]
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for folder in whole
            for path in folder.rglob("*")
            if path.is_file()
        }

    def partial_bytes(self) -> int:
        """Bytes of what is not whole yet."""
        partial = [path for folder in self.fetched.glob("*.partial") for path in folder.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in partial if path.suffix == ".part")

    def dataset(self, uri: str, **more: object) -> Attempt:
        """Let stage inspect look at a dataset."""
        dataset: Json = {"name": "questions", "split": "train", "uri": uri, **more}
        return self.attempt("inspect", {"datasets": [dataset]}, without=("model",))

    def attempt(
        self, stage: str, changes: Mapping[str, object] | None = None, without: tuple[str, ...] = ()
    ) -> Attempt:
        """Run a stage to its end."""
        return self.end(self.start(stage, changes, without))

    def start(
        self, stage: str, changes: Mapping[str, object] | None = None, without: tuple[str, ...] = ()
    ) -> subprocess.Popen[str]:
        """Start a stage; finish it with ``end``."""
        document = run_document(stage, paths__workspace=str(self.workspace.root))
        document["paths"]["cache"] = str(self.folder / "cache")  # type: ignore[index]
        for place, value in (changes or {}).items():
            put(document, place.split("__"), value)
        for key in without:
            document.pop(key, None)
        jsonschema.validate(document, json.loads((CONTRACT / "run.schema.json").read_text()))
        (self.folder / "run.json").write_text(json.dumps(document))
        (self.folder / "termination-log").write_text("")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("FINETUNE_SECRET_", "HF_"))},
            "PYTHONPATH": str(CHECKOUT / "trainer-image"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "FINETUNE_RUN_JSON": str(self.folder / "run.json"),
            "FINETUNE_TERMINATION_LOG": str(self.folder / "termination-log"),
            **self.variables,
        }
        return subprocess.Popen(
            [self.python, "-m", "trainer"],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]) -> Attempt:
        """Wait for the end and read what is left; no secret is in any of it."""
        output, _ = process.communicate(timeout=WITHIN)
        message = (self.folder / "termination-log").read_bytes()
        assert message, output
        verdict = json.loads(message)
        jsonschema.validate(verdict, json.loads((CONTRACT / "verdict.schema.json").read_text()))
        self._check_secrets(output)
        return Attempt(process.returncode, verdict, output)

    def kill_when(self, process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
        """SIGKILL the process that works once ``condition`` holds, and wait until the pod has ended."""
        wait_until(condition, process)
        workers = children(process.pid)
        assert workers
        for worker in workers:
            os.kill(worker, 9)
        process.communicate(timeout=WITHIN)

    def finished_model(self, files: Mapping[str, bytes]) -> Json:
        """Put a finished model in place, as stage train leaves it. Returns its verdict."""
        for name, content in files.items():
            path = self.workspace.model / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        document = run_document("publish")
        verdict: Json = {
            "contractVersion": 1,
            "stage": "train",
            "attempt": 1,
            "result": "completed",
            "message": "trained 4 of 4 steps",
            "artifact": {
                "path": "model",
                "kind": "model",
                "files": sorted(files),
                "bytes": sum(map(len, files.values())),
                "digest": f"sha256:{'ab' * 32}",
            },
        }
        record = {"jobUid": uid_of(document), "run": 0, "verdict": verdict}
        self.workspace.model_place.record.write_text(json.dumps(record))
        return verdict

    def publish(self, uri: str, **changes: object) -> Attempt:
        """Run stage publish on the model in place."""
        return self.attempt("publish", {"run": 0, "output": {"uri": uri}, **changes})

    def _check_secrets(self, output: str) -> None:
        hidden = [
            value
            for name, value in self.variables.items()
            if name.startswith("FINETUNE_SECRET_") and not name.endswith(("ENDPOINT", "REGION", "KEY_ID", "USERNAME"))
        ]
        left = [path for path in self.workspace.root.rglob("*.json") if path.is_file()]
        everything = output + "".join(path.read_text(errors="replace") for path in left)
        assert not [value for value in hidden if value in everything]


def uid_of(document: Mapping[str, Any]) -> str:
    """The job's uid in a run document."""
    return str(document["job"]["uid"])


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Return once ``condition`` holds; fail when the process ends before, or nothing happens for a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        if process.poll() is not None:
            pytest.fail(f"the trainer ended too early:\n{process.stdout.read() if process.stdout else ''}")
        if time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"nothing came of it in a minute:\n{process.communicate()[0]}")


def write_rows(path: Path) -> Path:
    """The rows as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_lines(path, ROWS)
