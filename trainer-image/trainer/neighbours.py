"""What lies where something was looked for in vain: the end of a message that helps whoever misspelt it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from trainer.failures import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

MOST_NAMES: Final = 5
"""Names that a message lists."""
MOST_LOOKED_AT: Final = 1000
"""Entries of a folder, which may be very large."""


def what_is_there(path: Path) -> str:
    """What lies beside the first part of `path` that does not exist, and the nearest right spelling of that part."""
    parent = next((folder for folder in path.parents if folder.is_dir()), None)
    if parent is None:
        return ""
    missing = path.relative_to(parent).parts[0]
    return listing(parent) + did_you_mean(missing, [each.name for each in _visible(parent)])


def listing(folder: Path) -> str:
    """What a folder holds, in a sentence with a leading blank."""
    names = [each.name + ("/" if each.is_dir() else "") for each in _visible(folder)]
    if not names:
        return " The folder is empty."
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f" There is: {', '.join(names[:MOST_NAMES])}{more}."


def is_empty(folder: Path) -> bool:
    """Whether nothing that a user put there is in the folder, or there is no such folder."""
    return not _visible(folder)


def _visible(folder: Path) -> list[Path]:
    # Mounted ConfigMaps and Secrets keep their versions in folders that begin with two dots.
    try:
        return sorted(each for each in islice(folder.iterdir(), MOST_LOOKED_AT) if not each.name.startswith(".."))
    except OSError:
        return []
