"""What a robot needs to know to run a policy: which camera goes to which slot, and what the numbers are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.backends.lerobot.start import published_name
from trainer.recordings.recording import ACTION, STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.backends.lerobot.setting_up import Setup
    from trainer.contract.run import Run
    from trainer.recordings.cameras import View
    from trainer.recordings.recording import Recording

VERSION = 1
"""Of this document."""
IMAGES = "observation.images."
"""What a robot's cameras are called behind, in LeRobot."""


def inference_configuration(run: Run, setup: Setup, config: Mapping[str, object]) -> dict[str, object]:
    """The document `inference.json`. `config` is the policy's own; sizes are those of the recordings."""
    recording = setup.recording
    return {
        "version": VERSION,
        "policyType": setup.kind.lerobot,
        "modelType": run.model.type,
        "baseModel": published_name(run.model) if setup.start.model is not None else None,
        "adapter": run.hyperparameters.lora.enabled,
        "robotType": recording.robot_type or None,
        "fps": recording.fps,
        "cameras": [_camera(setup, recording, view) for view in setup.cameras.views],
        "renameMap": dict(setup.cameras.rename),
        "state": _numbers(recording, STATE),
        "action": _numbers(recording, ACTION),
        "chunkSize": config.get("chunk_size"),
        "actionSteps": config.get("n_action_steps"),
        "tasks": list(recording.tasks[:32]),
    }


def _camera(setup: Setup, recording: Recording, view: View) -> dict[str, object]:
    """One slot; one that is masked gets no picture, and the robot sends none."""
    renamed = view.policy_key if setup.cameras.features else view.dataset_key
    feature = recording.features.get(renamed)
    size = dict(zip(("height", "width", "channels"), feature.size, strict=True)) if feature else {}
    return {
        "slot": view.slot,
        "policyKey": view.policy_key,
        "datasetKey": view.dataset_key or None,
        # Under this name LeRobot's robots offer the camera's pictures.
        "robotCamera": view.dataset_key.rsplit(".", 1)[-1] if view.dataset_key else None,
        # LeRobot's policy server looks for it among the policy's own cameras, before anything is renamed.
        "policyServerCamera": view.policy_key.removeprefix(IMAGES) if view.dataset_key else None,
        "masked": not view.dataset_key,
        **size,
    }


def _numbers(recording: Recording, key: str) -> dict[str, object] | None:
    feature = recording.features.get(key)
    if feature is None:
        return None
    return {"key": key, "size": feature.shape[0] if feature.shape else 0, "names": list(feature.names)}
