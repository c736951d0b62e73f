"""A shelf is a dictionary of objects, whatever of it is packed."""

from __future__ import annotations

import json
import tracemalloc
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import FINETUNEJOBS, Key
from finetune_operator.reconciler.shelf import AT_HAND, Shelf
from finetune_operator.reconciler.slim import slim
from finetune_operator.reconciler.store import Store
from tests.support.filled_status import LANGUAGE_STATUS
from tests.support.objects import fine_tune_job

KEYS: Final = [Key("ns", f"job-{number}") for number in range(6)]
VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
STEPS: Final = st.lists(st.tuples(st.sampled_from(("put", "get", "drop")), st.sampled_from(KEYS), VALUES), max_size=40)


@given(STEPS)
def test_it_holds_what_a_dictionary_would(steps: list[tuple[str, Key, object]]) -> None:
    shelf, plain = Shelf(at_hand=2), dict[Key, Json]()
    for step, key, value in steps:
        match step:
            case "put":
                shelf[key] = plain[key] = {"value": value}
            case "get":
                assert shelf.get(key) == plain.get(key)
            case _:
                assert shelf.pop(key, None) == plain.pop(key, None)
        assert set(shelf) == set(plain)
        assert len(shelf) == len(plain)
    assert sorted(map(json.dumps, shelf.bodies())) == sorted(map(json.dumps, plain.values()))


def test_a_key_that_is_not_there_is_missed_as_in_a_dictionary() -> None:
    shelf = Shelf()
    with pytest.raises(KeyError):
        _ = shelf[KEYS[0]]
    with pytest.raises(KeyError):
        del shelf[KEYS[0]]
    assert KEYS[0] not in shelf


def test_looking_at_all_of_them_puts_none_at_hand() -> None:
    shelf = Shelf(at_hand=2)
    for key in KEYS:
        shelf[key] = {"name": key.name}
    before = list(shelf)

    assert {body["name"] for body in shelf.bodies()} == {key.name for key in KEYS}
    assert list(shelf) == before


def test_jobs_that_rest_take_a_tenth_of_the_memory() -> None:
    def weight(count: int) -> int:
        tracemalloc.start()
        store = Store()
        for number in range(count):
            body = json.loads(text)
            body["metadata"] |= {"name": f"job-{number}", "uid": f"u-{number}"}
            store.put(FINETUNEJOBS, body)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(store.jobs()) == count
        return used

    text = json.dumps(slim(FINETUNEJOBS, _finished()))
    at_hand = weight(AT_HAND) / AT_HAND
    packed = (weight(AT_HAND + 500) - weight(AT_HAND)) / 500
    assert packed < at_hand / 6


def _finished() -> Json:
    body = fine_tune_job("job")
    return {
        **body,
        "metadata": {**body["metadata"], "namespace": "ns", "resourceVersion": "1"},
        "status": LANGUAGE_STATUS,
    }
