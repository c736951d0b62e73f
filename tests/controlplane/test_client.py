"""The client against a real API server: what it writes is what is there, and every failure has its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import CallRecord, Cluster, Limits
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Invalid,
    NotFound,
    Refused,
    Unauthorized,
    Unavailable,
)
from finetune_operator.cluster.resources import CONFIGMAPS, FINETUNEJOBS, JOBS, LEASES, PODS, SECRETS, Resource
from tests.support.apiserver import ApiServer, kubeconfig_for
from tests.support.eventually import eventually
from tests.support.objects import batch_job, config_map, fine_tune_job

pytestmark = pytest.mark.controlplane


async def test_what_was_created_is_read_back(cluster: Cluster, namespace: str) -> None:
    created = await cluster.create(CONFIGMAPS, namespace, config_map("one", colour="red"))

    assert await cluster.get(CONFIGMAPS, namespace, "one") == created
    assert created["data"] == {"colour": "red"}


async def test_creating_it_twice_says_that_it_exists(cluster: Cluster, namespace: str) -> None:
    await cluster.create(CONFIGMAPS, namespace, config_map("one"))

    with pytest.raises(AlreadyExists, match="one"):
        await cluster.create(CONFIGMAPS, namespace, config_map("one"))


async def test_a_list_comes_in_pages_and_is_whole(api_server: ApiServer, namespace: str) -> None:
    async with Cluster(Connection(str(api_server.kubeconfig)), Limits(page=3)) as cluster:
        for number in range(7):
            await cluster.create(CONFIGMAPS, namespace, config_map(f"cm-{number}"))

        listed = await cluster.list(CONFIGMAPS, namespace, fields="metadata.name!=kube-root-ca.crt")

    assert [item["metadata"]["name"] for item in listed] == [f"cm-{number}" for number in range(7)]
    assert {(item["apiVersion"], item["kind"]) for item in listed} == {("v1", "ConfigMap")}


async def test_a_list_by_labels_has_only_what_carries_them(cluster: Cluster, namespace: str) -> None:
    marked: Json = config_map("marked")
    marked["metadata"]["labels"] = {"mark": "yes"}
    await cluster.create(CONFIGMAPS, namespace, marked)
    await cluster.create(CONFIGMAPS, namespace, config_map("plain"))

    listed = await cluster.list(CONFIGMAPS, namespace, labels="mark=yes")

    assert [item["metadata"]["name"] for item in listed] == ["marked"]


async def test_keys_tell_which_object_and_how_new(cluster: Cluster, namespace: str) -> None:
    created = await cluster.create(JOBS, namespace, batch_job("one"))

    (key,) = await cluster.list_keys(JOBS, namespace)

    assert (key.key.namespace, key.key.name, key.uid) == (namespace, "one", created["metadata"]["uid"])
    assert int(key.version) >= int(created["metadata"]["resourceVersion"])


async def test_a_patch_changes_only_what_it_names(cluster: Cluster, namespace: str) -> None:
    await cluster.create(CONFIGMAPS, namespace, config_map("one", kept="1", gone="2"))

    patched = await cluster.patch(CONFIGMAPS, namespace, "one", {"data": {"gone": None, "new": "3"}})

    assert patched["data"] == {"kept": "1", "new": "3"}


async def test_a_stale_patch_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    first = await cluster.create(CONFIGMAPS, namespace, config_map("one"))
    await cluster.patch(CONFIGMAPS, namespace, "one", {"data": {"a": "1"}})

    stale = {"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}, "data": {"a": "2"}}
    with pytest.raises(Conflict):
        await cluster.patch(CONFIGMAPS, namespace, "one", stale)


async def test_a_status_patch_leaves_the_spec_alone(cluster: Cluster, namespace: str) -> None:
    await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("one"))

    body = {"spec": {"hours": 9}, "status": {"phase": "Running"}}
    patched = await cluster.patch_status(FINETUNEJOBS, namespace, "one", body)

    assert patched["status"]["phase"] == "Running"
    assert "hours" not in patched["spec"]


async def test_a_stale_replacement_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "one"}, "spec": {}}
    first = await cluster.create(LEASES, namespace, lease)
    await cluster.replace(LEASES, namespace, "one", {**first, "spec": {"holderIdentity": "a"}})

    with pytest.raises(Conflict):
        await cluster.replace(LEASES, namespace, "one", {**first, "spec": {"holderIdentity": "b"}})


async def test_a_deletion_meant_for_a_namesake_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    await cluster.create(CONFIGMAPS, namespace, config_map("one"))

    with pytest.raises(Conflict):
        await cluster.delete(CONFIGMAPS, namespace, "one", uid="00000000-0000-0000-0000-000000000000")


async def test_what_was_deleted_is_not_found(cluster: Cluster, namespace: str) -> None:
    created = await cluster.create(CONFIGMAPS, namespace, config_map("one"))

    await cluster.delete(CONFIGMAPS, namespace, "one", uid=created["metadata"]["uid"], grace_seconds=0)

    with pytest.raises(NotFound):
        await cluster.get(CONFIGMAPS, namespace, "one")


async def test_what_the_schema_refuses_is_invalid_in_the_servers_words(cluster: Cluster, namespace: str) -> None:
    job = fine_tune_job("one")
    job["spec"]["jobType"] = "sftt"

    with pytest.raises(Invalid, match=r"spec.jobType.*sftt"):
        await cluster.create(FINETUNEJOBS, namespace, job)


async def test_a_quota_refuses_in_the_servers_words(cluster: Cluster, namespace: str) -> None:
    quotas = Resource("", "v1", "resourcequotas", "ResourceQuota")
    hard = {"hard": {"count/secrets": "0"}}
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": hard, "status": hard}
    await cluster.create(quotas, namespace, body)
    # Set here, since the controller that would do it need not run.
    await cluster.patch_status(quotas, namespace, "none", {"status": {**hard, "used": {"count/secrets": "0"}}})

    async def refused() -> str:
        """The server's words; the part of it that minds quotas hears of a new one a moment later."""
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"generateName": "one-"}}
        try:
            await cluster.create(SECRETS, namespace, secret)
        except Refused as error:
            return str(error)
        return ""

    assert "exceeded quota: none" in str(await eventually(refused))


async def test_an_unknown_kind_is_not_found(cluster: Cluster) -> None:
    with pytest.raises(NotFound):
        await cluster.list(Resource("finetune.dev", "v1alpha1", "unheardof", "Unheardof"))


async def test_credentials_that_are_not_accepted_are_read_again_and_then_refused(
    api_server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    async with Cluster(Connection(str(api_server.forged(tmp_path / "forged")))) as stranger:
        with pytest.raises((Unauthorized, Refused)):
            await stranger.list(PODS, namespace)


async def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    async with Cluster(
        Connection(str(kubeconfig_for("http://127.0.0.1:9", tmp_path / "nowhere"))), Limits(timeout=2)
    ) as cluster:
        with pytest.raises(Unavailable):
            await cluster.list(PODS)


async def test_every_call_is_told_with_its_outcome(api_server: ApiServer, namespace: str) -> None:
    calls: list[CallRecord] = []
    async with Cluster(Connection(str(api_server.kubeconfig)), on_call=calls.append) as cluster:
        await cluster.list(PODS, namespace)
        with pytest.raises(ClusterError):
            await cluster.get(PODS, namespace, "none")

    assert [(call.verb, call.plural, call.outcome) for call in calls] == [
        ("list", "pods", "ok"),
        ("get", "pods", "NotFound"),
    ]
    assert all(call.seconds > 0 for call in calls)
