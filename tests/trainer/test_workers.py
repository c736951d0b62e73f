"""PID 1's processes: whoever has ended is noticed, whatever is done to them in the moment of their end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor

from trainer.launch import Launch
from trainer.workers import Workers


def codes_of_a_process_that_ends_before_a_signal() -> tuple[list[int], tuple[int, ...]]:
    """In a process of its own, for PID 1 collects every child that there is. The codes, and what seems to run still."""
    workers = Workers([Launch((sys.executable, "-c", "raise SystemExit(3)"), {})])
    (pid,) = workers.running
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has collected it
    workers.signal(signal.SIGTERM)
    workers.reap()
    return workers.codes, workers.running


def test_a_process_that_ends_a_moment_before_it_is_signalled_is_collected_with_its_code() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as elsewhere:
        assert elsewhere.submit(codes_of_a_process_that_ends_before_a_signal).result(timeout=60) == ([3], ())
