"""Which checkpoint an attempt goes on from, when some cannot be loaded."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainer.failures import Broken
from trainer.training.resuming import train_from_newest
from trainer.workspace.checkpoints import Checkpoint

NEWEST, OLDER = Checkpoint(200, 1, Path("c/200")), Checkpoint(190, 1, Path("c/190"))


def loading(failures: dict[int, Exception]) -> Callable[[Checkpoint | None], int]:
    """A training that fails to load some steps, and else says from which step it went on."""

    def train_from(checkpoint: Checkpoint | None) -> int:
        step = checkpoint.step if checkpoint else 0
        if step in failures:
            raise failures[step]
        return step

    return train_from


def never(_: Exception) -> bool:
    return False


@pytest.mark.parametrize("error", [ValueError("no sense"), RuntimeError("bad archive"), EOFError()])
def test_content_that_makes_no_sense_means_the_next_older_one(error: Exception) -> None:
    assert train_from_newest([NEWEST, OLDER], loading({200: error}), never) == 190
    assert train_from_newest([NEWEST], loading({200: error}), never) == 0


def test_a_read_that_fails_ends_the_attempt_and_never_starts_from_the_model_again() -> None:
    stale = OSError(errno.ESTALE, "Stale file handle")
    with pytest.raises(Broken, match="checkpoint 200 of attempt 1 cannot be read from the output volume") as broken:
        train_from_newest([NEWEST, OLDER], loading({200: stale}), never)
    assert (broken.value.result, broken.value.code) == ("failed", "OSError")


def test_a_volume_that_fails_while_checkpoints_are_looked_at_ends_the_attempt_too() -> None:
    def checkpoints() -> Iterator[Checkpoint]:
        raise OSError(errno.EIO, "Input/output error")
        yield NEWEST

    with pytest.raises(Broken, match="Input/output error"):
        train_from_newest(checkpoints(), loading({}), never)


def test_errors_that_no_older_checkpoint_helps_against_are_passed_on() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        train_from_newest([NEWEST, OLDER], loading({200: RuntimeError("out of memory")}), lambda _: True)
    with pytest.raises(OSError, match="disk full"):
        train_from_newest([], loading({0: OSError("disk full")}), never)
