"""Going on from the newest checkpoint that can be used: which failures mean an older one, and which the end."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Final, TypeVar

from trainer.failures import Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainer.workspace.checkpoints import Checkpoint

_Trained = TypeVar("_Trained")

SENSELESS: Final = (ValueError, KeyError, RuntimeError, EOFError, pickle.UnpicklingError)
"""What libraries raise when a checkpoint's content makes no sense to them."""


def train_from_newest(
    checkpoints: Iterable[Checkpoint],
    train_from: Callable[[Checkpoint | None], _Trained],
    is_end: Callable[[Exception], bool],
) -> _Trained:
    """Train from the first of `checkpoints` that can be loaded, or with None from the start. Returns what was trained.

    `is_end` tells errors that no older checkpoint can help against. Broken when the volume refuses to be read: to go on
    from less would throw away, for a passing fault, what was trained.
    """
    remaining = iter(checkpoints)
    while True:
        checkpoint = _next(remaining)
        try:
            return train_from(checkpoint)
        except OSError as error:
            if checkpoint is None or is_end(error):
                raise
            raise _unreadable(f"checkpoint {checkpoint.step} of attempt {checkpoint.attempt}", error) from error
        except SENSELESS as error:
            if checkpoint is None or is_end(error):
                raise
            print(f"checkpoint {checkpoint.step} is passed over: it cannot be loaded: {error}", flush=True)


def _next(remaining: Iterable[Checkpoint]) -> Checkpoint | None:
    try:
        return next(iter(remaining), None)
    except OSError as error:
        raise _unreadable("a checkpoint", error) from error


def _unreadable(what: str, error: OSError) -> Broken:
    return Broken(
        type(error).__name__,
        f"{what} cannot be read from the output volume: {error}",
        param="spec.output",
        advice="The next attempt tries again. If it goes on, look at the volume and at who may read its files.",
    )
