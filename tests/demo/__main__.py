"""`make demo`: from nothing to a fine-tuned language model. `python -m tests.demo --help`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.demo.answers import Answer, ask
from tests.demo.follow import follow
from tests.demo.kubectl import Json
from tests.demo.ownership import keeps_operator, require_own
from tests.demo.report import REPORT, show_next, show_result, write_report
from tests.demo.running import begin, install_operator, parser, require_success, run
from tests.demo.sample import JOB, NAMESPACE, apply_sample, ensure_model
from tests.demo.steps import Steps
from tests.demo.target import Target, reach


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0 when the model was fine-tuned, else 1 after saying what to do."""
    options = parser("python -m tests.demo", "Fine-tune a small language model.", REPORT).parse_args(arguments)
    steps = begin(options.begun)
    return run(lambda: _demo(options.cluster, options.report, steps), steps.console, "make demo", options.cluster)


def _demo(cluster: str, report: Path, steps: Steps) -> None:
    job: Json | None = None
    answers: tuple[Answer, ...] = ()
    try:
        keeps = keeps_operator(os.environ)
        target = reach(cluster, steps)
        require_own(target.helm, keeps=keeps)
        install_operator(target, steps, keeps=keeps)
        job = _fine_tune(target, steps)
        require_success(target, job, NAMESPACE)
        with steps.quiet_step("answers", "Ask the model before and after", "about 10 s"):
            answers = ask(target.kubectl, target.images["trainer"], job["status"]["result"])
    finally:
        write_report(report, steps, job, answers)
    show_result(steps.console, job, answers)
    show_next(steps.console, target, job)
    steps.say(f"\nDone in {steps.total:.0f} s. Times of all steps: {os.path.relpath(report)}")


def _fine_tune(target: Target, steps: Steps) -> Json:
    kubectl = target.kubectl
    with steps.quiet_step("model", f"Base model on a claim in namespace {NAMESPACE!r}", "about 30 s, once"):
        ensure_model(kubectl, target.images["trainer"])
    with steps.step("job", f"kubectl apply -k crds/samples: FineTuneJob {JOB!r}", "about 30 s"):
        apply_sample(kubectl)
        return follow(kubectl, JOB, NAMESPACE, steps.console)


if __name__ == "__main__":
    sys.exit(main())
