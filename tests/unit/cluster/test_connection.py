"""Finding the cluster, and saying what was looked at when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_operator.cluster.connection import Connection, NoCluster
from tests.support.apiserver import kubeconfig_for


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


@pytest.mark.parametrize(("proxies", "trusted"), [({}, False), ({"https_proxy": "http://proxy:3128"}, True)])
async def test_the_environment_is_asked_on_each_request_only_where_it_names_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxies: dict[str, str], *, trusted: bool
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
    path = kubeconfig_for("https://10.0.0.1:6443", tmp_path / "kubeconfig")

    configuration = await Connection(str(path)).load()

    assert configuration.client_session_kwargs == {"trust_env": trusted}


async def test_a_server_that_needs_no_proxy_is_asked_directly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "10.0.0.1")
    path = kubeconfig_for("https://10.0.0.1:6443", tmp_path / "kubeconfig")

    configuration = await Connection(str(path)).load()

    assert configuration.client_session_kwargs == {"trust_env": False}
