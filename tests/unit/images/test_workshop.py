"""One builder at a time, nothing left of a killed one, and failures that show the end of the log."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest

from tests.images.failure import ImageError
from tests.images.workshop import folder, held

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_images_are_kept_in_the_users_cache(tmp_path: Path) -> None:
    assert folder() == tmp_path / "finetune-operator" / "images"


def test_while_one_builder_holds_the_workshop_no_other_can() -> None:
    with held(print), (folder() / "lock").open("a") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_intermediate_copies_of_a_killed_builder_are_removed() -> None:
    (folder() / "scratch" / "left").mkdir(parents=True)
    with held(print) as workshop:
        assert not list(workshop.scratch.iterdir())


def test_a_failed_command_shows_the_end_of_its_log() -> None:
    with held(print) as workshop, pytest.raises(ImageError, match=r"sh ended with 3(.|\n)*the reason"):
        workshop.run(["sh", "-c", "echo the reason; exit 3"], workshop.log("test.log"))


def test_a_command_that_answers_is_heard() -> None:
    with held(print) as workshop:
        assert workshop.answer(["echo", "answer"]) == b"answer\n"


def test_a_command_that_cannot_answer_says_why() -> None:
    with held(print) as workshop, pytest.raises(ImageError, match="ended with 1: because"):
        workshop.answer(["sh", "-c", "echo because >&2; exit 1"])
