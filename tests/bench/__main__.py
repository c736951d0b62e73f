"""``make bench``: planning alone on one core, then the operator against a plain client, in turns on one API server."""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import yaml

from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import LEASES
from tests.bench import planning
from tests.bench.burst import bench_namespace, offer_instance_type, operator_burst, plain_burst
from tests.support.apiserver import NAMESPACES, ApiServer, apply_crds, remove_api_server, running_api_server
from tests.support.eventually import eventually

NAME = "bench"
PLANS = 1000
OPERATOR_NAMESPACE = "finetune-bench"


def main() -> int:
    """Print jobs planned per second and core, then jobs per second of operator and client and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("all", "planning", "burst"), default="all", help="what is measured")
    parser.add_argument("--jobs", type=int, default=200, help="jobs in one burst (default 200)")
    parser.add_argument("--rounds", type=int, default=3, help="bursts of each (default 3)")
    options = parser.parse_args()
    if options.what in {"all", "planning"}:
        planning.measure(PLANS)
    if options.what in {"all", "burst"}:
        _burst(options.jobs, options.rounds)
    return 0


def _burst(jobs: int, rounds: int) -> None:
    try:
        with running_api_server(NAME) as server:
            asyncio.run(_measure(server, jobs, rounds))
    finally:
        remove_api_server(NAME)


async def _measure(server: ApiServer, jobs: int, rounds: int) -> None:
    await apply_crds(server)
    ratios: list[float] = []
    async with server.client() as cluster:
        await offer_instance_type(cluster)
        for number in range(rounds):
            async with bench_namespace(cluster, f"bench-plain-{number}") as namespace:
                plain = await plain_burst(cluster, namespace, jobs)
            async with bench_namespace(cluster, f"bench-operator-{number}") as namespace:
                ours, usage = await _with_operator(server, cluster, namespace, jobs)
            ratios.append(plain / ours)
            print(f"round {number + 1}: plain {jobs / plain:.0f} jobs/s, operator {jobs / ours:.0f} jobs/s, {usage}")
    print(
        f"operator / plain client: median {statistics.median(ratios):.2f} (min {min(ratios):.2f}, max {max(ratios):.2f})"
    )


async def _with_operator(server: ApiServer, cluster: Cluster, namespace: str, jobs: int) -> tuple[float, str]:
    async with _running_operator(server, cluster) as pid:
        seconds = await operator_burst(cluster, namespace, jobs)
        return seconds, _usage(pid, jobs)


@asynccontextmanager
async def _running_operator(server: ApiServer, cluster: Cluster) -> AsyncIterator[int]:
    """The operator as a process, once it holds the Lease; unthrottled, as the plain client is."""
    if all(entry["metadata"]["name"] != OPERATOR_NAMESPACE for entry in await cluster.list(NAMESPACES)):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OPERATOR_NAMESPACE}}
        await cluster.create(NAMESPACES, None, body)
    environment = {**server.environment(), "FINETUNE_SETTINGS": str(_settings())}
    command = (sys.executable, "-m", "finetune_operator.reconciler")
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)
    try:
        await eventually(partial(_leads, cluster), 60)
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


def _settings() -> Path:
    path = Path("build", "bench-settings.yaml")
    path.parent.mkdir(exist_ok=True)
    loopback = {"host": "127.0.0.1", "port": 0}
    settings = {
        "namespace": OPERATOR_NAMESPACE,
        "qps": 10_000,
        "burst": 10_000,
        "logLevel": "error",
        "health": loopback,
        "progress": {**loopback, "url": "https://127.0.0.1:8443"},
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path.resolve()


async def _leads(cluster: Cluster) -> bool:
    leases = await cluster.list(LEASES, OPERATOR_NAMESPACE)
    return any(lease["spec"].get("holderIdentity") for lease in leases)


def _usage(pid: int, jobs: int) -> str:
    """Resident memory and processor time of the operator so far."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    times = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    seconds = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
    return f"{pages * os.sysconf('SC_PAGE_SIZE') / 1e6:.0f} MB, {seconds / jobs * 1000:.1f} ms CPU a job"


if __name__ == "__main__":
    sys.exit(main())
