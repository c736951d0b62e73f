"""Fixtures of a real API server: ``api_server`` for the session, ``cluster`` and ``namespace`` for each test."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from finetune_operator.cluster.client import Cluster
from tests.support.apiserver import NAMESPACES, ApiServer, apply_crds, remove_api_server, running_api_server

SESSION = "FINETUNE_TEST_SESSION"


def pytest_configure() -> None:
    """Give this run a name of its own, which its worker processes inherit: two runs never share a control plane."""
    os.environ.setdefault(SESSION, secrets.token_hex(4))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the control plane when the last process of the run ends, which is the one that the others began from."""
    if not hasattr(config, "workerinput"):
        remove_api_server(_name())


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """A real API server, etcd and controller manager, with our CRDs; no node."""
    with running_api_server(_name()) as server:
        asyncio.run(apply_crds(server))
        yield server


@pytest.fixture
async def cluster(api_server: ApiServer) -> AsyncIterator[Cluster]:
    """A client with an administrator's rights."""
    async with api_server.client() as client:
        yield client


@pytest.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    """A namespace of the test's own, removed after it."""
    name = f"test-{secrets.token_hex(4)}"
    await cluster.create(NAMESPACES, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    await cluster.delete(NAMESPACES, None, name)


def _name() -> str:
    return f"test-{os.environ[SESSION]}"
