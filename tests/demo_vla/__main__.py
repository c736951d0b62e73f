"""`make demo-vla`: from nothing to a robot policy that does its task. `python -m tests.demo_vla --help`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.demo.follow import follow
from tests.demo.kubectl import Json
from tests.demo.ownership import keeps_operator, require_own
from tests.demo.plan import Part, Show
from tests.demo.running import begin, install_operator, parser, require_success, run
from tests.demo.steps import Steps
from tests.demo.target import Target, reach
from tests.demo_vla.report import FOLDER, REPORT, show_next, show_result, write_report
from tests.demo_vla.task import EPISODES, IMAGE, JOB, MANIFEST, NAMESPACE, apply_job, ensure_recordings
from tests.demo_vla.trials import SEEDS, Trial, roll_out, save_pictures
from tests.images.recipes import ROBOTS

SHOW = Show(
    "trains a robot policy (ACT) on demonstrations that it records, and lets it try before and after,",
    Part("install the operator with Helm, record, train for about ten minutes, roll the policy out", 780),
)
JOB_SECONDS = 3600.0  # the job's hours, and what comes before and after them on a busy machine


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0 when the policy was trained and rolled out, else 1 after saying what to do."""
    options = parser("python -m tests.demo_vla", "Train a small robot policy.", REPORT).parse_args(arguments)
    steps = begin(options.begun)
    return run(lambda: _demo(options.cluster, options.report, steps), steps.console, "make demo-vla", options.cluster)


def _demo(cluster: str, report: Path, steps: Steps) -> None:
    job: Json | None = None
    trials: dict[str, Trial] = {}
    try:
        keeps = keeps_operator(os.environ)
        target = reach(cluster, steps, ROBOTS, SHOW)
        require_own(target.helm, keeps=keeps, namespace=NAMESPACE, job=JOB)
        install_operator(target, steps, keeps=keeps)
        job = _train(target, steps)
        require_success(target, job, NAMESPACE)
        with steps.quiet_step("roll-outs", f"Roll-outs from seeds {SEEDS}, untrained and trained", "about 60 s"):
            trials = roll_out(target.kubectl, target.images[IMAGE], job["status"]["result"])
    finally:
        write_report(report, steps, job, trials)
    show_result(steps.console, job, trials, save_pictures(trials, FOLDER))
    show_next(steps.console, target)
    steps.say(f"\nDone in {steps.total:.0f} s. Times of all steps: {os.path.relpath(report)}")


def _train(target: Target, steps: Steps) -> Json:
    kubectl = target.kubectl
    about = "about 40 s, once"
    with steps.quiet_step("recordings", f"{EPISODES} demonstrations on a claim in namespace {NAMESPACE!r}", about):
        ensure_recordings(kubectl, target.images[IMAGE])
    about = "about 10 min on an idle machine; at most 24 min of training on a busy one"
    with steps.step("job", f"kubectl apply -f {MANIFEST}: FineTuneJob {JOB!r}", about):
        apply_job(kubectl)
        return follow(kubectl, JOB, NAMESPACE, steps.console, JOB_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
