"""The two that are compared, for each family: our trainer in stage train, and the program that it drives, by itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.trainer.documents import SAMPLE, Json, put, run_document
from tests.trainer.real_trainer import Trainer
from tests.trainer.robot_jobs import RECORDINGS, TINY_ACT
from tests.trainer_bench.timing import (
    Clock,
    Timed,
    read_lines,
    share_of_waiting,
    steps_of_lerobot,
    steps_of_metrics,
    steps_of_trl,
)

BATCH: Final = 8
CAMERA: Final = "observation.images.top"
ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
"""Of both alike. One thread: models are so small that more of them only wait for each other."""


@dataclass(frozen=True)
class Ran:
    """One training: when its steps ended, and the share of a step in which it waited for data, if it tells."""

    timed: Timed
    waiting: float | None = None


@dataclass(frozen=True)
class Family:
    """One family's two rivals. `plain` gives module and arguments for a folder that does not exist yet."""

    name: str
    rival: str
    trainer: Trainer
    steps: int
    changes: Mapping[str, object]
    plain_module: str
    plain_arguments: Callable[[Path], Sequence[str]]
    hears: Callable[[Clock], Callable[[str], None]]
    document: str = "train"
    without: Sequence[str] = field(default_factory=tuple)

    def run_document(self, workspace: Path) -> Json:
        """What our trainer is asked for."""
        document = run_document(self.document, paths__workspace=str(workspace))
        for key in self.without:
            document.pop(key)
        for place, value in self.changes.items():
            put(document, place.split("__"), value)
        return document


def language(trainer: Trainer, folder: Path, steps: int) -> Family:
    """A tiny chat model with LoRA, and `trl sft`."""
    model = folder / "tiny-chat"
    trainer.run("trainer.tiny", folder, "--out", str(model))
    data = folder / "questions"
    data.mkdir()
    (data / "train.jsonl").write_bytes(SAMPLE.read_bytes())
    arguments = {
        "model_name_or_path": str(model),
        "dtype": "float32",
        "dataset_name": str(data),
        "max_steps": str(steps),
        "per_device_train_batch_size": str(BATCH),
        "learning_rate": "0.001",
        "use_peft": "true",
        "lora_r": "16",
        "lora_target_modules": "all-linear",
        "use_cpu": "true",
        "bf16": "false",
        "gradient_checkpointing": "false",
        "logging_steps": "1",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": "true",
        "seed": "42",
    }
    given = [word for name, value in arguments.items() for word in (f"--{name}", value)]
    return Family(
        name="trl",
        rival="trl sft",
        trainer=trainer,
        steps=steps,
        changes={
            "model__path": str(model),
            "datasets__0__path": str(data / "train.jsonl"),
            "hyperparameters__steps": steps,
            "hyperparameters__batchSize": BATCH,
            "hyperparameters__learningRate": 0.001,
        },
        plain_module="trl.scripts.sft",
        plain_arguments=lambda output: [*given, "--output_dir", str(output)],
        hears=steps_of_trl,
    )


def robots(trainer: Trainer, folder: Path, steps: int) -> Family:
    """ACT from scratch on two cameras in H.264, and `lerobot-train`."""
    data = folder / "circles"
    cameras = ("--camera", CAMERA, "--camera", "observation.images.wrist")
    trainer.run_program(RECORDINGS, folder, str(data), *cameras, "--videos")
    given = [
        "--dataset.repo_id=local/recordings",
        f"--dataset.root={data}",
        "--policy.type=act",
        "--policy.pretrained_backbone_weights=null",
        *(f"--policy.{name}={value}" for name, value in TINY_ACT.items()),
        "--policy.device=cpu",
        "--policy.push_to_hub=false",
        f"--batch_size={BATCH}",
        f"--steps={steps}",
        "--num_workers=0",
        "--seed=42",
        "--log_freq=1",
        "--save_checkpoint=false",
        "--eval_steps=0",
        "--env_eval_freq=0",
        "--wandb.enable=false",
    ]
    return Family(
        name="lerobot",
        rival="lerobot-train",
        trainer=trainer,
        steps=steps,
        document="train.robot",
        without=("reward", "evaluation"),
        changes={
            "jobType": "vla",
            "model": {"name": "act", "type": "act"},
            "datasets": [
                {
                    "name": "circles",
                    "split": "train",
                    "uri": "pvc://data/circles",
                    "path": str(data),
                    "format": "lerobot",
                }
            ],
            "cameras": [],
            "hyperparameters": {
                "steps": steps,
                "batchSize": BATCH,
                "learningRate": 0.00001,
                "seed": 42,
                "lora": {"enabled": False},
                "extra": dict(TINY_ACT),
            },
            "hardware": {"gpus": 0, "nodes": 1, "cpus": 1},
        },
        plain_module="lerobot.scripts.lerobot_train",
        plain_arguments=lambda output: [*given, f"--output_dir={output}"],
        hears=steps_of_lerobot,
    )


def run_ours(family: Family, folder: Path) -> Ran:
    """Our trainer, to its end, in a new folder."""
    workspace = open_folder(folder)
    (folder / "run.json").write_text(json.dumps(family.run_document(workspace)))
    over, clock = threading.Event(), Clock()
    watcher = steps_of_metrics(workspace / "metrics.jsonl", clock, over)
    read_lines(family.trainer.start("trainer", folder), lambda _line: None)
    over.set()
    watcher.join()
    metrics = (workspace / "metrics.jsonl").read_text(encoding="utf-8")
    return Ran(clock.timed(), share_of_waiting(metrics.splitlines()))


def run_plain(family: Family, folder: Path) -> Ran:
    """The program that it drives, to its end, in a new folder."""
    output = open_folder(folder) / "output"
    clock = Clock()
    process = family.trainer.start(family.plain_module, folder, family.plain_arguments(output))
    read_lines(process, family.hears(clock))
    return Ran(clock.timed())


def open_folder(folder: Path) -> Path:
    """A folder that any user may write to, in its image the trainer is another one; and a workspace in it."""
    workspace = folder / "workspace"
    workspace.mkdir(parents=True)
    (folder / "termination-log").write_text("")
    for each in (folder, workspace):
        each.chmod(0o777)
    (folder / "termination-log").chmod(0o666)
    return workspace
