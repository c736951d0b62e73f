"""The files of this checkout as git sees them: tracked ones, and new ones that are not ignored."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@cache
def tracked_files() -> tuple[str, ...]:
    """Paths relative to the root; those that were deleted and not committed are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(path for path in listed.stdout.splitlines() if (ROOT / path).is_file())


def python_files() -> list[str]:
    """All Python modules; an empty package marker has nothing to say."""
    return [path for path in tracked_files() if path.endswith(".py") and (ROOT / path).stat().st_size]


def text_of(path: str) -> str:
    """A file's text; nothing for what is no text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
