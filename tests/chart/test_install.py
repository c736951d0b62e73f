"""The chart on a real API server: installed by Helm, and its rights tried by the operator that has them."""

from __future__ import annotations

import asyncio
import base64
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import yaml

from finetune_operator.api.model import Json
from finetune_operator.api.names import LEADER_LABEL
from finetune_operator.cluster import Cluster, Resource
from finetune_operator.cluster.resources import (
    BASEMODELS,
    CLAIMS,
    EVENTS,
    FINETUNEJOBS,
    INSTANCETYPES,
    JOBS,
    PODS,
    SECRETS,
    Key,
)
from finetune_operator.reconciler.progress import SECRET_NAME, progress_url
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, helm
from tests.support.apiserver import NAMESPACES, ApiServer, remove_api_server, running_api_server
from tests.support.eventually import eventually
from tests.support.operator_process import OperatorLaunch, free_port, running_operator

pytestmark = pytest.mark.controlplane

TOKENS = Resource("", "v1", f"serviceaccounts/{RELEASE}/token", "TokenRequest")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
TEAM = "default"
SPEC = {
    "jobType": "sft",
    "model": {"name": "pvc://models/tiny"},
    "datasets": [{"name": "support", "uri": "pvc://data/train.jsonl"}],
    "instanceType": "cpu-small",
}


@dataclass(frozen=True)
class Installed:
    """A cluster in which the chart is installed, and an administrator's client of it."""

    server: ApiServer
    cluster: Cluster


@pytest.fixture(scope="module")
def own_server() -> Iterator[ApiServer]:
    """A control plane of this module's own: the operator of a chart acts on the whole cluster."""
    name = f"chart-{secrets.token_hex(3)}"
    try:
        with running_api_server(name) as server:
            yield server
    finally:
        remove_api_server(name)


@pytest.fixture
async def installed(own_server: ApiServer) -> AsyncIterator[Installed]:
    """The chart as a user installs it, CRDs included, in a namespace that enforces restricted pod security."""
    async with own_server.client() as cluster:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": NAMESPACE, "labels": labels}
        await cluster.create(NAMESPACES, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        arguments = ("install", RELEASE, str(CHART), "--namespace", NAMESPACE)
        notes = await asyncio.to_thread(helm, *arguments, kubeconfig=own_server.kubeconfig)
        assert "kubectl get instancetypes" in notes
        yield Installed(own_server, cluster)


async def test_the_operator_runs_with_the_rights_of_the_chart_and_is_never_refused(
    installed: Installed, tmp_path: Path
) -> None:
    cluster = installed.cluster
    pod = await eventually(lambda: _operators_pod(cluster))
    assert {"cpu-small", "h100-80gb-x8"} <= {item["metadata"]["name"] for item in await cluster.list(INSTANCETYPES)}
    environment = {"KUBECONFIG": str(await _own_kubeconfig(installed, tmp_path)), "POD_NAME": pod}
    port = free_port()
    progress = {"host": "127.0.0.1", "port": port, "url": f"https://127.0.0.1:{port}"}
    launch = OperatorLaunch(tmp_path, {"progress": progress}, environment)
    with running_operator(installed.server, NAMESPACE, launch) as operator:
        await operator.leads()
        assert (await cluster.get(PODS, NAMESPACE, pod))["metadata"]["labels"][LEADER_LABEL] == "true"
        job = {"apiVersion": FINETUNEJOBS.api_version, "kind": FINETUNEJOBS.kind, "metadata": {"name": "first"}}
        await cluster.create(FINETUNEJOBS, TEAM, {**job, "spec": SPEC})
        for resource in (JOBS, CLAIMS, EVENTS):
            await eventually(partial(_about_the_job, cluster, resource))
        job["metadata"] = {"name": "second"}
        await cluster.create(FINETUNEJOBS, TEAM, {**job, "spec": {**SPEC, "instanceType": "cpu-smal"}})
        await eventually(lambda: _message(cluster, "second", "did you mean 'cpu-small'"))
        for catalog in (INSTANCETYPES, BASEMODELS):
            await eventually(partial(_all_ready, cluster, catalog))
        # 503 would mean that it may not ask whose token this is.
        assert await _status_of_a_forged_report(installed, port) == 401
        assert operator.end() == 0
        log = operator.log()
    assert [line for line in log if "forbidden" in str(line).lower()] == []
    released = await cluster.get(PODS, NAMESPACE, pod)
    assert LEADER_LABEL not in released["metadata"]["labels"]
    await _leave(installed)


async def _all_ready(cluster: Cluster, catalog: Resource) -> bool:
    """No shipped entry contradicts itself or another."""
    for item in await cluster.list(catalog):
        conditions = {each["type"]: each["status"] for each in item["status"].get("conditions", ())}
        assert conditions.get("Ready") == "True", (item["metadata"]["name"], item["status"])
    return True


async def _leave(installed: Installed) -> None:
    """Uninstalling takes away what the chart brought and leaves the jobs."""
    arguments = ("uninstall", RELEASE, "--namespace", NAMESPACE)
    await asyncio.to_thread(helm, *arguments, kubeconfig=installed.server.kubeconfig)
    cluster = installed.cluster
    assert await cluster.list(DEPLOYMENTS, NAMESPACE) == []
    assert [role for role in await cluster.list(ROLES) if RELEASE in role["metadata"]["name"]] == []
    assert len(await cluster.list(FINETUNEJOBS, TEAM)) == 2


async def _operators_pod(cluster: Cluster) -> str:
    """The pod that the Deployment made: admitted under restricted pod security, pending for want of a node."""
    pods = await cluster.list(PODS, NAMESPACE, labels=f"app.kubernetes.io/instance={RELEASE}")
    return str(pods[0]["metadata"]["name"]) if pods else ""


async def _own_kubeconfig(installed: Installed, folder: Path) -> Path:
    """A kubeconfig with nothing but the token of the chart's ServiceAccount."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    answer = await installed.cluster.create(TOKENS, NAMESPACE, request)
    config = yaml.safe_load(installed.server.kubeconfig.read_text(encoding="utf-8"))
    for entry in config["users"]:
        entry["user"] = {"token": answer["status"]["token"]}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


async def _status_of_a_forged_report(installed: Installed, port: int) -> int:
    secret = await installed.cluster.get(SECRETS, NAMESPACE, SECRET_NAME)
    trust = ssl.create_default_context(cadata=base64.b64decode(secret["data"]["tls.crt"]).decode())
    url = progress_url(f"https://127.0.0.1:{port}", Key(TEAM, "first"))
    headers = {"Authorization": "Bearer forged"}
    async with aiohttp.ClientSession() as session, session.post(url, headers=headers, ssl=trust) as response:
        return response.status


async def _about_the_job(cluster: Cluster, resource: Resource) -> bool:
    items: list[Json] = await cluster.list(resource, TEAM)
    subjects: list[Json] = [item.get("involvedObject") or item["metadata"] for item in items]
    return any(subject["name"].startswith("first") for subject in subjects)


async def _message(cluster: Cluster, name: str, words: str) -> bool:
    job = await cluster.get(FINETUNEJOBS, TEAM, name)
    return words in job.get("status", {}).get("message", "")
