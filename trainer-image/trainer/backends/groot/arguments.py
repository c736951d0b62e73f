"""The command lines of GR00T's trainers: LeRobot 0.5.1 for N1.5, NVIDIA's own launcher for N1.6.

Their words are those of `lerobot/configs/train.py` and `lerobot/policies/groot/configuration_groot.py` of release 0.5.1, and
of `gr00t/configs/finetune_config.py` as it was for N1.6.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.backends.groot.extra import tuned_parts
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.contract.run import Run

MOST_BETWEEN_SAVES: Final = 1000
"""Steps; both trainers' own default is as many or more."""
SAVES: Final = 10
"""Checkpoints of a training that is shorter than that, when the job names no steps."""
FINAL_SHARE: Final = 0.1
"""Of the learning rate, at the last step: LeRobot's own preset for GR00T."""


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt as its trainer is to be told it.

    `resume` is a checkpoint's folder to go on from; `output` the folder where the trainer writes, `modality` the file that
    reads modality.json to N1.6; `episodes` those that N1.5 is to take of the dataset, None for all.
    """

    run: Run
    model: Path
    dataset: Path
    output: Path
    steps: int
    resume: Path | None = None
    modality: Path | None = None
    episodes: tuple[int, ...] | None = None

    @property
    def saves_every(self) -> int:
        """Steps between two checkpoints."""
        given = self.run.checkpoints.every_steps
        return given or max(1, min(MOST_BETWEEN_SAVES, math.ceil(self.steps / SAVES)))


def steps_of(run: Run, frames: int) -> int:
    """The steps that are planned: given, or by epochs over so many frames."""
    given = run.hyperparameters
    return given.steps or math.ceil((given.epochs or 1.0) * frames / (given.batch_size or 1))


def n1_5_command(python: str, task: Task) -> list[str]:
    """`lerobot-train` of LeRobot 0.5.1."""
    processes = task.run.hardware.processes_per_node
    module = "lerobot.scripts.lerobot_train"
    launcher = ["-m", "accelerate.commands.launch", "--multi_gpu", f"--num_processes={processes}", "-m", module]
    start = [python, *(launcher if processes > 1 else ["-m", module])]
    return [*start, *_n1_5_resumed(task)] if task.resume else [*start, *_n1_5_arguments(task)]


def n1_6_command(python: str, task: Task) -> list[str]:
    """The launcher of NVIDIA's repository. It goes on from the newest checkpoint in its output folder by itself."""
    processes = task.run.hardware.processes_per_node
    module = "gr00t.experiment.launch_finetune"
    launcher = ["-m", "torch.distributed.run", f"--nproc_per_node={processes}", "-m", module]
    return [python, *(launcher if processes > 1 else ["-m", module]), *_n1_6_arguments(task)]


def rows_per_process(run: Run) -> int:
    """The batch of each process; UserError when the batch of all cannot be divided among them."""
    batch, processes = run.hyperparameters.batch_size or 1, run.hardware.processes_per_node
    if batch % processes:
        raise UserError(
            "HyperparameterUnsupported",
            f"batchSize is {batch}, which {processes} GPUs cannot share alike",
            param="spec.hyperparameters.batchSize",
            advice=f"Take {max(1, batch // processes) * processes} or {math.ceil(batch / processes) * processes}.",
        )
    return batch // processes


def _n1_5_arguments(task: Task) -> list[str]:
    run, given = task.run, task.run.hyperparameters
    flags = {f"policy.{name}": _word(value) for name, value in tuned_parts(given.extra).items()}
    return _flags(
        {
            "dataset.repo_id": "local/recordings",
            "dataset.root": str(task.dataset),
            **({"dataset.episodes": json.dumps(task.episodes)} if task.episodes is not None else {}),
            "dataset.image_transforms.enable": _word(given.image_augmentation),
            "policy.type": "groot",
            "policy.base_model_path": str(task.model),
            "policy.device": "cuda",
            "policy.push_to_hub": "false",
            **flags,
            "use_policy_training_preset": "false",
            **_n1_5_optimizer(task),
            **_n1_5_schedule(task),
            "batch_size": str(rows_per_process(run)),
            "seed": str(given.seed),
            "job_name": run.job.name,
            "output_dir": str(task.output),
            "wandb.enable": "false",
        }
    )


def _n1_5_optimizer(task: Task) -> dict[str, str]:
    given = task.run.hyperparameters
    warm_up = given.warmup_steps if given.warmup_steps is not None else round(given.warmup_ratio * task.steps)
    return {
        "optimizer.type": "adamw",
        "optimizer.lr": f"{given.learning_rate:g}",
        "optimizer.betas": json.dumps([0.95, 0.999]),
        "optimizer.eps": "1e-8",
        "optimizer.weight_decay": f"{given.weight_decay:g}",
        "optimizer.grad_clip_norm": f"{given.max_grad_norm:g}",
        "scheduler.type": "cosine_decay_with_warmup",
        "scheduler.num_warmup_steps": str(warm_up),
        "scheduler.num_decay_steps": str(task.steps),
        "scheduler.peak_lr": f"{given.learning_rate:g}",
        "scheduler.decay_lr": f"{given.learning_rate * FINAL_SHARE:g}",
    }


def _n1_5_schedule(task: Task) -> dict[str, str]:
    # No simulator is in the pod; every step is told, so that a short training shows its loss too.
    return {"steps": str(task.steps), "save_freq": str(task.saves_every), "log_freq": "10", "eval_freq": "0"}


def _n1_5_resumed(task: Task) -> list[str]:
    configuration = task.resume / "pretrained_model/train_config.json" if task.resume else task.output
    where = {"resume": "true", "config_path": str(configuration), "output_dir": str(task.output)}
    # What a checkpoint's own configuration says may be of an earlier run.
    return _flags({**where, **_n1_5_schedule(task)})


def _n1_6_arguments(task: Task) -> list[str]:
    run, given = task.run, task.run.hyperparameters
    rows_per_process(run)
    parts = [f"--{'' if tuned else 'no-'}{name.replace('_', '-')}" for name, tuned in tuned_parts(given.extra).items()]
    warm_up = given.warmup_steps / task.steps if given.warmup_steps is not None else given.warmup_ratio
    return [
        *("--base-model-path", str(task.model)),
        *("--dataset-path", str(task.dataset)),
        *("--embodiment-tag", "NEW_EMBODIMENT"),
        *("--modality-config-path", str(task.modality)),
        *("--output-dir", str(task.output)),
        *("--num-gpus", str(run.hardware.processes_per_node)),
        *("--max-steps", str(task.steps)),
        *("--save-steps", str(task.saves_every)),
        # We remove old checkpoints ourselves.
        *("--save-total-limit", "1000"),
        *("--global-batch-size", str(given.batch_size)),
        *("--learning-rate", f"{given.learning_rate:g}"),
        *("--weight-decay", f"{given.weight_decay:g}"),
        *("--warmup-ratio", f"{warm_up:g}"),
        *(("--color-jitter-params", *AUGMENTATION) if given.image_augmentation else ()),
        *parts,
    ]


AUGMENTATION: Final = ("brightness", "0.3", "contrast", "0.4", "saturation", "0.5", "hue", "0.08")
"""The makers' own example."""


def _flags(values: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def _word(flag: object) -> str:
    return "true" if flag else "false"


def told(command: Sequence[str]) -> str:
    """The command as a line of the log: it holds no secrets."""
    return " ".join(command)
