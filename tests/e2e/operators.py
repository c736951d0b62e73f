"""The operator's own pods: how many there are, which one leads, and their sudden death."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from finetune_operator.api.names import LEADER_LABEL
from tests.cluster import find
from tests.cluster.cluster import CURRENT
from tests.demo.evidence import OPERATOR_LABELS
from tests.demo.install import NAMESPACE
from tests.demo.kubectl import Json
from tests.demo.target import Target
from tests.demo.watch import until

DEPLOYMENT = "deployment/finetune-operator"
READY_SECONDS = 90.0


@dataclass(frozen=True)
class Operators:
    """The operator's Deployment on one cluster."""

    target: Target

    def pods(self, labels: str = "") -> list[Json]:
        """The pods that are not on their way out."""
        selector = f"{OPERATOR_LABELS},{labels}" if labels else OPERATOR_LABELS
        found = self.target.kubectl.list("pods", NAMESPACE, selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def leaders(self) -> list[Json]:
        """The pods that say that they lead."""
        return self.pods(f"{LEADER_LABEL}=true")

    def scale(self, replicas: int) -> None:
        """Set the number of operators, and wait until as many are ready and no others are left."""
        self.target.kubectl.run("scale", DEPLOYMENT, f"--namespace={NAMESPACE}", f"--replicas={replicas}")
        ready = until(lambda: self._are_ready(replicas), READY_SECONDS)
        assert ready, f"not {replicas} operators within {READY_SECONDS:.0f} s"

    def kill(self, pod: Json) -> None:
        """SIGKILL the operator in this pod: no clean-up, no last word."""
        name = pod["metadata"]["name"]
        if self.target.name == CURRENT:
            options = ("--grace-period=0", "--force")
            self.target.kubectl.run("delete", "pod", name, f"--namespace={NAMESPACE}", *options)
            return
        container = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
        socket = find(self.target.name).containerd_socket
        command = ["ctr", "--address", str(socket), "--namespace", "k8s.io", "task", "kill", "--signal", "SIGKILL"]
        subprocess.run([*command, container], check=True, capture_output=True)

    def restarts(self) -> int:
        """How often the containers of the pods have been started again."""
        return sum(status["restartCount"] for pod in self.pods() for status in pod["status"]["containerStatuses"])

    def until_ready(self, replicas: int = 1) -> None:
        """Wait until that many operators are ready."""
        assert until(lambda: self._are_ready(replicas), READY_SECONDS), "the operator did not become ready again"

    def _are_ready(self, replicas: int) -> bool | None:
        found = self.target.kubectl.list("pods", NAMESPACE, OPERATOR_LABELS)
        ready = [pod for pod in found if _is_ready(pod)]
        return True if len(found) == len(ready) == replicas else None


def _is_ready(pod: Json) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
