"""A policy at the controls, as a robot runs it: LeRobot's weights with the processors that were published beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trainer.failures import UserError, did_you_mean
from trainer.pick.sensors import STATE_KEY, TOP, WRIST, observed
from trainer.pick.table import Action

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.pick.table import Table

OFFERED: Final = (STATE_KEY, TOP, WRIST)


@dataclass(frozen=True)
class Pilot:
    """The policy, and what LeRobot does to numbers before and after it."""

    policy: Any
    before: Any
    after: Any

    def reset(self) -> None:
        """Forget what was seen: a new try begins."""
        self.policy.reset()

    def actions(self, tables: Sequence[Table]) -> list[Action]:
        """One action for each of several tables that are at the same step of their tries."""
        import numpy as np  # noqa: PLC0415 - slow to import
        import torch  # noqa: PLC0415 - the same

        seen = [observed(table) for table in tables]
        batch = {STATE_KEY: torch.from_numpy(np.stack([each[STATE_KEY] for each in seen]))}
        for camera in (TOP, WRIST):
            pictures = torch.from_numpy(np.stack([each[camera] for each in seen]))
            batch[camera] = pictures.permute(0, 3, 1, 2).float() / 255
        told = self.after(self.policy.select_action(self.before(batch)))
        return [Action(*map(float, row)) for row in told.tolist()]


def load(folder: Path, fresh_weights: int | None = None) -> Pilot:
    """The policy in `folder`; with `fresh_weights`, the same network as it was before training, by that seed. UserError."""
    check(folder)
    import torch  # noqa: PLC0415 - slow to import: after the folder is checked
    from lerobot.configs.policies import PreTrainedConfig  # noqa: PLC0415 - the same
    from lerobot.policies.factory import get_policy_class, make_pre_post_processors  # noqa: PLC0415 - the same

    config = PreTrainedConfig.from_pretrained(folder)
    config.device = "cpu"
    kind = get_policy_class(config.type)
    if fresh_weights is None:
        policy = kind.from_pretrained(folder, config=config)
    else:
        torch.manual_seed(fresh_weights)
        policy = kind(config)
    on_cpu = {"device_processor": {"device": "cpu"}}
    before, after = make_pre_post_processors(
        config, str(folder), preprocessor_overrides=on_cpu, postprocessor_overrides=on_cpu
    )
    return Pilot(policy.eval(), before, after)


def check(folder: Path) -> None:
    """UserError when there is no policy in `folder`, or one that wants to see what this robot does not show."""
    file = folder / "config.json"
    if not file.is_file():
        raise UserError(
            "ModelUnreadable",
            f"{folder} holds no policy: there is no config.json",
            param="--policy",
            advice="name the folder model/ that a FineTuneJob published",
        )
    config: object = json.loads(file.read_text(encoding="utf-8"))
    wanted = config.get("input_features") if isinstance(config, dict) else None
    if not isinstance(wanted, dict):
        raise UserError(
            "ModelUnreadable", f"{file} is no policy of LeRobot's: it has no input_features", param="--policy"
        )
    for key in wanted:
        if key not in OFFERED:
            raise UserError(
                "ModelUnreadable",
                f"the policy looks at {key!r}, which this robot does not have.{did_you_mean(key, OFFERED)}"
                f" It has: {', '.join(OFFERED)}",
                param="--policy",
                advice="train it on recordings of this task",
            )
