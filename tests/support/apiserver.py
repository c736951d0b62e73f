"""A real API server for tests: the local cluster without a node, or the one that ``CLUSTER=current`` points to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster, Limits
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.errors import AlreadyExists, ClusterError
from finetune_operator.cluster.resources import BASEMODELS, DATASETS, FINETUNEJOBS, INSTANCETYPES, Resource
from tests.support.eventually import eventually

CRDS: Final = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
CRD_FOLDER: Final = Path(__file__).parents[2] / "crds"


@dataclass(frozen=True)
class ApiServer:
    """A running API server and how to reach it."""

    kubeconfig: Path

    def client(self) -> Cluster:
        """A client with an administrator's rights, not throttled: an async context manager."""
        return Cluster(Connection(str(self.kubeconfig)), Limits(qps=10_000, burst=10_000))

    def forged(self, path: Path) -> Path:
        """Write a kubeconfig to ``path`` with a token that this server never gave out."""
        config = yaml.safe_load(self.kubeconfig.read_text(encoding="utf-8"))
        for entry in config["users"]:
            entry["user"] = {"token": "forged"}
        return _written(config, path)

    def environment(self) -> dict[str, str]:
        """For a process that should talk to it."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}


def kubeconfig_for(url: str, path: Path) -> Path:
    """Write a kubeconfig to ``path`` without credentials for a server at ``url``."""
    return _written(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": url}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        },
        path,
    )


@contextmanager
def running_api_server(name: str) -> Iterator[ApiServer]:
    """An API server while the context lasts; ours is called ``name`` and is removed by ``remove_api_server``."""
    if os.environ.get("CLUSTER") == "current":
        yield ApiServer(Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube/config"))
        return
    from tests.cluster import up  # noqa: PLC0415 - building the local cluster is for those who use it

    yield ApiServer(Path(up(name, node=False).kubeconfig))


def remove_api_server(name: str) -> None:
    """Stop the local control plane of that name, if there is one."""
    from tests.cluster.places import cluster_folder  # noqa: PLC0415

    if not cluster_folder(name).root.exists():
        return
    from tests.cluster import down  # noqa: PLC0415

    down(name)


async def apply_crds(server: ApiServer) -> None:
    """Install the CustomResourceDefinitions of this checkout and wait until they are served."""
    async with server.client() as cluster:
        for path in sorted(CRD_FOLDER.glob("*.yaml")):
            await _apply(cluster, yaml.safe_load(path.read_text(encoding="utf-8")))
        for resource in (FINETUNEJOBS, INSTANCETYPES, BASEMODELS, DATASETS):
            await eventually(partial(_served, cluster, resource))


def _written(config: Json, path: Path) -> Path:
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


async def _apply(cluster: Cluster, crd: Json) -> None:
    try:
        await cluster.create(CRDS, None, crd)
    except AlreadyExists:
        await cluster.patch(CRDS, None, crd["metadata"]["name"], {"spec": crd["spec"]})


async def _served(cluster: Cluster, resource: Resource) -> bool:
    try:
        await cluster.list(resource)
    except ClusterError:
        return False
    return True
