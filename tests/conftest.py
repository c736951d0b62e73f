"""Fixtures of a real API server: ``api_server`` for the session, ``cluster`` and ``namespace`` for each test."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from finetune_operator.cluster.client import Cluster
from tests.support.apiserver import NAMESPACES, ApiServer, apply_crds, remove_api_server, running_api_server
from tests.support.chosen import SEED, seed

SESSION = "FINETUNE_TEST_SESSION"
EXHAUSTIVE = "FINETUNE_EXHAUSTIVE"
"""Environment variable; set by `make test-all`: ten times the examples."""

# A busy machine is no counter-example.
settings.register_profile("patient", deadline=None)
settings.register_profile("exhaustive", deadline=None, max_examples=1000)
settings.load_profile("exhaustive" if os.environ.get(EXHAUSTIVE) else "patient")


def pytest_configure() -> None:
    """Give this run a name and a seed, which its worker processes inherit: all must collect the same tests."""
    os.environ.setdefault(SESSION, secrets.token_hex(4))
    seed()


def pytest_report_header() -> str:
    """The seed with which the run can be repeated."""
    return f"{SEED}={seed()}"


def pytest_unconfigure() -> None:
    """Remove the control plane of this process, if it started one."""
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
    """One control plane for each process of a run: an operator under test acts on all jobs that it sees."""
    return f"test-{os.environ[SESSION]}-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
