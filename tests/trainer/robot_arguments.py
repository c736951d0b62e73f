"""Lets the installed LeRobot parse arguments: ``python robot_arguments.py FILE``, a JSON object of lists of them by name.

Prints as JSON what it made of each: its whole configuration, or the words with which it refused.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from trainer.backends.lerobot.parsing import parsed
from trainer.failures import UserError


def parse(arguments: list[str]) -> dict[str, object]:
    """LeRobot's configuration in its own form, and the learning rate and schedule that it would train with."""
    try:
        config = parsed(arguments)
    except UserError as refused:
        return {"refused": refused.message}
    told: dict[str, object] = config.to_dict()
    return {**told, "path": str(config.policy.pretrained_path or "")}


if __name__ == "__main__":
    cases = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("PARSED " + json.dumps({name: parse(arguments) for name, arguments in cases.items()}, default=str))
