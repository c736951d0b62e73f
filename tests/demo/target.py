"""The cluster that the demo runs on: started here with the images loaded, or the user's own as it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import ClusterError, ensure_program, up
from tests.cluster.cluster import CURRENT, current_cluster
from tests.demo.install import Helm
from tests.demo.kubectl import Kubectl, KubectlError
from tests.demo.plan import LANGUAGE_SHOW, Show, announcement, local_plan
from tests.demo.steps import Steps
from tests.images.ensure import ensure, references
from tests.images.recipes import LANGUAGE

ENVIRONMENT = "environment"
"""The step in which the Python environment is made, before this program can run."""
VARIABLES = {"operator": "OPERATOR_IMAGE", "trainer": "TRAINER_IMAGE", "trainer-lerobot": "ROBOTS_IMAGE"}


@dataclass(frozen=True)
class Target:
    """A running cluster with what it takes to work on it; `images` are called operator, trainer and, if asked for, trainer-lerobot."""

    name: str
    kubectl: Kubectl
    helm: Helm
    images: Mapping[str, str]

    @property
    def programs(self) -> Path:
        """The folder of kubectl, for people's PATH."""
        return self.kubectl.program.parent


def reach(name: str, steps: Steps, images: Sequence[str] = LANGUAGE, show: Show = LANGUAGE_SHOW) -> Target:
    """The cluster `name` with these images, ready to be installed into, after what the show takes was said.

    Raises ClusterError or ImageError with what to do.
    """
    return _own(steps, images) if name == CURRENT else _local(name, steps, images, show)


def _local(name: str, steps: Steps, wanted: Sequence[str], show: Show) -> Target:
    steps.say(announcement(local_plan(name, steps.seconds.get(ENVIRONMENT, 0), wanted, show), name, show))
    with steps.step("cluster", f"Kubernetes cluster {name!r}", "seconds; the first time it is built"):
        cluster = up(name)
    with steps.step("images", "Operator and trainer images", "seconds; minutes the first time"):
        images = ensure(wanted, socket=cluster.containerd_socket, say=steps.say)
    kubectl = Kubectl(ensure_program("kubectl"), cluster.kubeconfig)
    return Target(name, kubectl, Helm(ensure_program("helm"), kubectl), images)


def _own(steps: Steps, wanted: Sequence[str]) -> Target:
    current_cluster()  # says what to do when there is no kubeconfig
    kubectl = Kubectl(_program("kubectl"), None)
    steps.say(f"The demo runs on a cluster of yours: {whereabouts(kubectl)}. Nothing is started or loaded into it.")
    images = {name: os.environ.get(VARIABLES[name]) or reference for name, reference in references(wanted).items()}
    steps.say("Its nodes must be able to pull these images:")
    for name, image in images.items():
        steps.say(f"  {image}  (another one: {VARIABLES[name]}=…)")
    steps.say("`make images CLUSTER=current` says how to build and push them.")
    return Target(CURRENT, kubectl, Helm(_program("helm"), kubectl), images)


def whereabouts(kubectl: Kubectl) -> str:
    """Context and server, so that nobody takes one cluster for another."""
    try:
        view = json.loads(kubectl.run("config", "view", "--minify", "--output=json"))
    except KubectlError as error:
        raise ClusterError(
            f"Your kubeconfig does not say which cluster to use: {error.said}", "kubectl config use-context NAME"
        ) from error
    return f"context {view['current-context']!r}, server {view['clusters'][0]['cluster']['server']}"


def _program(name: str) -> Path:
    """The user's own program, else the one that we build."""
    found = shutil.which(name)
    return Path(found) if found else ensure_program(name)
