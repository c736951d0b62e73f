"""What the demo is going to do on this machine and how long it takes, said before any of it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.cluster import ClusterError, find
from tests.cluster.build import DISK_NEEDED
from tests.cluster.components import COMPONENTS
from tests.cluster.packages import NODE, missing
from tests.cluster.places import cache_folder, cluster_folder
from tests.cluster.starter import DEFAULT_NAME
from tests.images import workshop
from tests.images.disk import free
from tests.images.plan import plan
from tests.images.recipes import CODE_ONLY, LANGUAGE, Recipe, named
from tests.images.storage import names_in

if TYPE_CHECKING:
    from tests.images.recipes import Cost

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
    yield from _images(name, recipes)
    if packages := missing(NODE):
        yield Part(f"install Debian packages: {', '.join(packages)}", APT_SECONDS)
    if not _runs(name):
        yield Part("start the cluster", START_SECONDS)


def _images(name: str, recipes: Sequence[Recipe]) -> Iterator[Part]:
    """What the images take that are not as the sources are now: those that an older commit left are no help but in part."""
    built = names_in(workshop.folder())
    empty = not (cluster_folder(name).containerd / "io.containerd.content.v1.content").is_dir()
    lacking = [wanted for wanted in map(plan, recipes) if wanted.reference not in built]
    if lacking:
        costs = [wanted.cost(built) for wanted in lacking]
        which = " and ".join(f"the {wanted.recipe.name}'s" for wanted in lacking)
        what = f"build {which} image{'s' if len(lacking) > 1 else ''} with buildah{_from(costs)}"
        yield Part(what, sum(cost.build_seconds for cost in costs), sum(cost.build_gigabytes for cost in costs))
    loads = [
        wanted.recipe.cold if empty else wanted.cost(built) for wanted in (map(plan, recipes) if empty else lacking)
    ]
    if loads:
        seconds = sum(cost.load_seconds for cost in loads)
        # A build leaves more room behind than loading what it made needs.
        yield Part("load the images into the node, once", seconds, 0 if lacking or not empty else LOADED_GIGABYTES)


def _from(costs: Iterable[Cost]) -> str:
    return (
        " again, since only code has changed"
        if all(cost == CODE_ONLY for cost in costs)
        else " from Debian and PyPI, once"
    )


def _runs(name: str) -> bool:
    try:
        return find(name).containerd_socket is not None
    except ClusterError:
        return False
