"""Finding the cluster, and saying what was looked at when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_operator.cluster.connection import Connection, NoCluster


def test_kubeconfig_comes_before_the_pods_own_account() -> None:
    found = Connection.find({"KUBECONFIG": "/some/where", "KUBERNETES_SERVICE_HOST": "10.96.0.1"})

    assert found == Connection("/some/where")


def test_in_a_pod_the_service_account_is_used() -> None:
    assert Connection.find({"KUBERNETES_SERVICE_HOST": "10.96.0.1"}) == Connection(None)


@pytest.mark.parametrize("text", ["", "{}", "not: [yaml", "clusters: 3"])
async def test_a_kubeconfig_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(NoCluster, match=str(path)):
        await Connection(str(path)).load()


async def test_a_kubeconfig_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match="absent"):
        await Connection(str(tmp_path / "absent")).load()


async def test_a_service_account_that_is_not_mounted_is_named() -> None:
    with pytest.raises(NoCluster, match="the pod's service account"):
        await Connection(None).load()


async def test_a_token_is_part_of_the_credentials_and_not_of_their_repr(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(
        "{current-context: c, clusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443'}}], "
        "users: [{name: c, user: {token: s3cr3t}}], contexts: [{name: c, context: {cluster: c, user: c}}]}",
        encoding="utf-8",
    )

    credentials = await Connection(str(path)).credentials()

    assert (credentials.server, credentials.scheme, credentials.token) == ("https://10.0.0.1:6443", "Bearer", "s3cr3t")
    assert "s3cr3t" not in repr(credentials)
