"""An account of an operator's own, whose rights can be taken away and given back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import NotFound
from finetune_operator.cluster.resources import Resource
from tests.support.apiserver import ApiServer

ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
BINDINGS: Final = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
NAME: Final = "operator"


@dataclass(frozen=True)
class Account:
    """A service account that may do everything or nothing, and a kubeconfig with its token."""

    world: Cluster
    namespace: str
    kubeconfig: Path

    async def permit(self) -> None:
        """It may do everything."""
        body: Json = {
            "metadata": {"name": self._binding},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": self.namespace}],
        }
        await self.world.create(BINDINGS, None, body)

    async def forbid(self) -> None:
        """It may do nothing any more."""
        with suppress(NotFound):
            await self.world.delete(BINDINGS, None, self._binding)

    @asynccontextmanager
    async def permitted(self) -> AsyncIterator[None]:
        """It may do everything, unless forbidden meanwhile; afterwards nothing."""
        await self.permit()
        try:
            yield
        finally:
            await self.forbid()

    @property
    def _binding(self) -> str:
        return f"operator-of-{self.namespace}"


async def an_account(world: Cluster, namespace: str, server: ApiServer, folder: Path) -> Account:
    """A new one without rights; its kubeconfig lies in ``folder``."""
    await world.create(ACCOUNTS, namespace, {"metadata": {"name": NAME}})
    asked = Resource("", "v1", f"serviceaccounts/{NAME}/token", "TokenRequest")
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = (await world.create(asked, namespace, request))["status"]["token"]
    config = yaml.safe_load(server.kubeconfig.read_text(encoding="utf-8"))
    for entry in config["users"]:
        entry["user"] = {"token": token}
    path = folder / "account.kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return Account(world, namespace, path)
