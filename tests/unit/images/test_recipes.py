"""Image names, and that what is hashed is what the Dockerfiles copy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import pytest

from tests.images.failure import ImageError
from tests.images.recipes import CHECKOUT, LANGUAGE, RECIPES, ROBOTS, Recipe, named


def test_no_name_and_all_mean_every_image() -> None:
    assert named([]) == named(["all"]) == RECIPES


def test_a_name_given_twice_is_taken_once() -> None:
    assert [recipe.name for recipe in named(["trainer", "trainer"])] == ["trainer"]


def test_an_unknown_name_is_refused_with_the_nearest_right_one() -> None:
    with pytest.raises(ImageError, match=r"no image called 'trainr'; there are .*Did you mean 'trainer'\?"):
        named(["trainr"])


def test_the_demo_takes_what_language_models_take_and_the_end_to_end_tests_take_everything() -> None:
    assert [recipe.name for recipe in named(LANGUAGE)] == ["operator", "trainer"]
    assert named(ROBOTS) == RECIPES


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_everything_that_a_dockerfile_copies_for_an_image_is_part_of_its_hash(recipe: Recipe) -> None:
    dockerfile = (CHECKOUT / recipe.folder / "Dockerfile").read_text(encoding="utf-8")

    copied = set(_copied(_stages(dockerfile), recipe.target))

    assert copied == {*recipe.packages, *recipe.code} - {"Dockerfile"}


@pytest.mark.parametrize("folder", sorted({recipe.folder for recipe in RECIPES}))
def test_docker_sends_what_the_dockerfiles_copy_and_nothing_else(folder: str) -> None:
    dockerfiles = (CHECKOUT / folder).glob("*Dockerfile")
    stages = [_stages(each.read_text(encoding="utf-8")) for each in dockerfiles]
    copied = {source for each in stages for name in each for source in _copied(each, name)}

    ignored = (CHECKOUT / folder / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_a_trainer_is_not_built_anew_for_the_packages_of_another_family() -> None:
    language, robots = (set(recipe.packages) for recipe in named(["trainer", "trainer-lerobot"]))
    assert language ^ robots == {"requirements/trl.txt", "requirements/lerobot.txt"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_pinned_package_has_a_hash_and_no_list_names_an_index_or_a_path(recipe: Recipe) -> None:
    for name in recipe.packages:
        if name.endswith(".txt"):
            pinned = (CHECKOUT / recipe.folder / name).read_text(encoding="utf-8")
            packages = re.findall(r"^[a-zA-Z].*?(?=^[a-zA-Z]|\Z)", pinned, re.MULTILINE | re.DOTALL)
            assert packages
            assert all("==" in package and "--hash=sha256:" in package for package in packages)
            assert not re.search(r"https?:|--(index|find-links)|(^| )/", pinned)


def _stages(dockerfile: str) -> dict[str, list[str]]:
    """Stage → its instructions, the one that begins it included."""
    stages: dict[str, list[str]] = {}
    for instruction in re.findall(r"^[A-Z]+ .*$", dockerfile, re.MULTILINE):
        if instruction.startswith("FROM "):
            stages[instruction.split()[-1]] = []
        if stages:
            stages[[*stages][-1]].append(instruction)
    return stages


def _copied(stages: Mapping[str, Sequence[str]], stage: str) -> Iterator[str]:
    """What a stage copies from the folder, itself and through the stages that it stands on or copies from."""
    for words in map(str.split, stages.get(stage, ())):
        if words[0] == "FROM":
            yield from _copied(stages, words[1])
        elif words[0] == "COPY" and words[1].startswith("--from="):
            yield from _copied(stages, words[1].removeprefix("--from="))
        elif words[0] == "COPY":
            yield from words[1:-1]
