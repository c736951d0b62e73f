"""What both demos do in the same way: the operator into the cluster, and an end that says what to do next."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from tests.cluster import ClusterError
from tests.cluster.cluster import CURRENT
from tests.demo.evidence import evidence
from tests.demo.failure import DemoError
from tests.demo.install import chart_values, install, kept, standing_values
from tests.demo.kubectl import Json, KubectlError
from tests.demo.ownership import require_an_operator
from tests.demo.plan import cluster_down
from tests.demo.steps import Steps
from tests.demo.target import ENVIRONMENT, Target
from tests.images.failure import ImageError

# So that the run has a cost to show; an administrator names the real one.
PRICED: Json = {"instanceTypes": {"cpu-small": {"pricePerHour": 0.05, "currency": "EUR"}}}


def parser(program: str, description: str, report: Path) -> argparse.ArgumentParser:
    """The options of a demo; `report` is where it writes unless told."""
    options = argparse.ArgumentParser(prog=program, description=description)
    about = "name of the local cluster (demo); current means the cluster of your kubeconfig"
    options.add_argument("--cluster", default="demo", metavar="NAME", help=about)
    options.add_argument(
        "--report", type=Path, default=report, metavar="FILE", help="where times and results are written"
    )
    about = "when `make` began: what went before this program counts too"
    options.add_argument("--begun", type=float, metavar="SECONDS_SINCE_1970", help=about)
    return options


def begin(begun: float | None) -> Steps:
    """The steps of a demo that `make` began then, in seconds since 1970; None: that begins now."""
    before = {ENVIRONMENT: round(max(time.time() - begun, 0), 1)} if begun else {}
    return Steps(Console(soft_wrap=not sys.stdout.isatty()), seconds=before)


def run(demo: Callable[[], None], console: Console, command: str, cluster: str) -> int:
    """Run a demo that people start by `command`; 0 when it came to its end, else 1 after saying what to do."""
    try:
        demo()
    except (ClusterError, ImageError) as problem:
        return _sorry(console, str(problem))
    except KubectlError as problem:
        return _sorry(console, f"{problem}\n  What to do: run the demo again; it goes on where it stopped")
    except DemoError as problem:
        return _sorry(console, f"{problem.evidence}\n{problem}\n  What to do: {problem.remedy}")
    except KeyboardInterrupt:
        return _sorry(console, f"\nInterrupted. {_goes_on(command, cluster)}")
    return 0


def install_operator(target: Target, steps: Steps, *, keeps: bool) -> None:
    """Have the operator by Helm, or look for the one that is to be kept."""
    if keeps:
        require_an_operator(target.kubectl)
        steps.say("The operator that is there is used as it is.")
        return
    values = kept(chart_values(target.images, PRICED), standing_values(target.helm), target.images)
    with steps.quiet_step("operator", "Install the operator with Helm", "about 10 s"):
        install(target.helm, values)


def require_success(target: Target, job: Json, namespace: str) -> None:
    """Raises DemoError when the job failed, with what the cluster says."""
    status = job["status"]
    if status["phase"] != "Succeeded":
        failure = status.get("failure", {})
        raise DemoError(
            f"The job failed: {status.get('reason')}: {status.get('message')}",
            failure.get("advice") or "read the events and logs above, then run the demo again",
            evidence(target.kubectl, namespace),
        )


def _goes_on(command: str, cluster: str) -> str:
    if cluster == CURRENT:
        return f"`{command} CLUSTER=current` goes on."
    again = command + cluster_down(cluster).removeprefix("make cluster-down")
    return f"The cluster keeps running: `{again}` goes on, `{cluster_down(cluster)}` ends it."


def _sorry(console: Console, words: str) -> int:
    console.print(words, markup=False, highlight=False, style="red")
    return 1
