"""Image references follow their sources; a change of code alone is known to be cheap."""

from __future__ import annotations

from dataclasses import replace

from tests.images.context import Context
from tests.images.plan import Plan, plan
from tests.images.recipes import CODE_ONLY, RECIPES

_RECIPE = RECIPES[0]
_PLAN = Plan(_RECIPE, Context({}), packages="aaaaaaaa", code="11111111")


def test_the_reference_carries_both_halves_of_the_content() -> None:
    assert _PLAN.reference == f"{_RECIPE.repository}:aaaaaaaa-11111111"


def test_two_plans_of_the_same_sources_agree() -> None:
    assert plan(_RECIPE).reference == plan(_RECIPE).reference


def test_where_the_packages_are_present_only_code_has_to_be_built() -> None:
    assert _PLAN.cost([replace(_PLAN, code="22222222").reference]) == CODE_ONLY


def test_other_packages_cost_the_whole() -> None:
    assert _PLAN.cost([replace(_PLAN, packages="bbbbbbbb").reference]) == _RECIPE.cold


def test_another_image_with_the_same_packages_is_no_help() -> None:
    assert _PLAN.cost([replace(_PLAN, recipe=RECIPES[1]).reference]) == _RECIPE.cold
