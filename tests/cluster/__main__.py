"""The local cluster on the command line: `python -m tests.cluster --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from tests.cluster import footprint, record
from tests.cluster.build import build, ensure_program
from tests.cluster.cluster import Cluster
from tests.cluster.components import COMPONENTS, component
from tests.cluster.errors import ClusterError
from tests.cluster.progress import say
from tests.cluster.starter import DEFAULT_NAME, down, down_all, find, up

Verb = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0, or 1 after a sentence that says what to do."""
    options = _parser().parse_args(arguments)
    verb: Verb = options.verb
    try:
        return verb(options)
    except ClusterError as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="A real Kubernetes on this machine.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    one = verbs.add_parser("build", help="build the programs that are not built yet")
    one.add_argument("components", nargs="*", metavar="COMPONENT", help=", ".join(each.name for each in COMPONENTS))
    one.set_defaults(verb=_build)
    one = verbs.add_parser("path", help="print the path of a program, for example helm; builds it when needed")
    one.add_argument("program")
    one.set_defaults(verb=_path)
    one = _named(verbs.add_parser("up", help="start a cluster and print the path of its kubeconfig"), _up)
    one.add_argument("--control-plane-only", action="store_true", help="no real node; ready in about 5 seconds")
    one = _named(verbs.add_parser("down", help="end a cluster; the images loaded into it stay"), _down)
    one.add_argument("--all", action="store_true", help="end every cluster of this cache folder")
    one.add_argument("--images", action="store_true", help="also remove the images that were imported into it")
    _named(verbs.add_parser("kubeconfig", help="print the path of a running cluster's kubeconfig"), _kubeconfig)
    one = verbs.add_parser("status", help="list clusters, what runs in them, and how much memory it takes")
    one.set_defaults(verb=_status)
    return parser


def _named(parser: argparse.ArgumentParser, verb: Verb) -> argparse.ArgumentParser:
    about = f"name of the cluster ({DEFAULT_NAME}); current means the cluster of your kubeconfig"
    parser.add_argument("--name", default=DEFAULT_NAME, help=about)
    parser.set_defaults(verb=verb)
    return parser


def _build(options: argparse.Namespace) -> int:
    chosen = [component(name) for name in options.components] or COMPONENTS
    build(chosen)
    for each in chosen:
        print(f"{each.name} {each.version}: {each.folder}")
    return 0


def _path(options: argparse.Namespace) -> int:
    print(ensure_program(options.program))
    return 0


def _up(options: argparse.Namespace) -> int:
    cluster = up(options.name, node=not options.control_plane_only)
    say(f"Cluster {cluster.name!r} is ready. To look at it:  export KUBECONFIG={cluster.kubeconfig}")
    print(cluster.kubeconfig)
    return 0


def _down(options: argparse.Namespace) -> int:
    if options.all:
        ended = down_all(keep_images=not options.images)
        print(f"Ended: {', '.join(ended) or 'none, there was no cluster'}")
    else:
        down(options.name, keep_images=not options.images)
    return 0


def _kubeconfig(options: argparse.Namespace) -> int:
    print(find(options.name).kubeconfig)
    return 0


def _status(_: argparse.Namespace) -> int:
    clusters = record.every()
    if not clusters:
        print("No cluster. Start one: python -m tests.cluster up")
    for name, known in clusters.items():
        if known.supervisor.alive:
            _describe(find(name), known)
        else:
            print(f"{name}: ended without `down`; `up` clears what it left")
    return 0


def _describe(cluster: Cluster, known: record.Record) -> None:
    what = "control plane and node" if known.node else "control plane only"
    memory = footprint.resident_bytes(known.supervisor.pid)
    print(f"{cluster.name}: {what}, {known.network.server}, {sum(memory.values()) / 1e6:.0f} MB resident")
    for program, state in cluster.programs().items():
        running = f"{memory.get(program, 0) / 1e6:6.0f} MB" if state.pid else "stopped  "
        again = f", started {state.starts} times" if state.starts > 1 else ""
        print(f"  {program:<26}{running}{again}")


if __name__ == "__main__":
    sys.exit(main())
