"""The fixture ``stage``: a namespace, hardware, and an operator whose every call is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from finetune_operator.cluster.client import Cluster
from tests.controlplane.stage import Stage, an_operator, hardware
from tests.support.apiserver import ApiServer
from tests.support.trial import Trial, a_trial


@pytest.fixture
async def stage(api_server: ApiServer, cluster: Cluster, namespace: str) -> AsyncIterator[Stage]:
    """Everything that one FineTuneJob needs; the job itself is the test's to apply."""
    async with hardware(cluster) as name, an_operator(api_server) as operator:
        yield Stage(cluster, namespace, name, operator, api_server)


@pytest.fixture
async def trial(api_server: ApiServer) -> AsyncIterator[Trial]:
    """Server-side dry runs: fast, and nothing is left behind."""
    async with a_trial(api_server) as connection:
        yield connection
