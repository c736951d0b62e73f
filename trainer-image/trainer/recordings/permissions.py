"""Files that are there and that the pod's user may not read: said as such, and not as damage."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.recordings.recording import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.contract.sources import Dataset
    from trainer.failures import UserError

ADVICE: Final = (
    "Make the files readable to all (chmod -R a+rX FOLDER), or to the group that the volume is mounted with (fsGroup)."
)


@contextlib.contextmanager
def allowed(dataset: Dataset, root: Path, path: str) -> Iterator[None]:
    """UserError (DatasetUnreadable) in place of a PermissionError from whatever reads the file `path` under `root`."""
    try:
        yield
    except PermissionError as error:
        raise _forbidden(dataset, root, path) from error


def check_listable(dataset: Dataset, root: Path, folder: str) -> None:
    """The same where a folder, or one in it, may not be listed: what is looked for by a pattern is passed over in silence."""
    with allowed(dataset, root, folder):
        if (root / folder).is_dir():
            for each in (root / folder).iterdir():
                if each.is_dir() and not os.access(each, os.R_OK | os.X_OK):
                    raise _forbidden(dataset, root, str(each.relative_to(root)))


def _forbidden(dataset: Dataset, root: Path, path: str) -> UserError:
    """Names the topmost folder that is closed, else the file."""
    file = root / path
    inner = [each for each in reversed(file.parents) if each.is_relative_to(root)]
    closed = next((each for each in inner if not os.access(each, os.R_OK | os.X_OK)), file)
    shown = "the folder itself" if closed == root else f"{closed.relative_to(root)}"
    try:
        status = closed.stat()
        owner = f": its mode is {status.st_mode & 0o777:04o}, and it belongs to user id {status.st_uid}, group id {status.st_gid}"
    except OSError:
        owner = ""
    return refused(dataset, "DatasetUnreadable", f"{shown} cannot be read by user id {os.getuid()}{owner}", ADVICE)
