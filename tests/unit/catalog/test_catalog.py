"""The catalog is read once and asked by name or alias; a broken entry concerns only who asks for it."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.catalog.catalog import NO_CATALOG, BrokenEntryError, UnknownNameError, read_catalog

ACT: Json = {"type": "act", "family": "lerobot"}
CPU: Json = {"cpu": "2", "memory": "4Gi"}


def model(*aliases: str) -> Json:
    """A policy with these further names."""
    return ACT | ({"aliases": list(aliases)} if aliases else {})


def test_an_entry_is_found_by_its_name_and_by_each_alias() -> None:
    catalog = read_catalog({}, {"act": model("lab/act", "Newton::act")})
    assert {catalog.base_model(name)[0] for name in ("act", "lab/act", "Newton::act")} == {"act"}


def test_a_name_goes_before_an_alias() -> None:
    catalog = read_catalog({}, {"b": ACT, "c": model("b-1")})
    assert catalog.base_model("b")[0] == "b"
    assert catalog.base_model("b-1")[0] == "c"


def test_a_wrong_name_is_answered_with_the_nearest_name_or_alias() -> None:
    catalog = read_catalog({}, {"act": model("lab/action-chunking")})
    with pytest.raises(UnknownNameError, match=r"did you mean 'lab/action-chunking'\?; offered: act$"):
        catalog.base_model("lab/action-chunk")


def test_a_name_that_is_all_but_an_alias_is_told_apart_from_one_that_is_only_like_it() -> None:
    catalog = read_catalog({}, {"act": model("lab/action-chunking")})
    assert catalog.near_base_model("Lab/Action-Chunking") == "; did you mean 'lab/action-chunking'?"
    assert catalog.near_base_model("lab/another") == ""


def test_the_first_by_name_stands_for_its_type() -> None:
    catalog = read_catalog({}, {"b": ACT, "a": ACT, "broken": {"type": "act"}})
    found = catalog.base_model_of_type("act")
    assert found is not None
    assert found[0] == "a"
    assert catalog.base_model_of_type("pi0") is None


def test_an_entry_with_the_types_own_name_goes_before_one_that_sorts_before_it() -> None:
    for models, own in (
        ({"aaa-act": ACT, "act": ACT}, "act"),
        ({"aaa-act": ACT, "zzz": ACT | {"aliases": ["act"]}}, "zzz"),
    ):
        found = read_catalog({}, models).base_model_of_type("act")
        assert found is not None
        assert found[0] == own


def test_what_cannot_be_read_says_why_to_who_asks_and_hides_nothing_else() -> None:
    catalog = read_catalog({"good": CPU, "bad": CPU | {"memory": "much"}}, {"bad": {"type": "act"}})
    assert [name for name, _ in catalog.usable_instance_types()] == ["good"]
    with pytest.raises(BrokenEntryError, match=r"InstanceType 'bad' is unusable: memory: .*'much' is no quantity"):
        catalog.instance_type("bad")
    with pytest.raises(BrokenEntryError, match=r"BaseModel 'bad' is unusable: family: Field required"):
        catalog.base_model("bad")


def test_nothing_is_offered_by_an_empty_catalog() -> None:
    assert list(NO_CATALOG.usable_instance_types()) == []
    with pytest.raises(UnknownNameError, match="this cluster offers none"):
        NO_CATALOG.base_model("act")
