"""`make demo`: from nothing to a fine-tuned language model. `python -m tests.demo --help`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.cluster import ClusterError
from tests.cluster.cluster import CURRENT
from tests.demo.answers import Answer, ask
from tests.demo.evidence import evidence
from tests.demo.failure import DemoError
from tests.demo.follow import follow
from tests.demo.install import chart_values, install, kept, standing_values
from tests.demo.kubectl import Json, KubectlError
from tests.demo.ownership import keeps_operator, require_an_operator, require_own
from tests.demo.plan import cluster_down
from tests.demo.report import REPORT, show_next, show_result, write_report
from tests.demo.sample import JOB, NAMESPACE, apply_sample, ensure_model
from tests.demo.steps import Steps
from tests.demo.target import ENVIRONMENT, Target, reach
from tests.images.failure import ImageError

# So that the run has a cost to show; an administrator names the real one.
PRICED: Json = {"instanceTypes": {"cpu-small": {"pricePerHour": 0.05, "currency": "EUR"}}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0 when the model was fine-tuned, else 1 after saying what to do."""
    options = _parser().parse_args(arguments)
    console = Console(soft_wrap=not sys.stdout.isatty())
    before = {ENVIRONMENT: round(max(time.time() - options.begun, 0), 1)} if options.begun else {}
    steps = Steps(console, seconds=before)
    try:
        _demo(options.cluster, options.report, steps)
    except (ClusterError, ImageError) as problem:
        return _sorry(console, str(problem))
    except KubectlError as problem:
        return _sorry(console, f"{problem}\n  What to do: run the demo again; it goes on where it stopped")
    except DemoError as problem:
        return _sorry(console, f"{problem.evidence}\n{problem}\n  What to do: {problem.remedy}")
    except KeyboardInterrupt:
        return _sorry(console, f"\nInterrupted. {_goes_on(options.cluster)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description="Fine-tune a small language model.")
    about = "name of the local cluster (demo); current means the cluster of your kubeconfig"
    parser.add_argument("--cluster", default="demo", metavar="NAME", help=about)
    parser.add_argument(
        "--report", type=Path, default=REPORT, metavar="FILE", help="where times and losses are written"
    )
    about = "when `make demo` began: what went before this program counts too"
    parser.add_argument("--begun", type=float, metavar="SECONDS_SINCE_1970", help=about)
    return parser


def _demo(cluster: str, report: Path, steps: Steps) -> None:
    job: Json | None = None
    answers: tuple[Answer, ...] = ()
    try:
        keeps = keeps_operator(os.environ)
        target = reach(cluster, steps)
        require_own(target.helm, keeps=keeps)
        _operator(target, steps, keeps=keeps)
        job = _fine_tune(target, steps)
        _require_success(target, job)
        with steps.quiet_step("answers", "Ask the model before and after", "about 10 s"):
            answers = ask(target.kubectl, target.images["trainer"], job["status"]["result"])
    finally:
        write_report(report, steps, job, answers)
    show_result(steps.console, job, answers)
    show_next(steps.console, target, job)
    steps.say(f"\nDone in {steps.total:.0f} s. Times of all steps: {os.path.relpath(report)}")


def _operator(target: Target, steps: Steps, *, keeps: bool) -> None:
    if keeps:
        require_an_operator(target.kubectl)
        steps.say("The operator that is there is used as it is.")
        return
    values = kept(chart_values(target.images, PRICED), standing_values(target.helm), target.images)
    with steps.quiet_step("operator", "Install the operator with Helm", "about 10 s"):
        install(target.helm, values)


def _fine_tune(target: Target, steps: Steps) -> Json:
    kubectl = target.kubectl
    with steps.quiet_step("model", f"Base model on a claim in namespace {NAMESPACE!r}", "about 30 s, once"):
        ensure_model(kubectl, target.images["trainer"])
    with steps.step("job", f"kubectl apply -k crds/samples: FineTuneJob {JOB!r}", "about 30 s"):
        apply_sample(kubectl)
        return follow(kubectl, JOB, NAMESPACE, steps.console)


def _require_success(target: Target, job: Json) -> None:
    status = job["status"]
    if status["phase"] != "Succeeded":
        failure = status.get("failure", {})
        raise DemoError(
            f"The job failed: {status.get('reason')}: {status.get('message')}",
            failure.get("advice") or "read the events and logs above, then run the demo again",
            evidence(target.kubectl, NAMESPACE),
        )


def _goes_on(cluster: str) -> str:
    if cluster == CURRENT:
        return "`make demo CLUSTER=current` goes on."
    again = "make demo" + cluster_down(cluster).removeprefix("make cluster-down")
    return f"The cluster keeps running: `{again}` goes on, `{cluster_down(cluster)}` ends it."


def _sorry(console: Console, words: str) -> int:
    console.print(words, markup=False, highlight=False, style="red")
    return 1


if __name__ == "__main__":
    sys.exit(main())
