"""Tells GR00T N1.6 what a dataset holds: read by its own Python, which has `gr00t`, and never by ours.

Its launcher imports this file by its path (`--modality-config-path`). What it registers is what `modality.json`, whose path
the environment gives, says: every camera now, every state now, every action over the next 16 frames, as it is.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

VARIABLE = "FINETUNE_MODALITY"
"""Environment variable with the path of modality.json."""
HORIZON = 16
"""Frames of action that the model was trained to predict."""


def register() -> None:
    """Register the dataset under GR00T's tag for robots that it does not know."""
    types = importlib.import_module("gr00t.data.types")
    tags = importlib.import_module("gr00t.data.embodiment_tags")
    registry = importlib.import_module("gr00t.configs.data.embodiment_configs")
    modality = json.loads(Path(os.environ[VARIABLE]).read_text(encoding="utf-8"))
    # Absolute: nothing in a dataset says that state and action are of the same kind.
    action = types.ActionConfig(
        rep=types.ActionRepresentation.ABSOLUTE, type=types.ActionType.NON_EEF, format=types.ActionFormat.DEFAULT
    )
    now = {"delta_indices": [0]}
    registry.register_modality_config(
        {
            "video": types.ModalityConfig(**now, modality_keys=list(modality["video"])),
            "state": types.ModalityConfig(**now, modality_keys=list(modality["state"])),
            "action": types.ModalityConfig(
                delta_indices=list(range(HORIZON)),
                modality_keys=list(modality["action"]),
                action_configs=[action] * len(modality["action"]),
            ),
            "language": types.ModalityConfig(
                **now, modality_keys=[f"annotation.{name}" for name in modality["annotation"]]
            ),
        },
        embodiment_tag=tags.EmbodimentTag.NEW_EMBODIMENT,
    )


if VARIABLE in os.environ:
    register()
