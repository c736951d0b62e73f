"""Nobody who waits sits before a silent program: not before the demo, and not before its set-up."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator

from rich.console import Console

from tests.demo.follow import in_lines
from tests.demo.kubectl import Json
from tests.demo.steps import Steps
from tests.pulse import PULSE_SECONDS, main
from tests.support.eventually import wait_until


def test_a_step_that_says_nothing_itself_is_told_to_go_on_where_no_spinner_can_turn() -> None:
    said = io.StringIO()
    steps = Steps(Console(file=said, width=200), pulse_seconds=0.01)

    with steps.quiet_step("model", "Base model", "about 30 s"):
        wait_until(lambda: said.getvalue().count("0 s, about 30 s expected") >= 2)

    assert said.getvalue().startswith("▸ Base model (about 30 s)\n")


def test_a_job_that_waits_in_one_state_is_told_again_and_again() -> None:
    said = io.StringIO()
    now = iter([0.0, 0.0, 1.0, *(each for n in range(2, 40) for each in (float(n), float(n)))])
    pulling = {"status": {"phase": "Starting", "reason": "PullingImage", "message": "pulling"}}

    last = in_lines(states(pulling, 2 * int(PULSE_SECONDS)), Console(file=said, width=200), lambda: next(now, 99.0))

    assert last == pulling
    assert 2 <= said.getvalue().count("PullingImage") <= 4


def states(state: Json, count: int) -> Iterator[Json]:
    return (state for _ in range(count))


def test_any_program_can_be_waited_for_without_silence() -> None:
    script = "import sys, tests.pulse as p; sys.exit(p.main(sys.argv[1:], 0.01))"
    slow = "import signal; signal.sigtimedwait([signal.SIGUSR1], 0.5); raise SystemExit(3)"
    command = [sys.executable, "-c", script, "Installing tools", "60", "--", sys.executable, "-c", slow]

    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 3
    first, *pulses = run.stdout.splitlines()
    assert first == "Installing tools (about 60 s)"
    assert pulses
    assert set(pulses) <= {"  0 s of about 60 s", "  1 s of about 60 s"}


def test_the_exit_status_is_the_programs() -> None:
    assert main(["Nothing", "1", "--", "true"]) == 0
