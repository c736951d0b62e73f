"""Going on from the newest sound checkpoint: what goes wrong there ends the attempt, and never costs the checkpoint."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, TypeVar

from trainer.failures import Broken, StageEnd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainer.workspace.checkpoints import Checkpoint

_Trained = TypeVar("_Trained")


def train_from_newest(
    checkpoints: Iterable[Checkpoint],
    train_from: Callable[[Checkpoint | None], _Trained],
    is_end: Callable[[Exception], bool],
) -> _Trained:
    """Train from the first of `checkpoints`, which are those judged sound, or with None from the start.

    Returns what was trained. `is_end` tells errors that have nothing to do with loading. Any other one is Broken: memory,
    volumes and devices fail for a while, libraries say so in errors of every kind, and to go on from less would throw
    away what was trained. Only its own files prove a checkpoint damaged, and they were looked at before.
    """
    checkpoint = _newest(checkpoints)
    try:
        return train_from(checkpoint)
    except StageEnd:
        raise
    except Exception as error:
        if checkpoint is None or is_end(error):
            raise
        traceback.print_exc()
        raise _not_loaded(checkpoint, error) from error


def _newest(checkpoints: Iterable[Checkpoint]) -> Checkpoint | None:
    try:
        return next(iter(checkpoints), None)
    except OSError as error:
        raise Broken(
            type(error).__name__,
            f"a checkpoint cannot be read from the output volume: {error}",
            param="spec.output",
            advice="The next attempt tries again. If it goes on, look at the volume and at who may read its files.",
        ) from error


def _not_loaded(checkpoint: Checkpoint, error: Exception) -> Broken:
    name = type(error).__name__
    folder = "/".join(checkpoint.path.parts[-2:])
    return Broken(
        name,
        f"checkpoint {checkpoint.step} of attempt {checkpoint.attempt}, whose files are whole, could not be gone on from:"
        f" {name}: {error}",
        advice="No checkpoint was removed, and the next attempt tries again. If it goes on, the pod's log says more; with"
        f" checkpoints/{folder} moved away on the output volume the next one takes an older checkpoint.",
    )
