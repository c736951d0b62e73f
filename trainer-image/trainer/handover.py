"""How the process that trains hands its verdict to PID 1: a file that the first writer makes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trainer.workspace.jsonfile import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def hand_over(path: Path, verdict: Mapping[str, object]) -> None:
    """Leave the verdict for PID 1. The first one counts: what other processes say after a failure only follows from it."""
    try:
        with path.open("x", encoding="utf-8", errors="replace") as file:
            json.dump(verdict, file, allow_nan=False)
    except FileExistsError:
        print(f"a later verdict is not kept: {verdict['result']}: {verdict['message']}", flush=True)


def take_over(path: Path) -> dict[str, object] | None:
    """The verdict that was left; None when the process ended without one."""
    return read_json(path) or None
