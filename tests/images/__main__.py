"""Container images for people: `python -m tests.images --help`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from tests.cluster.progress import say
from tests.images.disk import used
from tests.images.ensure import ensure, references
from tests.images.failure import ImageError
from tests.images.recipes import RECIPES, named
from tests.images.storage import Storage
from tests.images.workshop import folder, held

_NAMES = ", ".join([*(recipe.name for recipe in RECIPES), "all"])


def main(arguments: list[str]) -> int:
    """Do what the command line says and give the exit status: 0, or 1 with a message for a person."""
    options = _parser().parse_args(arguments)
    try:
        if options.verb in {"build", "load"} and os.environ.get("CLUSTER") == "current":
            _own_cluster(options.names)
        elif options.verb in {"build", "load"}:
            _print(ensure(options.names, getattr(options, "socket", None)))
        elif options.verb == "references":
            _print(references(options.names))
        elif options.verb == "status":
            _status()
        else:
            _clean()
    except ImageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.images", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    explained = {
        "build": "build what is missing and print the references",
        "load": "build what is missing and load it into a node's containerd",
        "references": "print the references that the sources give, and build nothing",
    }
    for verb, help_text in explained.items():
        added = verbs.add_parser(verb, help=help_text)
        added.add_argument("names", nargs="*", help=f"{_NAMES} (the default)")
        if verb == "load":
            added.add_argument("--socket", type=Path, required=True, help="containerd's socket")
    verbs.add_parser("status", help="say what is built and what it occupies")
    verbs.add_parser("clean", help="remove everything that was built")
    return parser


def _print(images: dict[str, str]) -> None:
    for name, reference in images.items():
        sys.stdout.write(f"{name} {reference}\n")


def _own_cluster(names: list[str]) -> None:
    sys.stdout.write(
        "CLUSTER=current: nothing is loaded into a cluster of your own. Build these, push them to a registry that its "
        "nodes can reach, and name them in the chart's values:\n"
    )
    for recipe in named(names):
        pushed = references([recipe.name])[recipe.name].replace("localhost/", "YOUR-REGISTRY/", 1)
        sys.stdout.write(f"  docker build --target {recipe.target} --tag {pushed} {recipe.folder}\n")
        sys.stdout.write(f"  docker push {pushed}\n")


def _status() -> None:
    sys.stdout.write(f"{folder()}: {used(folder()):.1f} GB\n")
    if (folder() / "storage").exists() and shutil.which("containers-storage"):
        with held(say) as workshop:
            for reference in Storage(workshop).references():
                sys.stdout.write(f"  {reference}\n")


def _clean() -> None:
    with held(say) as workshop:
        for kept in ("storage", "run", "logs"):
            shutil.rmtree(workshop.folder / kept, ignore_errors=True)
    sys.stdout.write(f"Removed the images in {folder()}. Those that a node has loaded stay there.\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
