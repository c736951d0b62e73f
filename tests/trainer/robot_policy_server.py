"""Asks a published policy for actions as LeRobot's policy server does: ``python robot_policy_server.py FOLDER [WHERE]``.

The robot's cameras are called by a field of ``inference.json``, given as ``CAMERA`` in the environment. What the server makes of
an observation is made by its own functions; they need no grpc, which the server itself does.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def robot_features(told: dict[str, Any], field: str) -> dict[str, Any]:
    """What a robot with the recording's joints and cameras says that it observes."""
    cameras = {each[field]: (48, 64, 3) for each in told["cameras"] if not each["masked"]}
    return {**dict.fromkeys(told["state"]["names"], float), **cameras}


def answer(folder: str, field: str) -> list[int]:
    """Load a policy with its processors, and ask it for a chunk of actions: its length and the numbers of each."""
    import numpy as np  # noqa: PLC0415 - only where LeRobot is
    import torch  # noqa: PLC0415
    from lerobot.async_inference.constants import SUPPORTED_POLICIES  # noqa: PLC0415
    from lerobot.async_inference.helpers import raw_observation_to_observation  # noqa: PLC0415
    from lerobot.policies.factory import get_policy_class, make_pre_post_processors  # noqa: PLC0415
    from lerobot.utils.feature_utils import hw_to_dataset_features  # noqa: PLC0415

    told = json.loads((Path(folder) / "inference.json").read_text())
    assert told["policyType"] in SUPPORTED_POLICIES
    policy = get_policy_class(told["policyType"]).from_pretrained(folder)
    # The server renames nothing unless its client asks for it.
    steps = {"device_processor": {"device": "cpu"}, "rename_observations_processor": {"rename_map": {}}}
    before, after = make_pre_post_processors(policy.config, folder, preprocessor_overrides=steps)
    features = robot_features(told, field)
    raw = {key: 0.5 if kind is float else np.zeros(kind, np.uint8) for key, kind in features.items()}
    observed = raw_observation_to_observation(
        {**raw, "task": "follow the circle"},
        hw_to_dataset_features(features, "observation", use_video=False),
        policy.config.image_features,
    )
    chunk = policy.predict_action_chunk(before(observed))
    return list(torch.stack([after(chunk[:, each]) for each in range(chunk.shape[1])], dim=1).squeeze(0).shape)


if __name__ == "__main__":
    place, *where = sys.argv[1:]
    os.chdir(where[0] if where else place)
    try:
        print("ANSWER", json.dumps(answer(place, os.environ["CAMERA"])))
    except KeyError as error:
        print("ANSWER", json.dumps(f"no {error.args[0]}"))
