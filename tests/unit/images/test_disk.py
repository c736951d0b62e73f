"""Too little disk space is said before it is needed, with the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.images.disk import demand, used
from tests.images.failure import ImageError

if TYPE_CHECKING:
    from pathlib import Path


def test_too_little_space_is_refused_with_what_is_needed_what_is_free_and_what_to_remove(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"needs 9999999 GB, and .* GB are free .*make clean-cache.*XDG_CACHE_HOME"):
        demand(tmp_path / "not" / "there" / "yet", 9_999_999, "a test")


def test_enough_space_passes_in_silence(tmp_path: Path) -> None:
    demand(tmp_path, 0, "a test")


def test_a_file_with_two_names_occupies_its_space_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(bytes(1_000_000))
    alone = used(tmp_path)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert used(tmp_path) == pytest.approx(alone, abs=1e-4)
