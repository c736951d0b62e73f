"""Rights that were taken away are named in the server's words, and the job goes on when they are given back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import Resource
from tests.controlplane.stage import Operator, Stage
from tests.support.eventually import eventually

pytestmark = pytest.mark.controlplane

ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
ROLES: Final = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
BINDINGS: Final = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
NAME: Final = "operator"


def rules(*, may_create_jobs: bool) -> list[Json]:
    """What an operator needs in one namespace, with or without the right that the test is about."""
    jobs = ["list", "get", "watch", *(["create"] if may_create_jobs else [])]
    return [
        {"apiGroups": ["finetune.dev"], "resources": ["finetunejobs"], "verbs": ["list", "get", "watch"]},
        {"apiGroups": ["finetune.dev"], "resources": ["finetunejobs/status"], "verbs": ["patch"]},
        {"apiGroups": ["finetune.dev"], "resources": ["finetunejobs/finalizers"], "verbs": ["update"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": jobs},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "get", "watch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "create"]},
        {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get", "create"]},
    ]


@pytest.fixture
async def account(stage: Stage, tmp_path: Path) -> AsyncIterator[Operator]:
    """An operator with a service account of its own, which may not create Jobs."""
    metadata = {"name": NAME}
    await stage.world.create(ACCOUNTS, stage.namespace, {"metadata": metadata})
    await stage.world.create(ROLES, stage.namespace, {"metadata": metadata, "rules": rules(may_create_jobs=False)})
    binding = {
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": stage.namespace}],
    }
    await stage.world.create(BINDINGS, stage.namespace, binding)
    asked = Resource("", "v1", f"serviceaccounts/{NAME}/token", "TokenRequest")
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = (await stage.world.create(asked, stage.namespace, request))["status"]["token"]
    async with Cluster(Connection(str(_kubeconfig(stage, token, tmp_path)))) as client:
        yield Operator(client, [])


async def test_a_right_that_is_missing_is_named_and_the_job_goes_on_when_it_comes(
    stage: Stage, account: Operator
) -> None:
    await stage.apply()
    await stage.operator.watch(stage.namespace)
    account.store = stage.operator.store
    await eventually(lambda: _visited(stage, account))
    seen = await stage.status()
    assert (seen.phase, seen.reason) == (Phase.PENDING, Reason.FORBIDDEN)
    assert 'cannot create resource "jobs" in API group "batch"' in (seen.message or "")
    assert await stage.jobs() == []

    await stage.world.patch(ROLES, stage.namespace, NAME, {"rules": rules(may_create_jobs=True)})
    await eventually(lambda: _started(stage, account))


async def _visited(stage: Stage, account: Operator) -> bool:
    """The rights of a new account take a moment to be known."""
    try:
        await stage.operator.watch(stage.namespace)
        await account.visit(stage.namespace, watch=False)
    except Exception as error:
        raise AssertionError(str(error)) from error
    return (await stage.status()).reason is not None


async def _started(stage: Stage, account: Operator) -> bool:
    await _visited(stage, account)
    return await stage.jobs() == ["prepare-1"]


def _kubeconfig(stage: Stage, token: str, folder: Path) -> Path:
    config = yaml.safe_load(stage.server.kubeconfig.read_text(encoding="utf-8"))
    for entry in config["users"]:
        entry["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
