"""JSON of the API server is read and written again, however deeply somebody nested it."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.documents import read_json, write_json
from finetune_operator.cluster.resources import Key
from finetune_operator.reconciler.shelf import Shelf

DEPTHS = (1, 199, 201, 254, 256, 300, 500)


def nested(depth: int) -> Json:
    body: Json = {"learned": 0.1}
    for _ in range(depth):
        body = {"inner": body}
    return body


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_document_is_read_as_it_was_written(depth: int) -> None:
    text = '{"inner":' * depth + '{"learned":0.1}' + "}" * depth
    assert read_json(text) == read_json(text.encode()) == nested(depth)
    assert write_json(nested(depth)) == text.encode()


@pytest.mark.parametrize("depth", DEPTHS)
def test_it_is_put_on_a_shelf_and_taken_from_it(depth: int) -> None:
    shelf, keys = Shelf(at_hand=1), (Key("ns", "deep"), Key("ns", "other"))
    for key in keys:
        shelf[key] = nested(depth)
    assert [shelf[key] for key in keys] == [nested(depth)] * 2


@pytest.mark.parametrize("text", [b"", b"<html>", b"\xff", '{"a":' * 100_000])
def test_what_is_no_document_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(text)
