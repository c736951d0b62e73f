"""The run in the words of `lerobot-train`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.adapters import adapter_arguments
from trainer.backends.lerobot.backbone import SETTING as BACKBONE
from trainer.backends.lerobot.decoding import SETTING as DECODER
from trainer.backends.lerobot.decoding import decoder
from trainer.backends.lerobot.extra import extra_arguments
from trainer.backends.lerobot.start import BODY, is_makers_own
from trainer.backends.lerobot.xvla import NAME, action_mode
from trainer.backends.lerobot.xvla import SETTING as ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.backends.lerobot.kinds import Kind
    from trainer.backends.lerobot.schedule import Schedule
    from trainer.contract.run import Run
    from trainer.recordings.cameras import CameraPlan
    from trainer.recordings.gathering import Gathered
    from trainer.recordings.recording import Recording

NEVER: Final = 1_000_000_000
"""Steps of a training that its hours end."""
MOST_WORKERS: Final = 8
"""Processes that fetch data for one that trains; more hardly help."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a policy is trained with, and from: `base` a folder of LeRobot's, with its makers' `body`; None: from scratch.

    `episodes` are those that are trained on, and `rows` those of one process. `total_steps` is None when the hours alone decide.
    """

    kind: Kind
    base: Path | None
    gathered: Gathered
    recording: Recording
    cameras: CameraPlan
    episodes: tuple[int, ...]
    schedule: Schedule
    rows: int
    total_steps: int | None
    log_every: int
    backbone: str | None = None
    body: Path | None = None


def policy_arguments(run: Run, setting: Setting, nowhere: Path) -> list[str]:
    """All that a training of a policy is told. `nowhere` must not exist: LeRobot insists, and nothing is written there."""
    device = "cuda" if run.hardware.gpus else "cpu"
    return [
        *_of_dataset(run, setting),
        *_of_training(run, setting, nowhere),
        *_of_policy(run, setting),
        f"--policy.device={device}",
        "--policy.push_to_hub=false",
        *_of_learning_rate(run, setting),
        *_of_precision(run, setting),
        *_of_actions(run, setting),
        *adapter_arguments(setting.kind, run.hyperparameters.lora),
        *extra_arguments(setting.kind, run.hyperparameters.extra),
    ]


def resuming(arguments: list[str], kind: Kind, checkpoint: Path) -> list[str]:
    """The same training from a checkpoint's folder: the policy comes from there, and not from its base again."""
    kept = [each for each in arguments if not each.startswith(("--policy.path=", "--policy.type="))]
    config = checkpoint / "pretrained_model" / "train_config.json"
    return [*kept, f"--policy.type={kind.lerobot}", "--resume=true", f"--config_path={config}"]


