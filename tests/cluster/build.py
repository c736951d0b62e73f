"""Builds the cluster's programs from their Go modules, once per content, into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp
from typing import IO

from tests.cluster.components import COMPONENTS, Component, program_owner, program_path
from tests.cluster.errors import ClusterError, log_tail
from tests.cluster.places import cache_folder, exclusive
from tests.cluster.progress import say
from tests.cluster.toolchain import go

PROGRESS_SECONDS = 10.0
GIBIBYTE = 1 << 30
DISK_NEEDED = 10 * GIBIBYTE  # measured: modules 3.0, compiled objects 6 (removed after), programs 0.7


def build(components: Iterable[Component] = COMPONENTS) -> None:
    """Build those of `components` whose programs are not in the cache yet, one after the other.

    Raises:
        ClusterError: no Go, no space, or a build failed; the end of its output is in the message.
    """
    wanted = [each for each in components if not each.folder.is_dir()]
    if not wanted:
        return
    _check_space()
    total = sum(each.minutes for each in wanted)
    names = ", ".join(each.name for each in wanted)
    say(f"Building {names}: about {total:.0f} min on two cores, once; later starts find them built")
    for each in wanted:
        with exclusive(cache_folder() / "bin" / f"{each.name}.lock"):
            if not each.folder.is_dir():  # another builder may have finished while we waited
                _build(each)
    _drop_objects()


def ensure_program(program: str) -> Path:
    """Path of `program`, built first if it has to be."""
    build([program_owner(program)])
    return program_path(program)


def _objects() -> Path:
    """Where Go keeps what it compiled; ours, because nothing is ever built twice and six gigabytes are a lot to leave."""
    return cache_folder() / "go-objects"


def _drop_objects() -> None:
    # Once all is built they are of no use; a build that failed leaves them, and the next one goes on from there.
    if all(each.folder.is_dir() for each in COMPONENTS):
        shutil.rmtree(_objects(), ignore_errors=True)


def _check_space() -> None:
    cache_folder().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache_folder()).free
    if free < DISK_NEEDED:
        raise ClusterError(
            f"Building needs about {DISK_NEEDED / GIBIBYTE:.0f} GiB in {cache_folder()}, and {free / GIBIBYTE:.1f} are free.",
            "make room, or set XDG_CACHE_HOME to a folder on a larger disk; `make clean-cache` frees what earlier versions left",
        )


def _build(component: Component) -> None:
    started = time.monotonic()
    folder = component.folder
    _remove_abandoned(component)
    target = Path(mkdtemp(prefix=f"{component.name}.building-", dir=folder.parent))
    try:
        program = go(component.go_version)
        ours = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local", "GOCACHE": str(_objects())}
        environment = {**os.environ, **ours}
        total = _package_count(program, component, environment)
        command = [str(program), "build", "-v", "-trimpath", "-ldflags", component.linker_flags, "-o", f"{target}/"]
        _compile([*command, "tool"], component, environment, total)
        _accept(component, target)
        target.chmod(0o755)
        target.rename(folder)
    finally:
        shutil.rmtree(target, ignore_errors=True)
    say(f"  {component.name}: built in {time.monotonic() - started:.0f} s")


def _remove_abandoned(component: Component) -> None:
    # We hold the component's lock, so whatever is unfinished was left by a build that died.
    for left in component.folder.parent.glob(f"{component.name}.building-*"):
        shutil.rmtree(left, ignore_errors=True)


def _package_count(program: Path, component: Component, environment: Mapping[str, str]) -> int:
    say(f"  {component.name} {component.version}: fetching Go modules")
    run = subprocess.run(
        [program, "list", "-deps", "-f", "{{.ImportPath}}", "tool"],
        cwd=component.source,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise _failure(component, run.stderr)
    return len(run.stdout.splitlines())


def _compile(command: list[str], component: Component, environment: Mapping[str, str], total: int) -> None:
    with TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, cwd=component.source, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        done = threading.Event()
        reporter = threading.Thread(target=_report, args=(done, output, component.name, total), daemon=True)
        reporter.start()
        try:
            code = process.wait()
        finally:
            process.kill()
            done.set()
            reporter.join()
        output.seek(0)
        if code:
            raise _failure(component, output.read())


def _report(done: threading.Event, output: IO[str], name: str, total: int) -> None:
    started = time.monotonic()
    while not done.wait(PROGRESS_SECONDS):
        # `go build -v` names a package as it begins with it; packages that were compiled earlier stay unnamed.
        compiled = os.pread(output.fileno(), 1 << 24, 0).count(b"\n")
        seconds = time.monotonic() - started
        say(f"  {name}: {seconds:.0f} s, {compiled} of at most {total} packages compiled")


def _accept(component: Component, target: Path) -> None:
    # Go names a program by its path: etcd's module ends in server/v3, so its program is called server.
    if (target / "server").exists():
        (target / "server").rename(target / "etcd")
    absent = [name for name in component.programs if not (target / name).is_file()]
    if absent:
        raise ClusterError(
            f"The build of {component.name} made no {', '.join(absent)}.",
            f"compare the tool lines of {component.name}/go.mod with components.py",
        )


def _failure(component: Component, output: str) -> ClusterError:
    offline = re.search(r"dial tcp|no such host|TLS|x509|i/o timeout|connection refused", output)
    remedy = (
        "check that this machine reaches a Go module proxy (`go env GOPROXY`), then run the command again"
        if offline
        else f"read the lines above; `cd {component.source} && go build tool` repeats the build alone"
    )
    return ClusterError(f"Building {component.name} {component.version} failed:\n{log_tail(output)}", remedy)
