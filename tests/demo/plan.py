"""What the demo is going to do on this machine and how long it takes, said before any of it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.cluster import ClusterError, find
from tests.cluster.components import COMPONENTS
from tests.cluster.places import cache_folder, cluster_folder
from tests.images.recipes import RECIPES

RUN_SECONDS = 55
START_SECONDS = 15


@dataclass(frozen=True)
class Part:
    """One thing to do: what, and about how many seconds on two cores."""

    what: str
    seconds: float


def local_plan(name: str) -> tuple[Part, ...]:
    """What a run on the local cluster `name` has to do, as far as can be told without doing it."""
    return tuple(_parts(name))


def announcement(parts: tuple[Part, ...], name: str) -> str:
    """The plan in words."""
    total = sum(part.seconds for part in parts)
    lines = [f"  • {part.what}: about {in_words(part.seconds)}" for part in parts]
    return "\n".join(
        [
            f"The demo fine-tunes a small language model on a real Kubernetes on this machine (cluster {name!r}).",
            f"It takes about {in_words(total)} on two cores:",
            *lines,
            f"All of it lies in {cache_folder()} and in namespaces of its own; no Docker and no GPU is needed.",
            "`make cluster-down` ends the cluster, `make clean-cache` removes everything.",
        ]
    )


def in_words(seconds: float) -> str:
    """A duration as people say it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _parts(name: str) -> Iterator[Part]:
    absent = [each for each in COMPONENTS if not each.folder.is_dir()]
    if absent:
        programs = ", ".join(f"{each.name} {each.version}" for each in absent)
        yield Part(f"build {programs} from Go modules, once", 60 * sum(each.minutes for each in absent))
    if not (cache_folder() / "images" / "storage").is_dir():
        seconds = sum(recipe.cold.build_seconds for recipe in RECIPES)
        yield Part("build the operator's and the trainer's images with buildah from Debian and PyPI, once", seconds)
    if not (cluster_folder(name).containerd / "io.containerd.content.v1.content").is_dir():
        yield Part("load the images into the node, once", sum(recipe.cold.load_seconds for recipe in RECIPES))
    if not _runs(name):
        yield Part("install missing Debian packages (containerd, runc, …), start the cluster", START_SECONDS)
    yield Part("install the operator with Helm, fine-tune, compare the answers", RUN_SECONDS)


def _runs(name: str) -> bool:
    try:
        return find(name).containerd_socket is not None
    except ClusterError:
        return False
