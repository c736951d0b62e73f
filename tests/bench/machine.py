"""The machine that a figure was taken on: without it the figure says nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from finetune_operator.api.model import Json
from tests.cluster.components import component


def machine() -> Json:
    """Processor, cores, memory, kernel, versions, and how busy the machine was before."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(_first("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "kubernetes": component("kubernetes").version,
        "kwok": component("kwok").version,
        "load_before": round(os.getloadavg()[0], 2),
        "shared_by": "etcd, API server, controllers, scheduler, kwok, the operator and the measuring client",
    }


def processor() -> str:
    """What the kernel calls it."""
    return _first("/proc/cpuinfo", "model name")


def _first(path: str, name: str) -> str:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown")
