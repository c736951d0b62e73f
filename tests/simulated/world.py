"""Makes a local control plane a world in which FineTuneJobs live through: nodes, volumes, and pods that begin and end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import yaml

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster as Client
from finetune_operator.cluster.errors import AlreadyExists
from finetune_operator.cluster.resources import CLAIMS, NAMESPACES, Key, Resource
from tests.cluster import bringup, record
from tests.cluster.cluster import Cluster
from tests.cluster.controlplane import controllers
from tests.cluster.places import cluster_folder
from tests.cluster.programs import Setting, write_text
from tests.simulated.stages import Paces, stages
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually

NODES: Final = Resource("", "v1", "nodes", "Node", namespaced=False)
VOLUMES: Final = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
CLASSES: Final = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)

PROGRAM: Final = "kwok-trainers"
NODE_SELECTOR: Final = "scheduler.alpha.kubernetes.io/node-selector"
"""Of a namespace, for the admission plugin PodNodeSelector."""
FIRST: Final = ("/bin/sh", "-c", 'echo -10 >/proc/self/autogroup; exec nice -n -10 "$0" "$@"')
"""Before the others, as far as the machine lets us: real nodes are machines of their own."""
STORAGE_CLASS: Final = "simulated"
READY_SECONDS: Final = 60.0
AT_ONCE: Final = 16


@dataclass(frozen=True)
class WorldSettings:
    """What the world is like. ``volumes``: how many jobs may have a claim of their own; none is given out twice.

    ``node``: what each node offers beside pods.
    """

    paces: Paces = field(default_factory=Paces)
    nodes: int = 4
    pods_per_node: int = 5000
    node: dict[str, str] = field(default_factory=lambda: {"cpu": "100k", "memory": "1Pi", "nvidia.com/gpu": "8k"})
    volumes: int = 0


@dataclass(frozen=True)
class World:
    """A control plane whose nodes are simulated by ``simulate``."""

    cluster: Cluster

    @property
    def server(self) -> ApiServer:
        """Its API server, for clients and operators."""
        return ApiServer(self.cluster.kubeconfig)

    async def furnish(self, client: Client, namespace: str, *claims: str, node: int | None = None) -> None:
        """A namespace, made unless it is there, with bound claims of these names that any number of pods may mount.

        ``node``: the number of the one that all pods of the namespace go to.
        """
        placed = {} if node is None else {"annotations": {NODE_SELECTOR: f"kubernetes.io/hostname={_name(node)}"}}
        await _ensure(client, NAMESPACES, None, {"metadata": {"name": namespace, **placed}})
        for claim in claims:
            await _ensure(client, VOLUMES, None, _volume(f"{namespace}-{claim}", Key(namespace, claim)))
            spec = _claim_spec(f"{namespace}-{claim}")
            await _ensure(client, CLAIMS, namespace, {"metadata": {"name": claim}, "spec": spec})
        await eventually(partial(_bound, client, namespace), READY_SECONDS)


async def simulate(cluster: Cluster, settings: WorldSettings = WorldSettings()) -> World:
    """Make ``cluster``, a local control plane, such a world, or find that it is one; its nodes are ready.

    Raises ClusterError for the cluster of somebody's own kubeconfig. Ends with the cluster.
    """
    names = [_name(number) for number in range(settings.nodes)]
    if f"{PROGRAM}-{names[0]}" not in cluster.programs():
        _play(cluster, settings.paces, names)
    world = World(cluster)
    async with world.server.client() as client:
        await _ensure(client, CLASSES, None, _storage_class())
        await _all(client, NODES, (_node(name, settings) for name in names))
        await _all(client, VOLUMES, (_volume(f"spare-{number}", None) for number in range(settings.volumes)))
        await eventually(partial(_all_ready, client), READY_SECONDS)
    return world


def _play(cluster: Cluster, paces: Paces, nodes: Iterable[str]) -> None:
    """A kwok of our own with our Stages for each node, in place of the one that plays all pods alike.

    One for all would watch every pod: once it falls behind, the API server ends its watch and it lists them all again.
    """
    folder = cluster_folder(cluster.name)
    setting = Setting(folder, record.require(cluster.name, folder).network)
    config = write_text(folder.configuration / "simulated.yaml", yaml.safe_dump_all(stages(paces), sort_keys=False))
    (kwok,) = (program for program in controllers(setting) if program.name == "kwok")
    flags = [flag for flag in kwok.command if not flag.startswith("--manage-nodes")]
    cluster.stop("kwok")
    for node in nodes:
        name = f"{PROGRAM}-{node}"
        ours = (*FIRST, *flags, f"--manage-single-node={node}", f"--config={config}")
        bringup.run(setting, replace(kwok, name=name, command=ours, log=str(folder.logs / f"{name}.log")))


def _name(node: int) -> str:
    return f"simulated-{node}"


async def _ensure(client: Client, resource: Resource, namespace: str | None, body: Json) -> None:
    try:
        await client.create(resource, namespace, {"apiVersion": resource.api_version, "kind": resource.kind, **body})
    except AlreadyExists:
        return


async def _all(client: Client, resource: Resource, bodies: Iterable[Json]) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(body: Json) -> None:
        async with places:
            await _ensure(client, resource, None, body)

    await asyncio.gather(*map(one, bodies))


def _node(name: str, settings: WorldSettings) -> Json:
    amounts = {"pods": str(settings.pods_per_node), **settings.node}
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": amounts, "allocatable": amounts},
    }


def _storage_class() -> Json:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "metadata": {"name": STORAGE_CLASS, "annotations": default},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "Immediate",
    }


def _volume(name: str, claim: Key | None) -> Json:
    """A volume that holds nothing; ``claim`` is the only one that may have it, or else whichever comes first."""
    reserved = {"claimRef": {"namespace": claim.namespace, "name": claim.name}} if claim else {}
    spec = {
        "capacity": {"storage": "100Ti"},
        "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "" if claim else STORAGE_CLASS,
        "hostPath": {"path": "/none"},
        **reserved,
    }
    return {"metadata": {"name": name}, "spec": spec}


def _claim_spec(volume: str) -> Json:
    storage = {"requests": {"storage": "1Gi"}}
    return {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": volume, "resources": storage}


async def _bound(client: Client, namespace: str) -> bool:
    claims = await client.list(CLAIMS, namespace)
    return all(claim.get("status", {}).get("phase") == "Bound" for claim in claims)


async def _all_ready(client: Client) -> bool:
    return all(_is_ready(node) for node in await client.list(NODES))


def _is_ready(node: Json) -> bool:
    conditions = node.get("status", {}).get("conditions", ())
    tainted = node["spec"].get("taints")
    return not tainted and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
