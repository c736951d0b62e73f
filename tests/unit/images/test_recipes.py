"""Image names, and that what is hashed is what the Dockerfiles copy."""

from __future__ import annotations

import re

import pytest

from tests.images.failure import ImageError
from tests.images.recipes import CHECKOUT, RECIPES, Recipe, named


def test_no_name_and_all_mean_every_image() -> None:
    assert named([]) == named(["all"]) == RECIPES


def test_a_name_given_twice_is_taken_once() -> None:
    assert [recipe.name for recipe in named(["trainer", "trainer"])] == ["trainer"]


def test_an_unknown_name_is_refused_with_the_nearest_right_one() -> None:
    with pytest.raises(ImageError, match=r"no image called 'trainr'; there are .*Did you mean 'trainer'\?"):
        named(["trainr"])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_everything_a_dockerfile_copies_is_part_of_its_hash(recipe: Recipe) -> None:
    dockerfile = (CHECKOUT / recipe.folder / "Dockerfile").read_text(encoding="utf-8")
    copies = [line.split()[1:-1] for line in re.findall(r"^COPY (?!--from).*$", dockerfile, re.MULTILINE)]
    copied = {source for sources in copies for source in sources}
    assert copied == {*recipe.packages, *recipe.code} - {"Dockerfile"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_docker_sends_what_the_dockerfile_copies_and_nothing_else(recipe: Recipe) -> None:
    ignored = (CHECKOUT / recipe.folder / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == {*recipe.packages, *recipe.code} - {"Dockerfile"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_pinned_package_has_a_hash_and_no_list_names_an_index_or_a_path(recipe: Recipe) -> None:
    for name in recipe.packages:
        if name.endswith(".txt"):
            pinned = (CHECKOUT / recipe.folder / name).read_text(encoding="utf-8")
            packages = re.findall(r"^[a-zA-Z].*?(?=^[a-zA-Z]|\Z)", pinned, re.MULTILINE | re.DOTALL)
            assert packages
            assert all("==" in package and "--hash=sha256:" in package for package in packages)
            assert not re.search(r"https?:|--(index|find-links)|(^| )/", pinned)
