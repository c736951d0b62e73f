"""A running cluster, as tests, the demo and other tools use it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.build import ensure_program
from tests.cluster.errors import ClusterError
from tests.cluster.network import NODE_NAME
from tests.cluster.places import ClusterFolder, cluster_folder
from tests.cluster.rest import MERGE_PATCH, ApiServer
from tests.cluster.supervision import ProgramState, ask

GPU = "nvidia.com/gpu"
CURRENT = "current"
KUBECTL_SECONDS = 120.0
SIMULATED = {"kwok.x-k8s.io/node": "fake"}


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs.

    Attributes:
        name: as given to `up`; `current` for a cluster that is not ours.
        kubeconfig: a file with administrator rights.
        containerd_socket: where images are imported; None without a node of ours.
        host_address: the address where pods and the API server reach processes of this host; None when not ours.
        busybox_image: an image that is always there, with a shell, wget and nslookup; None without a node of ours.
    """

    name: str
    kubeconfig: Path
    containerd_socket: Path | None = None
    host_address: str | None = None
    busybox_image: str | None = None

    @property
    def node_name(self) -> str:
        """Name of the real node; also how the node names its host."""
        return NODE_NAME

    def kubectl(self, *arguments: str, content: str | None = None) -> str:
        """Run kubectl with these arguments and `content` as its standard input; its output.

        Raises:
            ClusterError: kubectl failed; its words are in the message.
        """
        command = [str(ensure_program("kubectl")), *arguments]
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        run = subprocess.run(
            command,
            input=content,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=KUBECTL_SECONDS,
        )
        if run.returncode:
            raise ClusterError(f"`kubectl {' '.join(arguments)}` failed: {run.stderr.strip()}", "read kubectl's words")
        return run.stdout

    def programs(self) -> dict[str, ProgramState]:
        """Every program of the cluster and how it is."""
        return ask(self._folder(), do="status")

    def stop(self, program: str) -> None:
        """Kill `program` (for example kubelet or etcd); it stays ended until `start`."""
        ask(self._folder(), do="stop", name=self._known(program))

    def start(self, program: str) -> None:
        """Start `program` after `stop`."""
        ask(self._folder(), do="start", name=self._known(program))

    def signal(self, program: str, number: signal.Signals) -> None:
        """Send a signal to `program`: SIGKILL for a crash (it is started again), SIGSTOP for a hang, SIGCONT after it."""
        ask(self._folder(), do="signal", name=self._known(program), signal=int(number))

    def log(self, program: str) -> str:
        """All that `program` has written since the cluster started."""
        return (self._folder().logs / f"{program}.log").read_text(encoding="utf-8", errors="replace")

    def simulate_gpus(self, count: int = 8, node: str = NODE_NAME) -> None:
        """Let `node` offer `count` GPUs; pods that ask for them are placed there and run on its processor."""
        amount = {GPU: str(count)}
        status = {"status": {"capacity": amount, "allocatable": amount}}
        self._api().request("PATCH", f"/api/v1/nodes/{node}/status", status, MERGE_PATCH)

    def add_simulated_node(
        self, name: str, capacity: Mapping[str, str], labels: Mapping[str, str] | None = None
    ) -> None:
        """Add a node that kwok plays: pods placed there become Running at once, and Jobs' pods complete.

        Args:
            name: of the node.
            capacity: resource to amount, for example `{"cpu": "96", "memory": "1Ti", "nvidia.com/gpu": "8"}`.
            labels: besides hostname, architecture and system.
        """
        common = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        amounts = {"pods": "250", **capacity}
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "annotations": dict(SIMULATED), "labels": {**common, **(labels or {})}},
            "status": {"capacity": amounts, "allocatable": amounts},
        }
        self._api().request("POST", "/api/v1/nodes", node)

    def _api(self) -> ApiServer:
        self._folder()
        return ApiServer(self.kubeconfig)

    def _folder(self) -> ClusterFolder:
        if self.name == CURRENT:
            raise ClusterError(
                "The cluster of your own kubeconfig is never stopped, changed or simulated from here.",
                "use a local cluster for this: leave CLUSTER unset, or give it another name than current",
            )
        return cluster_folder(self.name)

    def _known(self, program: str) -> str:
        known = self.programs()
        if program not in known:
            raise ClusterError(f"Cluster {self.name!r} runs no {program!r}.", f"choose one of: {', '.join(known)}")
        return program


def current_cluster() -> Cluster:
    """The cluster of the kubeconfig that kubectl would use.

    Raises:
        ClusterError: there is no kubeconfig.
    """
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)
    candidates = [Path(each) for each in named if each] or [Path.home() / ".kube" / "config"]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        looked = ", ".join(map(str, candidates))
        raise ClusterError(f"CLUSTER=current needs a kubeconfig, and there is none at {looked}.", "set KUBECONFIG")
    return Cluster(CURRENT, found)
