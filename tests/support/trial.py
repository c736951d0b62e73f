"""Asking a real API server what it would make of a manifest: server-side dry runs, nothing is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.crd import KINDS, Kind
from finetune_operator.api.model import Json
from finetune_operator.api.names import API_VERSION, GROUP, VERSION
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.errors import Conflict, Invalid
from finetune_operator.cluster.resources import Resource
from finetune_operator.cluster.transport import Request, Transport
from tests.support.apiserver import ApiServer

STRICT: Final = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "trial"}
"""As kubectl asks: an unknown or doubled field is an error and not dropped."""
RESOURCES: Final = {kind.kind: Resource(GROUP, VERSION, kind.plural, kind.kind, kind.namespaced) for kind in KINDS}


def manifest(kind: Kind | str, name: str, spec: Json) -> Json:
    """A resource of ours."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind if isinstance(kind, str) else kind.kind,
        "metadata": {"name": name},
        "spec": spec,
    }


@dataclass(frozen=True)
class Trial:
    """Dry runs against one API server."""

    transport: Transport

    async def accepted(self, body: Json, namespace: str = "default") -> Json:
        """The resource as it would be stored. Raises Invalid with the server's words."""
        resource = RESOURCES[body["kind"]]
        path = resource.path(namespace if resource.namespaced else None)
        return await self.transport.send(Request("POST", path, STRICT, {}, body))

    async def refusal(self, body: Json, namespace: str = "default") -> str:
        """What the server says against the resource; nothing when it would accept it."""
        try:
            await self.accepted(body, namespace)
        except (Invalid, Conflict) as refused:
            return refused.message
        return ""

    async def edit_refusal(self, body: Json, namespace: str, edit: Json) -> str:
        """What the server says against a merge patch of the spec of a stored resource; nothing when it would accept it."""
        resource = RESOURCES[body["kind"]]
        path = resource.path(namespace if resource.namespaced else None, body["metadata"]["name"])
        headers = {"Content-Type": "application/merge-patch+json"}
        try:
            await self.transport.send(Request("PATCH", path, STRICT, headers, {"spec": edit}))
        except Invalid as refused:
            return refused.message
        return ""

    async def apply(self, body: Json, namespace: str, owner: str, subresource: str | None = None) -> Json:
        """Server-side apply by one of several owners, for once stored. Raises Conflict where two own one field."""
        resource = RESOURCES[body["kind"]]
        path = resource.path(namespace if resource.namespaced else None, body["metadata"]["name"], subresource)
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return await self.transport.send(Request("PATCH", path, {"fieldManager": owner}, headers, body))


@asynccontextmanager
async def a_trial(server: ApiServer) -> AsyncIterator[Trial]:
    """A connection for dry runs."""
    transport = await Transport.open(Connection(str(server.kubeconfig)), 30)
    yield Trial(transport)
    await transport.close()
