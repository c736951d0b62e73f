"""What the programs of a local cluster cost: processor time and memory, from the kernel's own books."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
MIB: Final = 2**20
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Bill:
    """Seconds of processor time so far, by program."""

    seconds: Mapping[str, float]

    def since(self, before: Bill) -> Bill:
        """What came on top."""
        return Bill({name: total - before.seconds.get(name, 0.0) for name, total in self.seconds.items()})

    @property
    def total(self) -> float:
        """Of all programs."""
        return sum(self.seconds.values())


def bill(supervisor: int, operator: int | None = None) -> Bill:
    """Of all programs below a cluster's supervisor, and of the operator where one runs."""
    seconds: dict[str, float] = {}
    for pid in (*descendants(supervisor), *([operator] if operator else [])):
        name = "operator" if pid == operator else _name(pid)
        seconds[name] = seconds.get(name, 0.0) + processor_seconds(pid)
    return Bill(seconds)


def processor_seconds(pid: int) -> float:
    """User and system time of a process; 0 when it has gone."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def resident_mib(pid: int) -> float:
    """Memory of a process that is in use now."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE / MIB


def peak_mib(pid: int) -> float:
    """The most that it ever used."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) / 1024


def descendants(pid: int) -> list[int]:
    """All processes below a process."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _fields(int(folder.name))
        if fields:
            below.setdefault(int(fields[1]), []).append(int(folder.name))
    found, waiting = [], [pid]
    while waiting:
        children = below.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def _fields(pid: int) -> list[str]:
    """Of /proc/PID/stat, from the state on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return "gone"
