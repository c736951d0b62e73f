"""Which images there are, and what building and loading each one takes."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.images.failure import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Cost:
    """What to expect on two idle cores: seconds to build and to load, gigabytes that must be free for the build."""

    build_seconds: float
    load_seconds: float
    build_gigabytes: float


LOAD_SECONDS_PER_MEGABYTE = 0.015
"""To send, to take in and to unpack: the trainer's 5,400 MB take 80 s."""
CODE_ONLY = Cost(build_seconds=3, load_seconds=1, build_gigabytes=0.1)


@dataclass(frozen=True)
class Recipe:
    """One image.

    `folder` holds its Dockerfile and is given from the checkout's root. The Dockerfile copies two kinds of input from
    it: `packages`, which cost what `cold` says when they change, and `code`, which costs next to nothing.
    """

    name: str
    repository: str
    folder: str
    target: str
    packages: tuple[str, ...]
    code: tuple[str, ...]
    cold: Cost


RECIPES = (
    Recipe(
        name="operator",
        repository="localhost/finetune-operator/operator",
        folder="operator",
        target="operator",
        packages=("Dockerfile", "requirements.txt"),
        code=("finetune_operator",),
        cold=Cost(build_seconds=25, load_seconds=5, build_gigabytes=1),
    ),
    Recipe(
        name="trainer",
        repository="localhost/finetune-operator/trainer-trl",
        folder="trainer-image",
        target="trl",
        packages=(
            "Dockerfile",
            "requirements/install.sh",
            "requirements/installer.txt",
            "requirements/base-torch.txt",
            "requirements/trl.txt",
        ),
        code=("trainer",),
        cold=Cost(build_seconds=150, load_seconds=80, build_gigabytes=20),
    ),
    Recipe(
        name="trainer-lerobot",
        repository="localhost/finetune-operator/trainer-lerobot",
        folder="trainer-image",
        target="lerobot",
        packages=(
            "Dockerfile",
            "requirements/install.sh",
            "requirements/installer.txt",
            "requirements/base-torch.txt",
            "requirements/lerobot.txt",
        ),
        code=("trainer",),
        # Where torch is there already, as the layer that it shares with the other trainer.
        cold=Cost(build_seconds=120, load_seconds=110, build_gigabytes=25),
    ),
)
LANGUAGE: Final = ("operator", "trainer")
"""The images that language models take: those of `make demo`, which does not wait for the robots'."""
ROBOTS: Final = (*LANGUAGE, "trainer-lerobot")
"""The images that robots take too: those of the end-to-end tests."""


def named(names: Iterable[str]) -> tuple[Recipe, ...]:
    """Look up the recipes called `names`; none, or the name `all`, means every one.

    Raises ImageError for a name that is not known.
    """
    wanted = list(names)
    known = {recipe.name: recipe for recipe in RECIPES}
    for name in wanted:
        if name != "all" and name not in known:
            raise ImageError(_unknown(name, [*known, "all"]))
    if not wanted or "all" in wanted:
        return RECIPES
    return tuple(known[name] for name in dict.fromkeys(wanted))


def _unknown(name: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(name, allowed, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"There is no image called {name!r}; there are {', '.join(allowed)}.{hint}"
