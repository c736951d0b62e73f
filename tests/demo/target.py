"""The cluster that the demo runs on: started here with the images loaded, or the user's own as it is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import ensure_program, up
from tests.cluster.cluster import CURRENT, current_cluster
from tests.demo.install import Helm
from tests.demo.kubectl import Kubectl
from tests.demo.plan import announcement, local_plan
from tests.demo.steps import Steps
from tests.images.ensure import ensure, references

VARIABLES = {"operator": "OPERATOR_IMAGE", "trainer": "TRAINER_IMAGE"}


@dataclass(frozen=True)
class Target:
    """A running cluster with what it takes to work on it; `images` are called operator and trainer."""

    name: str
    kubectl: Kubectl
    helm: Helm
    images: Mapping[str, str]

    @property
    def programs(self) -> Path:
        """The folder of kubectl, for people's PATH."""
        return self.kubectl.program.parent


def reach(name: str, steps: Steps) -> Target:
    """The cluster `name`, ready to be installed into. Raises ClusterError or ImageError with what to do."""
    return _own(steps) if name == CURRENT else _local(name, steps)


def _local(name: str, steps: Steps) -> Target:
    steps.say(announcement(local_plan(name), name))
    with steps.step("cluster", f"Kubernetes cluster {name!r}", "seconds; the first time it is built"):
        cluster = up(name)
    with steps.step("images", "Operator and trainer images", "seconds; minutes the first time"):
        images = ensure((), socket=cluster.containerd_socket, say=steps.say)
    kubectl = Kubectl(ensure_program("kubectl"), cluster.kubeconfig)
    return Target(name, kubectl, Helm(ensure_program("helm"), kubectl), images)


def _own(steps: Steps) -> Target:
    current_cluster()  # says what to do when there is no kubeconfig
    images = {name: os.environ.get(VARIABLES[name]) or reference for name, reference in references(()).items()}
    steps.say("The demo runs on the cluster of your kubeconfig. Nothing is started or loaded into it.")
    steps.say("Its nodes must be able to pull these two images:")
    for name, image in images.items():
        steps.say(f"  {image}  (another one: {VARIABLES[name]}=…)")
    steps.say("`CLUSTER=current python -m tests.images build` says how to build and push them.")
    kubectl = Kubectl(_program("kubectl"), None)
    return Target(CURRENT, kubectl, Helm(_program("helm"), kubectl), images)


def _program(name: str) -> Path:
    """The user's own program, else the one that we build."""
    found = shutil.which(name)
    return Path(found) if found else ensure_program(name)
