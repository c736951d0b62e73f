"""Robot jobs for the real trainer: tiny datasets and policies made by LeRobot itself, run through the contract alone.

``FINETUNE_ROBOTS_PYTHON`` names a Python with LeRobot and what the family needs (trainer-image/requirements).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.eventually import wait_until
from tests.trainer.documents import CHECKOUT, Json, put
from tests.trainer.real_trainer import WITHIN, Job, Trainer, children, contract_variables
from trainer.workspace.layout import Workspace

VARIABLE: Final = "FINETUNE_ROBOTS_PYTHON"
RECORDINGS: Final = Path(__file__).with_name("robot_recordings.py")
POLICIES: Final = Path(__file__).with_name("robot_policies.py")
XVLA: Final = Path(__file__).with_name("robot_xvla.py")
SERVER: Final = Path(__file__).with_name("robot_policy_server.py")
WALL_OSS: Final = Path(__file__).with_name("robot_wall_oss.py")
TINY_ACT: Final[Json] = {
    "chunk_size": 8,
    "n_action_steps": 8,
    "dim_model": 32,
    "n_heads": 2,
    "dim_feedforward": 32,
    "n_encoder_layers": 1,
    "n_vae_encoder_layers": 1,
    "latent_dim": 8,
}
"""Settings that make ACT small; its eyes stay a ResNet."""


class RobotTrainer(Trainer):
    """The trainer under the Python that has LeRobot."""

    def __init__(self, environment: Mapping[str, str], compiled: Path) -> None:
        python = environment.get(VARIABLE, "")
        super().__init__({"FINETUNE_TRAINER_PYTHON": python} if python else {"FINETUNE_TRAINER_IMAGE": ""})
        self.python = python
        self._compiled = environment.get("PYTHONPYCACHEPREFIX", str(compiled))

    @property
    def available(self) -> bool:  # type: ignore[explicit-override]  # Python 3.11 has no override
        """Whether there is such a Python."""
        return bool(self.python)

    def variables(self, folder: Path) -> dict[str, str]:
        """The environment of whatever runs under it: LeRobot's imports are compiled once, as the Python may be read-only."""
        own = {"PYTHONPATH": str(CHECKOUT / "trainer-image"), "PYTHONPYCACHEPREFIX": self._compiled}
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, **contract_variables(folder), **own, "HF_HUB_OFFLINE": "1"}

    def start(  # type: ignore[explicit-override]
        self, module: str, folder: Path, arguments: Sequence[str] = (), user: int | None = None
    ) -> subprocess.Popen[str]:
        """Start ``python -m module``; the caller waits for it."""
        return subprocess.Popen(
            [self.python, "-m", module, *arguments],
            env=self.variables(folder),
            cwd="/",
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def script(self, script: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        """Run a script of the tests to its end and return its standard output."""
        done = subprocess.run(
            [self.python, str(script), *arguments],
            env={**self.variables(script.parent), "OMP_NUM_THREADS": "1", **(variables or {})},
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def served(self, policy: Path, where: Path, camera: str = "policyServerCamera") -> object:
        """What LeRobot's policy server makes of a robot's observation: the shape of its actions, or what it misses."""
        return json.loads(
            self.script(SERVER, str(policy), str(where), variables={"CAMERA": camera}).partition("ANSWER ")[2]
        )

    def record(self, folder: Path, *options: str) -> Path:
        """A tiny dataset in ``folder``."""
        self.script(RECORDINGS, str(folder), *options)
        return folder


@dataclass(frozen=True)
class Model:
    """What a job tunes: nothing, if there is no folder."""

    kind: str = "act"
    path: Path | None = None


class RobotJob(Job):
    """One robot job in a folder of its own."""

    def __init__(self, trainer: RobotTrainer, folder: Path, dataset: Path, model: Model = Model()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(trainer, folder, model.path or Path("/nowhere"), dataset)
        self.robot_trainer = trainer
        self.policy = model
        self.uid = f"uid-of-{folder.name}"

    def document(self, stage: str, **changes: object) -> Json:  # type: ignore[explicit-override]
        """The run document of a stage: ACT, tiny, four steps, unless ``changes`` say otherwise."""
        model: Json = {"name": f"tests/{self.policy.kind}", "type": self.policy.kind}
        if self.policy.path is not None:
            model["path"] = str(self.policy.path)
        extra = TINY_ACT if self.policy.kind == "act" else {}
        document: Json = {
            "contractVersion": 1,
            "stage": stage,
            "job": {"namespace": "team-a", "name": "pick", "uid": self.uid},
            "attempt": 1,
            "jobType": "vla",
            "model": model,
            "datasets": [
                {
                    "name": "circles",
                    "split": "train",
                    "uri": "pvc://robots/circles",
                    "path": str(self.dataset),
                    "format": "lerobot",
                }
            ],
            "hyperparameters": {
                "steps": 4,
                "batchSize": 4,
                "learningRate": 0.0005,
                "seed": 42,
                "lora": {"enabled": False},
                "extra": dict(extra),
            },
            "hardware": {"gpus": 0, "nodes": 1, "cpus": 1},
            "limits": {"trainingSeconds": 3600, "graceSeconds": 60},
            "checkpoints": {"everySeconds": 1800, "keepLast": 2},
            "paths": {"workspace": str(self.workspace.root)},
        }
        for place, value in changes.items():
            put(document, place.split("__"), value)
        return _without_nothing(document)

    def robot_nodes(self, count: int) -> list[RobotJob]:
        """The same job's pods, each with a folder beside this one and all with its workspace; they meet on loopback."""
        pods = []
        for node in self.nodes(count):
            pod = RobotJob(self.robot_trainer, node.folder, self.dataset, self.policy)
            pod.workspace = self.workspace
            pod.uid = self.uid
            pods.append(pod)
        return pods

    def weights(self, folder: Path | None = None) -> bytes:
        """The finished policy's weights, as they lie in their file."""
        return ((folder or self.workspace.model) / "model.safetensors").read_bytes()

    def metric(self, name: str) -> dict[int, float]:
        """A metric by step, from metrics.jsonl; of a repeated step the last one."""
        lines = map(json.loads, self.workspace.metrics.read_text().splitlines())
        return {line["step"]: line[name] for line in lines if name in line}

    def again(self, name: str) -> RobotJob:
        """The same work as a job of another folder."""
        return RobotJob(self.robot_trainer, self.folder.with_name(name), self.dataset, self.policy)


def _without_nothing(document: Json) -> Json:
    """The document without what was changed to None."""
    kept = {key: value for key, value in document.items() if value is not None}
    return {key: _without_nothing(value) if isinstance(value, dict) else value for key, value in kept.items()}


def complete_steps(workspace: Workspace) -> list[int]:
    """The steps of the complete checkpoints that are there."""
    return sorted(
        int(marker.parent.name.rpartition("-")[2]) for marker in workspace.checkpoints.glob("*/*/COMPLETE.json")
    )


def reached(job: RobotJob, step: int) -> bool:
    """Whether a step has been logged."""
    return job.workspace.metrics.exists() and max(job.losses(), default=0) >= step


def kill_at(job: RobotJob, changes: Mapping[str, object], step: int, after: float = 0) -> None:
    """Kill an attempt, all of its processes, a moment after it has made a step."""
    process = job.start("train", changes)
    wait_until(lambda: reached(job, step) or process.poll() is not None, WITHIN)
    until = time.monotonic() + after
    wait_until(lambda: time.monotonic() >= until)
    for pid in (process.pid, *children(process.pid)):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
