"""The formula against published figures, and docs/memory.md against the formula."""

from __future__ import annotations

import pytest

from docs.generate_memory import PAGE, error, rendered, seconds
from docs.published_memory import CHECKED, MISSED, Published
from docs.published_pace import PACES, PublishedPace

MOST_UNDER, MOST_OVER = -0.10, 0.35


def name(row: Published) -> str:
    return f"{row.model} {row.method} {row.settings}"


@pytest.mark.parametrize("row", CHECKED, ids=name)
def test_the_formula_is_at_most_a_tenth_under_and_a_third_over(row: Published) -> None:
    assert MOST_UNDER <= error(row) <= MOST_OVER


def test_more_than_ten_pairs_of_model_and_method_are_checked() -> None:
    assert len({(row.model, row.method) for row in CHECKED}) > 10


@pytest.mark.parametrize("row", [row for row, _ in MISSED], ids=name)
def test_what_is_listed_as_missed_is_missed(row: Published) -> None:
    assert not MOST_UNDER <= error(row) <= MOST_OVER


@pytest.mark.parametrize("row", PACES, ids=lambda row: row.training)
def test_a_step_takes_between_half_and_twice_of_what_was_measured(row: PublishedPace) -> None:
    assert 0.5 <= seconds(row) / row.seconds <= 2


def test_the_page_shows_the_figures_of_the_formula() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(), "run `python docs/generate_memory.py`"
