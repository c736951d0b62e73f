"""`python -m tests.trainer.hanging RUN_JSON FOLDER WAY`: PID 1's watch over a process that does not come back from C code.

WAY is how it hangs: `holding` the interpreter's lock, or `waiting` without it. Prints how the attempt ended, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

from trainer.contract.run import read_run
from trainer.environment import worker_environment
from trainer.launch import Launch
from trainer.watch import Watch

BEGINNING: Final = """
import faulthandler, itertools, os, pathlib, signal, threading, time
from trainer.signs import FOLDER, STACKS_SIGNAL, own_signs
faulthandler.register(STACKS_SIGNAL, all_threads=True)
signal.signal(signal.SIGTERM, lambda *_: None)
signs = own_signs(pathlib.Path(os.environ[FOLDER]), os.environ)
signs.give("step", 120)
"""
WAYS: Final = {
    "holding": "def a_step_that_hangs():\n    max(itertools.repeat(1))\na_step_that_hangs()\n",
    "waiting": "def a_step_that_hangs():\n    os.read(os.pipe()[0], 1)\na_step_that_hangs()\n",
}


def main() -> None:
    """Watch one process that hangs until it is ended."""
    run_json, folder, way = sys.argv[1:]
    run = read_run(Path(run_json))
    environment = worker_environment(os.environ, run.hardware.cpus, Path(folder))
    launch = Launch((sys.executable, "-c", BEGINNING + WAYS[way]), environment)
    watch = Watch(run, [launch], Path(folder))
    seen = watch.until_the_end()
    watch.workers.last_lines()
    end = seen.stalled
    print(json.dumps({"codes": seen.codes, "code": end and end.code, "message": end and end.message}))


if __name__ == "__main__":
    main()
