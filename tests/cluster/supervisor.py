"""The first process of a cluster's own namespaces: starts programs, starts them again when they die, reaps orphans.

Run by `supervision.spawn` under `unshare`, never by hand. It decides nothing: whoever holds its socket says what runs.
When it ends, for whatever reason, the kernel ends every process, mount, interface and rule of its namespaces.
It imports the standard library only, because it stays in memory as long as the cluster lives.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

FIRST_PAUSE = 0.5  # seconds before a program that died is started again; doubled each time
LONGEST_PAUSE = 8.0
REQUEST_TIMEOUT = 5.0
CANNOT_START = 127  # as shells say it
# Python ignores broken pipes, and what is ignored is inherited: down to the processes in pods.
PLAIN_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD)
# Folders that programs of the node insist on, however they are configured. Ours are mounted over the host's.
FRESH_FOLDERS = ("/run", "/var/lib/cni", "/var/log/containers")
# kubelet writes these when they differ. With files of ours mounted over them it finds what it wants and the
# host's kernel keeps its own settings.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


@dataclass
class Program:
    """One supervised program and what became of it."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: str
    pid: int = 0
    wanted: bool = True
    starts: int = 0
    exit: int | None = None
    due: float = field(default=0.0)

    def spawn(self) -> None:
        """Start it, its output appended to its log; one that cannot be started counts as dead at once."""
        self.starts += 1
        try:
            self.pid = self._launch()
        except OSError as problem:
            Path(self.log).write_text(f"{self.command[0]}: {problem}\n", encoding="utf-8")
            self.ended(CANNOT_START, time.monotonic())

    def ended(self, code: int, now: float) -> None:
        """It ended with exit `code` (negative: a signal); plan its next start."""
        self.pid, self.exit = 0, code
        self.due = now + min(FIRST_PAUSE * 2 ** (self.starts - 1), LONGEST_PAUSE)

    def _launch(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, self.log, flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        return os.posix_spawn(
            self.command[0],
            self.command,
            self.environment,
            file_actions=actions,
            setsid=True,
            setsigdef=PLAIN_SIGNALS,
        )


class Supervisor:
    """All programs of one cluster, and the answers to requests about them."""

    def __init__(self) -> None:
        self.programs: dict[str, Program] = {}

    def answer(self, request: dict[str, object]) -> dict[str, object]:
        """Do what `request` says (`start`, `stop`, `signal`, `status`) and tell how all programs are."""
        name = str(request.get("name", ""))
        match str(request["do"]):
            case "start":
                self._start(name, request)
            case "stop":
                self.programs[name].wanted = False
                self._signal(name, signal.SIGKILL)
            case "signal":
                self._signal(name, int(str(request["signal"])))
            case _:
                pass  # status
        return {each.name: {"pid": each.pid, "starts": each.starts, "exit": each.exit} for each in self._all()}

    def reap(self, now: float) -> None:
        """Take leave of every child that ended: programs of ours, and orphans that became ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for program in self._all():
                if program.pid == pid:
                    program.ended(os.waitstatus_to_exitcode(status), now)

    def revive(self, now: float) -> float:
        """Start again what died and is due; seconds until the next one is due."""
        dead = [each for each in self._all() if each.wanted and not each.pid]
        for program in dead:
            if program.due <= now:
                program.spawn()
        return min((each.due - now for each in dead if not each.pid), default=LONGEST_PAUSE)

    def _all(self) -> list[Program]:
        return list(self.programs.values())

    def _start(self, name: str, request: dict[str, object]) -> None:
        program = self.programs.get(name)
        if program is None:
            program = Program(**json.loads(json.dumps(request["program"])))
            self.programs[name] = program
        program.wanted, program.due = True, 0.0
        if not program.pid:
            program.spawn()

    def _signal(self, name: str, number: int) -> None:
        if pid := self.programs[name].pid:
            os.kill(pid, number)


def main() -> None:
    """Prepare the namespaces, then serve requests until killed. Arguments: socket, kubelet's folder, host name."""
    address, kubelet, host_name = sys.argv[1:]
    os.chdir("/")  # where `up` was called must not stay busy
    os.umask(0o022)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _prepare(kubelet, host_name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    _serve(listener, Supervisor())


def _prepare(kubelet: str, host_name: str) -> None:
    socket.sethostname(host_name)
    _mount("--make-rshared", "/")  # volumes that kubelet mounts must reach containers that already run
    for target in FRESH_FOLDERS:
        _mount("-t", "tmpfs", "-o", "mode=755", "finetune-operator", target)
    _mount("--bind", kubelet, "/var/lib/kubelet")
    _pin_kernel_settings()
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")


def _pin_kernel_settings() -> None:
    for name, value in KERNEL_SETTINGS.items():
        setting, stand_in = Path("/proc/sys", name), Path("/run", name.replace("/", "."))
        if setting.exists():
            stand_in.write_text(value, encoding="ascii")
            _mount("--bind", str(stand_in), str(setting))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _serve(listener: socket.socket, supervisor: Supervisor) -> None:
    wake_read, wake_write = socket.socketpair()
    wake_write.setblocking(False)  # noqa: FBT003 - the standard library's signature
    wake_read.setblocking(False)  # noqa: FBT003
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write.fileno(), warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)
    while True:
        pause = supervisor.revive(time.monotonic())
        for key, _ in selector.select(max(pause, 0.01)):
            if key.fileobj is listener:
                _answer_one(listener, supervisor)
            else:
                wake_read.recv(4096)
        supervisor.reap(time.monotonic())


def _answer_one(listener: socket.socket, supervisor: Supervisor) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(REQUEST_TIMEOUT)
        try:
            request = json.loads(connection.makefile().readline())
            reply = supervisor.answer(request)
        except (OSError, ValueError, KeyError, TypeError) as problem:  # a bad request must not end the cluster
            reply = {"error": f"{type(problem).__name__}: {problem}"}
        try:
            connection.sendall(json.dumps(reply).encode() + b"\n")
        except OSError:
            return  # whoever asked has gone


if __name__ == "__main__":
    main()
