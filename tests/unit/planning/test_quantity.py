"""Quantities as Kubernetes writes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.planning.quantity import MULTIPLES, byte_count, number


@pytest.mark.parametrize(
    ("quantity", "count"),
    [
        ("80Gi", 80 * 2**30),
        ("23034Mi", 23034 * 2**20),
        ("1.5G", 1_500_000_000),
        ("512", 512),
        ("1500m", 1),
        ("2k", 2000),
    ],
)
def test_bytes_of_a_quantity(quantity: str, count: int) -> None:
    assert byte_count(quantity) == count


@pytest.mark.parametrize("text", ["", "Gi", "80 Gi", "80GB", "eighty", "1.2.3", "80ii", "-1"])
def test_what_is_no_quantity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"'{text}' is no quantity: give a number")):
        number(text)


@given(st.integers(0, 10**9), st.sampled_from(sorted(MULTIPLES)))
def test_a_suffix_multiplies(figures: int, suffix: str) -> None:
    assert number(f"{figures}{suffix}") == figures * MULTIPLES[suffix]
