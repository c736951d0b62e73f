"""The part of a model card that runs: how a published policy is loaded and asked for an action. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trainer.recordings.recording import ACTION, STATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.backends.lerobot.setting_up import Setup
    from trainer.recordings.recording import Feature


def shown_use(setup: Setup) -> tuple[str, ...]:
    """Lines of Markdown with a program that asks the policy for one action, from a frame of zeros of the right sizes."""
    return (
        "",
        "## Use",
        "",
        "With LeRobot 0.6.1, in the folder of this file; numbers and pictures are those of the recordings:",
        "",
        "```python",
        "import torch",
        "from lerobot.policies.factory import get_policy_class, make_pre_post_processors",
        "",
        f'policy = get_policy_class("{setup.kind.lerobot}").from_pretrained(".")',
        'before, after = make_pre_post_processors(policy.config, ".")',
        "frame = {",
        *_frame(setup),
        "}",
        f"action = after(policy.select_action(before(frame)))  {_said(setup.recording.features.get(ACTION))}",
        "```",
    )


def _frame(setup: Setup) -> Iterator[str]:
    recording = setup.recording
    state = recording.features.get(STATE)
    if state is not None:
        yield f'    "{STATE}": torch.zeros({state.shape[0]}),  {_said(state)}'
    for view in setup.cameras.views:
        key = view.policy_key if setup.cameras.features else view.dataset_key
        if view.dataset_key and key in recording.features:
            height, width, channels = recording.features[key].size
            yield f'    "{key}": torch.zeros({channels}, {height}, {width}),  # colours from 0 to 1'
    yield f'    "task": {json.dumps(recording.tasks[0] if recording.tasks else "")},'


def _said(feature: Feature | None) -> str:
    """The names of a feature's numbers, as a comment."""
    names = feature.names if feature else ()
    return f"# {', '.join(names)}" if names else "# numbers without names"
