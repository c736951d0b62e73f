"""A merge patch turns the old object into the new one, for any two objects, and says nothing when they are equal."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.api.model import Json
from finetune_operator.planning.patch import merge_patch

scalars = st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


def applied(target: object, patch: object) -> object:
    """RFC 7386, section 2, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = applied(result.get(key), value)
    return result


@given(old=objects, new=objects)
def test_applied_to_the_old_object_it_gives_the_new_one(old: Json, new: Json) -> None:
    assert applied(old, merge_patch(old, new)) == new


@given(same=objects)
def test_nothing_is_said_when_nothing_changed(same: Json) -> None:
    assert merge_patch(same, same) == {}


@given(old=objects, new=objects)
def test_nothing_is_said_of_what_did_not_change(old: Json, new: Json) -> None:
    patch = merge_patch(old, new)
    assert all(key not in patch for key in old.keys() & new.keys() if old[key] == new[key])


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({"a": 1}, {}, {"a": None}),
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
        ({"a": 1.0}, {"a": 1}, {}),
    ],
)
def test_the_patch_is_as_small_as_it_can_be(old: Json, new: Json, patch: Json) -> None:
    assert merge_patch(old, new) == patch


@given(old=objects)
def test_an_object_that_becomes_empty_loses_all_its_keys(old: Json) -> None:
    assert merge_patch(old, {}) == cast("Json", dict.fromkeys(old))
