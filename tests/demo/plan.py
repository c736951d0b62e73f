"""What the demo is going to do on this machine and how long it takes, said before any of it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.cluster import ClusterError, find
from tests.cluster.build import DISK_NEEDED
from tests.cluster.components import COMPONENTS
from tests.cluster.packages import NODE, missing
from tests.cluster.places import cache_folder, cluster_folder
from tests.cluster.starter import DEFAULT_NAME
from tests.images.disk import free
from tests.images.recipes import LANGUAGE, Recipe, named

START_SECONDS = 15
APT_SECONDS = 20
LOADED_GIGABYTES = 5.5
WORTH_A_LINE = 5.0  # seconds


@dataclass(frozen=True)
class Part:
    """One thing to do: what, about how many seconds on two cores, and how many gigabytes must be free for it."""

    what: str
    seconds: float
    gigabytes: float = 0
    done: bool = False


@dataclass(frozen=True)
class Show:
    """What one demo shows once there is a cluster: in words, and its part of the time."""

    what: str
    part: Part


LANGUAGE_SHOW = Show(
    "fine-tunes a small language model", Part("install the operator with Helm, fine-tune, compare the answers", 55)
)


def local_plan(
    name: str, environment_seconds: float = 0, images: Sequence[str] = LANGUAGE, show: Show = LANGUAGE_SHOW
) -> tuple[Part, ...]:
    """What a run on the local cluster `name` has to do, as far as can be told without doing it.

    `environment_seconds` is what the Python environment has just taken, if it had to be made; `images` are those wanted.
    """
    made = environment_seconds >= WORTH_A_LINE
    environment = [Part("install the Python environment", environment_seconds, done=True)] if made else []
    return (*environment, *_parts(name, named(images)), show.part)


def announcement(parts: tuple[Part, ...], name: str, show: Show = LANGUAGE_SHOW) -> str:
    """The plan in words."""
    total = sum(part.seconds for part in parts)
    lines = [f"  • {part.what}: {'took' if part.done else 'about'} {in_words(part.seconds)}" for part in parts]
    return "\n".join(
        [
            f"The demo {show.what} on a real Kubernetes on this machine (cluster {name!r}).",
            f"It takes about {in_words(total)} on two cores:",
            *lines,
            *_disk(sum(part.gigabytes for part in parts)),
            f"All of it lies in {cache_folder()} and in namespaces of its own; no Docker and no GPU is needed.",
            f"`{cluster_down(name)}` ends the cluster, `make clean-cache` removes everything.",
        ]
    )


def cluster_down(name: str) -> str:
    """The command that ends the cluster `name`."""
    return "make cluster-down" + ("" if name == DEFAULT_NAME else f" CLUSTER={name}")


def in_words(seconds: float) -> str:
    """A duration as people say it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _disk(gigabytes: float) -> Iterator[str]:
    if gigabytes:
        there = free(cache_folder())
        yield f"It needs about {gigabytes:.0f} GB of disk while it is made; {there:.0f} GB are free there."


def _parts(name: str, recipes: Sequence[Recipe]) -> Iterator[Part]:
    absent = [each for each in COMPONENTS if not each.folder.is_dir()]
    if absent:
        programs = ", ".join(f"{each.name} {each.version}" for each in absent)
        yield Part(
            f"build {programs} from Go modules, once", 60 * sum(each.minutes for each in absent), DISK_NEEDED / 1e9
        )
    built = (cache_folder() / "images" / "storage").is_dir()
    if not built:
        seconds = sum(recipe.cold.build_seconds for recipe in recipes)
        gigabytes = sum(recipe.cold.build_gigabytes for recipe in recipes)
        what = "build the operator's and the trainer's images with buildah from Debian and PyPI, once"
        yield Part(what, seconds, gigabytes)
    if not (cluster_folder(name).containerd / "io.containerd.content.v1.content").is_dir():
        seconds = sum(recipe.cold.load_seconds for recipe in recipes)
        # A build leaves more room behind than loading what it made needs.
        yield Part("load the images into the node, once", seconds, LOADED_GIGABYTES if built else 0)
    if packages := missing(NODE):
        yield Part(f"install Debian packages: {', '.join(packages)}", APT_SECONDS)
    if not _runs(name):
        yield Part("start the cluster", START_SECONDS)


def _runs(name: str) -> bool:
    try:
        return find(name).containerd_socket is not None
    except ClusterError:
        return False
