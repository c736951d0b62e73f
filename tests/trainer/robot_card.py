"""Runs what a policy's model card says of its use: ``python robot_card.py FOLDER``. Prints the shape of the action."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    os.chdir(sys.argv[1])
    program = Path("README.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    names: dict[str, object] = {}
    exec(program, names)  # noqa: S102 - what our own card says
    print("ACTION", list(getattr(names["action"], "shape", ())))
