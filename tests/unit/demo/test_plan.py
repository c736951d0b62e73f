"""What the demo says before it does anything: all that it will take, in time and on the disk."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.cluster.places import cluster_folder
from tests.demo.plan import announcement, cluster_down, local_plan
from tests.demo.steps import Steps
from tests.images.plan import plan
from tests.images.recipes import LANGUAGE, ROBOTS, named

NOWHERE = "/nonexistent"


@pytest.fixture
def cache() -> Iterator[Path]:
    """A cache folder with a short name: sockets would lie in it."""
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        yield Path(folder)


def test_a_first_run_says_what_it_builds_how_long_it_takes_and_how_much_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", NOWHERE)

    said = announcement(local_plan("demo", environment_seconds=91), "demo")

    assert "install the Python environment: took 91 s" in said
    assert "from Go modules, once: about" in said
    assert "It needs about 32 GB of disk while it is made" in said
    assert "GB are free there" in said
    assert "`make cluster-down` ends the cluster" in said


def test_a_run_that_takes_the_robots_image_too_says_that_it_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", NOWHERE)

    language, robots = (
        sum(part.seconds for part in local_plan("demo", images=images)) for images in (LANGUAGE, ROBOTS)
    )

    (recipe,) = named(["trainer-lerobot"])
    assert robots - language == recipe.cold.build_seconds + recipe.cold.load_seconds


def test_the_environment_counts_in_the_sum_and_is_left_out_when_it_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", NOWHERE)
    with_it, without = (sum(part.seconds for part in local_plan("demo", seconds)) for seconds in (91, 0.4))

    assert with_it - without == 91
    assert "Python environment" not in announcement(local_plan("demo", 0.4), "demo")


def test_the_image_of_an_older_commit_is_built_and_loaded_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    (cluster_folder("demo").containerd / "io.containerd.content.v1.content").mkdir(parents=True)
    operator, trainer = map(plan, named(LANGUAGE))

    _keep(cache, operator.reference, trainer.reference)
    fresh = announcement(local_plan("demo"), "demo")
    _keep(cache, operator.reference, replace(trainer, packages="00000000").reference)
    of_other_packages = local_plan("demo")
    _keep(cache, operator.reference, replace(trainer, code="00000000").reference)
    of_other_code = local_plan("demo")

    assert "image" not in fresh
    assert "build the trainer's image with buildah from Debian and PyPI, once" in announcement(
        of_other_packages, "demo"
    )
    took = {part.what: part.seconds for part in of_other_packages}
    assert took["load the images into the node, once"] == trainer.recipe.cold.load_seconds
    assert "build the trainer's image with buildah again, since only code has changed" in announcement(
        of_other_code, "demo"
    )
    assert sum(part.seconds for part in of_other_packages) - sum(part.seconds for part in of_other_code) > 200


def test_a_node_that_has_lost_its_images_is_given_all_of_them(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    _keep(cache, *(plan(recipe).reference for recipe in named(LANGUAGE)))
    took = {part.what: part.seconds for part in local_plan("demo")}

    assert took["load the images into the node, once"] == sum(recipe.cold.load_seconds for recipe in named(LANGUAGE))
    assert not any(what.startswith("build the") for what in took)


def _keep(cache: Path, *references: str) -> None:
    """A store of images with these names, as buildah lists them."""
    listing = cache / "finetune-operator" / "images" / "storage" / "overlay-images" / "images.json"
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text(json.dumps([{"id": name, "names": [name]} for name in references]), encoding="utf-8")


def test_what_went_before_the_program_counts_in_its_report() -> None:
    steps = Steps(Console(), clock=lambda: 5.0, seconds={"environment": 90.0})

    assert steps.total == 90.0


def test_the_command_that_ends_a_cluster_names_it_unless_it_is_the_usual_one() -> None:
    assert [cluster_down("demo"), cluster_down("fresh")] == ["make cluster-down", "make cluster-down CLUSTER=fresh"]
