"""The supervisor's loop with real processes, outside of namespaces."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tests.cluster.supervisor import Supervisor
from tests.support.eventually import wait_until


def test_a_program_that_dies_is_started_again_after_a_pause(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.answer(_start(tmp_path, "raise SystemExit(3)"))
    wait_until(lambda: _ended(supervisor, code=3))
    now = time.monotonic()
    assert supervisor.revive(now) > 0
    assert _state(supervisor)["starts"] == 1
    supervisor.revive(now + 1)
    assert _state(supervisor)["starts"] == 2
    wait_until(lambda: _ended(supervisor, code=3))


def test_the_pause_grows_with_every_death(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.answer(_start(tmp_path, "raise SystemExit(1)"))
    wait_until(lambda: _ended(supervisor, code=1))
    first = supervisor.revive(time.monotonic())
    supervisor.revive(time.monotonic() + 1)
    wait_until(lambda: _ended(supervisor, code=1))
    assert supervisor.revive(time.monotonic()) > first


def test_a_program_that_was_stopped_stays_stopped_until_it_is_started(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.answer(_start(tmp_path, "import signal; signal.pause()"))
    supervisor.answer({"do": "stop", "name": "program"})
    wait_until(lambda: _state_after_reaping(supervisor)["pid"] == 0)
    supervisor.revive(time.monotonic() + 100)
    assert _state(supervisor)["pid"] == 0
    supervisor.answer({"do": "start", "name": "program"})
    assert _state(supervisor)["starts"] == 2
    supervisor.answer({"do": "stop", "name": "program"})
    wait_until(lambda: _state_after_reaping(supervisor)["pid"] == 0)


def test_starting_what_runs_changes_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor()
    first = supervisor.answer(_start(tmp_path, "import signal; signal.pause()"))
    assert supervisor.answer(_start(tmp_path, "anything else")) == first
    supervisor.answer({"do": "stop", "name": "program"})
    wait_until(lambda: _state_after_reaping(supervisor)["pid"] == 0)


def test_output_goes_to_the_log(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.answer(_start(tmp_path, "print('said')"))
    wait_until(lambda: _ended(supervisor, code=0))
    assert (tmp_path / "log").read_text() == "said\n"


def test_a_program_that_cannot_be_started_does_not_end_the_supervisor(tmp_path: Path) -> None:
    supervisor = Supervisor()
    request = _start(tmp_path, "")
    request["program"]["command"] = ["/nonexistent/program"]
    assert supervisor.answer(request)["program"] == {"pid": 0, "starts": 1, "exit": 127}
    assert "No such file" in (tmp_path / "log").read_text()


def _start(folder: Path, script: str) -> dict[str, Any]:
    program = {
        "name": "program",
        "command": [sys.executable, "-c", script],
        "environment": {},
        "log": str(folder / "log"),
    }
    return {"do": "start", "name": "program", "program": program}


def _state(supervisor: Supervisor) -> dict[str, object]:
    state = supervisor.answer({"do": "status"})["program"]
    assert isinstance(state, dict)
    return state


def _state_after_reaping(supervisor: Supervisor) -> dict[str, object]:
    supervisor.reap(time.monotonic())
    return _state(supervisor)


def _ended(supervisor: Supervisor, code: int) -> bool:
    state = _state_after_reaping(supervisor)
    return state["pid"] == 0 and state["exit"] == code
