"""Names of unpacked layers, and a containerd that is not there."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.images.failure import ImageError
from tests.images.node import Node, chains

if TYPE_CHECKING:
    from pathlib import Path

_FIRST = "sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1"


def test_the_lowest_layer_is_named_by_itself() -> None:
    assert chains([_FIRST]) == (_FIRST,)


def test_a_layer_on_others_is_named_by_all_of_them() -> None:
    one, other = chains([_FIRST, _FIRST]), chains([_FIRST, _FIRST, _FIRST])
    assert other[:2] == one
    assert len(set(other)) == 3


@pytest.mark.skipif(not shutil.which("ctr"), reason="containerd's client is not installed")
def test_a_node_that_does_not_answer_is_a_sentence_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"containerd does not answer at .*socket.*make cluster"):
        Node(tmp_path / "socket").images()
