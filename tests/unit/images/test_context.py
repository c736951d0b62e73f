"""What is hashed is what is built, and only what matters counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.images import context
from tests.images.failure import ImageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    (folder / "program").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "program" / "main.py").write_text("print('hello')\n")
    return folder


def _digest(folder: Path) -> str:
    return context.read(folder, ("Dockerfile", "program")).digest()


def test_a_changed_line_changes_the_digest(sources: Path) -> None:
    before = _digest(sources)
    (sources / "program" / "main.py").write_text("print('other')\n")
    assert _digest(sources) != before


def test_a_renamed_file_changes_the_digest(sources: Path) -> None:
    before = _digest(sources)
    (sources / "program" / "main.py").rename(sources / "program" / "other.py")
    assert _digest(sources) != before


def test_an_execute_bit_changes_the_digest(sources: Path) -> None:
    before = _digest(sources)
    (sources / "program" / "main.py").chmod(0o755)
    assert _digest(sources) != before


def test_bytecode_hidden_files_and_files_that_nothing_copies_do_not_count(sources: Path) -> None:
    before = _digest(sources)
    (sources / "program" / "__pycache__").mkdir()
    (sources / "program" / "__pycache__" / "main.cpython-313.pyc").write_bytes(b"bytecode")
    (sources / "program" / ".main.py.swp").write_text("an editor's")
    (sources / "README.md").write_text("words")
    assert _digest(sources) == before


def test_a_missing_source_is_named(sources: Path) -> None:
    with pytest.raises(ImageError, match=r"nothing\.py is missing"):
        context.read(sources, ("nothing.py",))


def test_what_is_written_reads_back_the_same(sources: Path, tmp_path: Path) -> None:
    read = context.read(sources, ("Dockerfile", "program"))
    read.write(tmp_path / "copy")
    assert context.read(tmp_path / "copy", ("Dockerfile", "program")) == read
