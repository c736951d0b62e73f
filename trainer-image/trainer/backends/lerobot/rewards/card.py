"""What lies beside a published reward model: its card with the curve of its losses, and what a program needs to use it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.backends.lerobot.inference import VERSION
from trainer.backends.lerobot.model_card import curve, drawn, training_of
from trainer.contract.robots import Reward
from trainer.recordings.camera_picture import shown_cameras
from trainer.recordings.recording import STATE
from trainer.rewards.image_key import reward_image_key
from trainer.rewards.progress_file import FILE
from trainer.rewards.ways import heads_of

if TYPE_CHECKING:
    from trainer.backends.lerobot.model_card import Told
    from trainer.contract.run import Run
    from trainer.recordings.recording import Recording


def reward_card(run: Run, recording: Recording, told: Told, *, progress: bool) -> tuple[str, str]:
    """README.md in Markdown, and the curve in SVG (empty when no loss was logged).

    `progress`: the file of progress lies beside it.
    """
    curves = {name: points for name in ("loss", "evalLoss") if (points := curve(told.metrics, name))}
    picture, given, reward = drawn(curves), run.hyperparameters, run.reward or Reward()
    lines = [
        "---",
        "library_name: lerobot",
        "pipeline_tag: robotics",
        "tags: [sarm, reward-model, robotics]",
        "---",
        "",
        f"# {run.output.model_name or run.job.name}",
        "",
        f"A SARM reward model, trained from scratch, after step {told.step}: it sees how far a task is done, from 0 to 1.",
        "",
        "| | |",
        "|---|---|",
        f"| data | {', '.join(f'`{each.uri}`' for each in run.datasets)} |",
        f"| robot | {recording.robot_type or 'not told'} at {recording.fps:g} frames per second |",
        f"| camera | `{reward_image_key(run, recording.image_keys)}` |",
        f"| annotations | {reward.annotation_mode}: {' and '.join(heads_of(reward.annotation_mode))} progress |",
        f"| batch, learning rate, seed | {given.batch_size}, {given.learning_rate:g}, {given.seed} |",
        f"| training | {training_of(told, steps=given.steps, falls=True)} |",
        *(f"| {name} | {points[-1][1]:.4g} |" for name, points in curves.items()),
        "",
        "`inference.json` says the same for programs. The CLIP that it sees with is not in this folder.",
        *(["", f"`{FILE}` holds the progress of every frame that it was trained on."] if progress else []),
        *shown_cameras(pictured=told.pictured),
        *(["", "![Losses over the steps](loss.svg)"] if picture else []),
    ]
    return "\n".join(lines) + "\n", picture


def reward_inference(run: Run, recording: Recording) -> dict[str, object]:
    """The document `inference.json`."""
    key, reward = reward_image_key(run, recording.image_keys), run.reward or Reward()
    height, width, channels = recording.features[key].size
    names = recording.features[STATE].names if STATE in recording.features else ()
    return {
        "version": VERSION,
        "policyType": "sarm",
        "modelType": run.model.type,
        "robotType": recording.robot_type or None,
        "fps": recording.fps,
        "cameras": [{"datasetKey": key, "height": height, "width": width, "channels": channels, "masked": False}],
        "state": {"key": STATE, "size": recording.state_dim, "names": list(names)},
        "heads": list(heads_of(reward.annotation_mode)),
        "tasks": list(recording.tasks[:32]),
    }
