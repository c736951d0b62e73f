"""A wrong name is answered with the nearest right one, and with what there is."""

from __future__ import annotations

import pytest

from finetune_operator.catalog.lookup import MOST_NAMED, UnknownNameError, did_you_mean, find

OFFERED = {"cpu-small": 1, "h100-80gb-x1": 2, "h100-80gb-x8": 8}

ANSWERS = {
    "a near miss": (
        "h100-80gb-x2",
        OFFERED,
        "no InstanceType is named 'h100-80gb-x2'; did you mean 'h100-80gb-x8'?; offered: cpu-small, h100-80gb-x1, h100-80gb-x8",
    ),
    "a name far from all": (
        "tpu",
        OFFERED,
        "no InstanceType is named 'tpu'; offered: cpu-small, h100-80gb-x1, h100-80gb-x8",
    ),
    "an empty catalog": (
        "cpu-small",
        {},
        "no InstanceType is named 'cpu-small'; this cluster offers none: an administrator creates them (kubectl get instancetypes)",
    ),
}


def test_a_name_that_exists_is_found() -> None:
    assert find("InstanceType", "h100-80gb-x8", OFFERED) == 8


@pytest.mark.parametrize(("name", "offered", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_the_answer_to(name: str, offered: dict[str, int], answer: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        find("InstanceType", name, offered)
    assert str(caught.value) == answer


def test_a_long_catalog_is_cut_and_counted() -> None:
    offered = {f"type-{number:02}": number for number in range(MOST_NAMED + 3)}
    with pytest.raises(UnknownNameError, match=r"type-09 and 3 more$"):
        find("InstanceType", "nothing-like-it", offered)


def test_case_is_forgiven_in_the_hint_only() -> None:
    assert did_you_mean("cpu-Small", OFFERED) == "; did you mean 'cpu-small'?"
    with pytest.raises(UnknownNameError):
        find("InstanceType", "CPU-SMALL", OFFERED)
