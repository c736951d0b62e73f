"""The fixture ``stage``: a namespace, hardware, and an operator whose every call is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from finetune_operator.cluster.client import Cluster
from tests.controlplane.stage import Stage, an_operator, hardware
from tests.support.apiserver import ApiServer


@pytest.fixture
async def stage(api_server: ApiServer, cluster: Cluster, namespace: str) -> AsyncIterator[Stage]:
    """Everything that one FineTuneJob needs; the job itself is the test's to apply."""
    async with hardware(cluster) as name, an_operator(api_server) as operator:
        yield Stage(cluster, namespace, name, operator, api_server)
