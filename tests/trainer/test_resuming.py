"""Which checkpoint an attempt goes on from, and what becomes of those that cannot be gone on from."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.trainer.test_checkpoints import cut, write_checkpoint
from trainer.failures import Broken, UserError
from trainer.training.resuming import train_from_newest
from trainer.workspace.checkpoints import Checkpoint, discard_newer, sound_checkpoints

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


def test_training_goes_on_from_the_newest_or_begins_with_the_model() -> None:
    assert train_from_newest([NEWEST, OLDER], loading({}), never) == 200
    assert train_from_newest([], loading({}), never) == 0


PASSING = [
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: not enough memory"),
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    MemoryError(),
    OSError(errno.ESTALE, "Stale file handle"),
    ValueError("loaded state dict has a different number of parameter groups"),
    EOFError(),
    ImportError("cannot import name 'x'"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_a_sound_checkpoint_is_kept_whatever_goes_wrong_while_it_is_loaded(tmp_path: Path, error: Exception) -> None:
    for step in (100, 200):
        write_checkpoint(tmp_path, 1, step)
    with pytest.raises(Broken, match="checkpoint 200 of attempt 1, whose files are whole") as broken:
        train_from_newest(sound_checkpoints(tmp_path), loading({200: error}), never)
    assert (broken.value.result, broken.value.code) == ("failed", type(error).__name__)
    assert "No checkpoint was removed" in broken.value.advice
    assert [each.step for each in sound_checkpoints(tmp_path)] == [200, 100]


def test_what_is_to_be_discarded_is_judged_once_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for step in (100, 150, 200):
        write_checkpoint(tmp_path, 1, step)
    cut(tmp_path / "attempt-1" / "checkpoint-200" / "model.safetensors")
    assert [each.step for each in discard_newer(tmp_path, 100)] == [200]
    assert [each.step for each in sound_checkpoints(tmp_path)] == [150, 100]
    assert "checkpoint 200 of attempt 1 is removed: model.safetensors has" in capsys.readouterr().out


def test_a_volume_that_fails_while_checkpoints_are_looked_at_ends_the_attempt_too() -> None:
    def checkpoints() -> Iterator[Checkpoint]:
        raise OSError(errno.EIO, "Input/output error")
        yield NEWEST

    with pytest.raises(Broken, match="Input/output error"):
        train_from_newest(checkpoints(), loading({}), never)


def test_errors_that_say_nothing_of_loading_are_passed_on() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        train_from_newest([NEWEST, OLDER], loading({200: RuntimeError("out of memory")}), lambda _: True)
    with pytest.raises(OSError, match="disk full"):
        train_from_newest([], loading({0: OSError("disk full")}), never)
    with pytest.raises(UserError, match="no such module"):
        train_from_newest([NEWEST], loading({200: UserError("Code", "no such module")}), never)