def workers_of(run: Run) -> int:
    """Processes that fetch data for each that trains. On CPU none: they would only take its cores."""
    if run.hardware.gpus == 0:
        return 0
    return max(1, min(MOST_WORKERS, int(run.hardware.cpus) // run.hardware.processes_per_node - 1))


def input_features(recording: Recording, used: tuple[str, ...]) -> dict[str, dict[str, object]]:
    """What a policy that is trained from scratch looks at, in LeRobot's form: the state, if there is one, and cameras."""
    state = recording.features.get("observation.state")
    seen: dict[str, dict[str, object]] = {}
    if state is not None:
        seen["observation.state"] = {"type": "STATE", "shape": list(state.shape)}
    for key in used:
        height, width, channels = recording.features[key].size
        seen[key] = {"type": "VISUAL", "shape": [channels, height, width]}
    return seen


def tracker_arguments(run: Run) -> list[str]:
    """Where LeRobot reports to, and under which name: all runs of a job's attempts are one there."""
    tracker = next((each for each in run.integrations if each.type == "wandb"), None)
    if tracker is None:
        return [f"--job_name={run.job.name}", "--wandb.enable=false"]
    uid = f"{run.job.uid}-{run.number}" if run.number else run.job.uid
    return [
        f"--job_name={tracker.run_name or run.job.name}",
        "--wandb.enable=true",
        "--wandb.disable_artifact=true",
        f"--wandb.project={tracker.project}",
        f"--wandb.run_id={uid}",
        *([f"--wandb.entity={tracker.entity}"] if tracker.entity else []),
        # LeRobot gives tags of its own, or none: then wandb takes those of the environment.
        *(["--wandb.add_tags=false"] if tracker_environment(run) else []),
    ]


def tracker_environment(run: Run) -> dict[str, str]:
    """The variables that say what LeRobot has no argument for: the tags of a run in wandb."""
    own = [tag for each in run.integrations if each.type == "wandb" for tag in each.tags]
    reports = any(each.type == "wandb" for each in run.integrations)
    tags = ",".join(dict.fromkeys((*own, *run.tags))) if reports else ""
    return {"WANDB_TAGS": tags} if tags else {}


def _of_dataset(run: Run, setting: Setting) -> list[str]:
    gathered, episodes = setting.gathered, setting.episodes
    return [
        *([] if DECODER in run.hyperparameters.extra else [f"--dataset.video_backend={decoder()}"]),
        "--dataset.repo_id=local/recordings",
        f"--dataset.root={gathered.root}",
        *([f"--dataset.episodes={json.dumps(episodes)}"] if len(episodes) < len(setting.recording.episodes) else []),
        f"--dataset.image_transforms.enable={json.dumps(run.hyperparameters.image_augmentation)}",
    ]


def _of_training(run: Run, setting: Setting, nowhere: Path) -> list[str]:
    return [
        f"--batch_size={setting.rows}",
        f"--steps={setting.total_steps or NEVER}",
        f"--seed={run.hyperparameters.seed}",
        f"--num_workers={workers_of(run)}",
        f"--log_freq={setting.log_every * 10}",
        # We decide when to save and to measure; a simulator is nowhere near.
        "--save_freq=0",
        "--eval_steps=0",
        "--env_eval_freq=0",
        f"--output_dir={nowhere}",
        *tracker_arguments(run),
    ]


def _of_policy(run: Run, setting: Setting) -> list[str]:
    kind, base, cameras = setting.kind, setting.base, setting.cameras
    if base is not None and not is_makers_own(kind, base):
        rename = [f"--rename_map={json.dumps(dict(cameras.rename))}"] if cameras.rename else []
        body = [f"--policy.{BODY}={setting.body}"] if setting.body else []
        return [f"--policy.path={base}", *body, *rename, *_of_backbone(run, setting)]
    own: list[str] = [f"--policy.type={kind.lerobot}"]
    if base is not None:
        own.append(f"--policy.{BODY}={base}")
    features = input_features(setting.recording, cameras.seen_as if cameras.features else cameras.used)
    own.append(f"--policy.input_features={json.dumps(features)}")
    return [*own, *_of_backbone(run, setting)]


def _of_backbone(run: Run, setting: Setting) -> list[str]:
    """Where the job says nothing: never LeRobot's own default, which fetches. What goes on from weights needs none."""
    if setting.kind.lerobot != "act" or BACKBONE in run.hyperparameters.extra:
        return []
    return [f"--policy.{BACKBONE}={json.dumps(None if setting.base else setting.backbone)}"]


def _of_learning_rate(run: Run, setting: Setting) -> list[str]:
    rate, kind, schedule = run.hyperparameters.learning_rate, setting.kind, setting.schedule
    if kind.decay is None:
        backbone = "optimizer_lr_backbone" not in run.hyperparameters.extra
        return [f"--policy.optimizer_lr={rate}", *([f"--policy.optimizer_lr_backbone={rate}"] if backbone else [])]
    return [
        f"--policy.optimizer_lr={rate}",
        f"--policy.scheduler_decay_lr={rate * kind.decay}",
        f"--policy.scheduler_decay_steps={schedule.decay_steps}",
        f"--policy.scheduler_warmup_steps={schedule.lerobots_warmup}",
    ]


def _of_precision(run: Run, setting: Setting) -> list[str]:
    """Never fp16: LeRobot has no scaling of its gradients."""
    wanted = run.hyperparameters.precision
    if setting.kind.precise:
        bf16 = wanted == "bf16" or (wanted == "auto" and run.hardware.gpus > 0)
        return [f"--policy.dtype={'bfloat16' if bf16 else 'float32'}"]
    return ["--policy.use_amp=true"] if wanted == "bf16" else []


def _of_actions(run: Run, setting: Setting) -> list[str]:
    """X-VLA alone has several spaces of actions."""
    if setting.kind.lerobot != NAME:
        return []
    mode = action_mode(run, setting.base, setting.recording.action_dim)
    return [f"--policy.{ACTIONS}={mode}"] if mode else []


def optimizer_settings(run: Run) -> Mapping[str, float]:
    """What is put into LeRobot's optimizer: what the job says, and the type's own for what it does not say."""
    given = run.hyperparameters
    said = {"lr": given.learning_rate}
    if "weightDecay" in given.said:
        said["weight_decay"] = given.weight_decay
    if "maxGradNorm" in given.said:
        said["grad_clip_norm"] = given.max_grad_norm
    return said
