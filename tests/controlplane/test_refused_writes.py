"""The n-th write kills only when it took effect: one that the API server refuses leaves its place to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.errors import AlreadyExists, Unavailable
from finetune_operator.cluster.resources import CONFIGMAPS
from tests.support.apiserver import ApiServer
from tests.support.faults import Nth, a_write, end
from tests.support.faulty_proxy import faulty_proxy
from tests.support.objects import config_map

pytestmark = pytest.mark.controlplane


async def test_a_refused_write_leaves_its_place_to_the_next(
    api_server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    killed: list[str] = []
    second = Nth(2, a_write)
    async with faulty_proxy(api_server, tmp_path) as proxy:
        proxy.when(second, end(lambda: killed.append("somebody"), delivered=True, match=second))
        async with Cluster(Connection(str(proxy.kubeconfig))) as through:
            await through.create(CONFIGMAPS, namespace, config_map("one"))
            with pytest.raises(AlreadyExists):
                await through.create(CONFIGMAPS, namespace, config_map("one"))
            assert (killed, second.came) == ([], False)

            with pytest.raises(Unavailable):
                await through.create(CONFIGMAPS, namespace, config_map("two"))
        assert (killed, second.came) == (["somebody"], True)
    assert [each.path.rpartition("/")[2] for each in proxy.written] == ["configmaps", "configmaps"]
