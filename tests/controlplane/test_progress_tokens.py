"""Who may report, asked of a real API server with the tokens that it makes for real pods."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL, UID_LABEL, progress_audience
from finetune_operator.cluster import Cluster, NotFound, Resource
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import FINETUNEJOBS, PODS, Key
from finetune_operator.reconciler.progress import Clocks, Endpoint, Inbox, Reception, TokenReviewer, progress_url
from finetune_operator.reconciler.progress.reception import Caller
from finetune_operator.reconciler.progress.refusal import PostRefusedError
from finetune_operator.reconciler.settings import Settings
from finetune_operator.reconciler.store import Store
from tests.support.apiserver import kubeconfig_for
from tests.support.eventually import eventually

pytestmark = pytest.mark.controlplane

ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
TOKENS = Resource("", "v1", "serviceaccounts/default/token", "TokenRequest")
REPORT = Path(__file__).parents[2] / "trainer-image/contract/examples/progress.json"
CONTAINER = {"name": "trainer", "image": "none"}
NOWHERE = "http://127.0.0.1:1"
SPEC = {
    "jobType": "sft",
    "model": {"name": "pvc://models/tiny"},
    "datasets": [{"name": "support", "uri": "pvc://data/train.jsonl"}],
    "instanceType": "cpu-small",
}


@dataclass
class Site:
    """A namespace with a FineTuneJob, and an endpoint that trusts a store which the test fills."""

    cluster: Cluster
    namespace: str
    store: Store
    inbox: Inbox
    job: Json
    url: str = ""
    ca_bundle: str = ""

    @property
    def uid(self) -> str:
        return str(self.job["metadata"]["uid"])

    @property
    def audience(self) -> str:
        return progress_audience(self.namespace, "support", self.uid)

    async def record(self, attempt: int) -> None:
        """Write an attempt at training into the status, as the operator does when it makes the Job."""
        entry = {"stage": "train", "number": attempt, "job": "support-train", "startTime": "2026-11-21T12:00:00Z"}
        status = {"status": {"attempts": [entry]}}
        self.store.put(FINETUNEJOBS, await self.cluster.patch_status(FINETUNEJOBS, self.namespace, "support", status))

    async def pod(self, name: str, *, attempt: int = 1, uid: str | None = None) -> Json:
        """A pod object that no node will ever run, as the store would learn of it."""
        labels = {UID_LABEL: uid or self.uid, STAGE_LABEL: "train", ATTEMPT_LABEL: str(attempt)}
        metadata = {"name": name, "namespace": self.namespace, "labels": labels}
        spec = {"containers": [CONTAINER], "automountServiceAccountToken": False}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        pod = await self.cluster.create(PODS, self.namespace, body)
        self.store.put(PODS, pod)
        return pod

    async def token(self, pod: Json | None, audience: str | None = None) -> str:
        """A token as the kubelet asks for it when it mounts a projected volume."""
        spec: Json = {"audiences": [audience or self.audience], "expirationSeconds": 3600}
        if pod is not None:
            metadata = pod["metadata"]
            reference = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
            spec["boundObjectRef"] = reference
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = await self.cluster.create(TOKENS, self.namespace, body)
        return str(answer["status"]["token"])

    async def post(self, token: str) -> tuple[int, str]:
        """The status and the message of the answer to a report."""
        trust = ssl.create_default_context(cadata=self.ca_bundle)
        trust.verify_flags |= ssl.VERIFY_X509_STRICT
        headers = {"Authorization": f"Bearer {token}"}
        body = REPORT.read_bytes()
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url, data=body, headers=headers, ssl=trust) as response,
        ):
            return response.status, (await response.json()).get("message", "")


@pytest.fixture
async def site(cluster: Cluster, namespace: str) -> AsyncIterator[Site]:
    """The endpoint as the operator wires it, on a free port of the loopback."""
    await eventually(lambda: _account(cluster, namespace))
    async with opened(cluster, cluster, namespace) as site:
        yield site


@asynccontextmanager
async def opened(cluster: Cluster, reviewing: Cluster, namespace: str) -> AsyncIterator[Site]:
    store = Store()
    inbox = Inbox(15, lambda _key, _after: None, time.monotonic, lambda: datetime.now(UTC))
    clocks = Clocks(lambda: datetime.now(UTC), time.monotonic)
    reception = Reception(store, TokenReviewer(reviewing, time.monotonic), inbox, lambda _key: {}, clocks)
    progress = {"host": "127.0.0.1", "port": 0, "url": "https://127.0.0.1:8443"}
    settings = Settings.model_validate({"namespace": namespace, "progress": progress})
    endpoint = await Endpoint.prepare(cluster, settings, reception, clocks.now)
    metadata = {"name": "support", "namespace": namespace}
    body = {"apiVersion": FINETUNEJOBS.api_version, "kind": FINETUNEJOBS.kind, "metadata": metadata, "spec": SPEC}
    job = await cluster.create(FINETUNEJOBS, namespace, body)
    site = Site(cluster, namespace, store, inbox, job, ca_bundle=endpoint.ca_bundle)
    await site.record(1)
    async with endpoint.listening() as port:
        site.url = progress_url(f"https://127.0.0.1:{port}", Key(namespace, "support"))
        yield site


async def _account(cluster: Cluster, namespace: str) -> bool:
    try:
        return bool(await cluster.get(ACCOUNTS, namespace, "default"))
    except NotFound:
        return False


async def test_a_pod_of_the_current_attempt_reports_with_its_own_token(site: Site) -> None:
    pod = await site.pod("p1")
    assert await site.post(await site.token(pod)) == (200, "")
    progress = site.inbox.newest(site.uid)
    assert progress is not None
    assert (progress.step, progress.pod_uid) == (6, pod["metadata"]["uid"])


async def test_a_token_whose_signature_was_altered_is_refused(site: Site) -> None:
    token = await site.token(await site.pod("p1"))
    middle = token.rindex(".") + 20
    forged = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    status, message = await site.post(forged)
    assert (status, message.startswith("the token is not valid for audience")) == (401, True)


async def test_a_token_for_the_api_server_itself_is_refused(site: Site) -> None:
    token = await site.token(await site.pod("p1"), "https://kubernetes.default.svc")
    assert (await site.post(token))[0] == 401


async def test_a_token_with_the_audience_of_another_job_is_refused(site: Site) -> None:
    token = await site.token(await site.pod("p1"), progress_audience(site.namespace, "other", "uid"))
    assert (await site.post(token))[0] == 401


async def test_a_token_that_is_bound_to_no_pod_is_refused(site: Site) -> None:
    status, message = await site.post(await site.token(None))
    assert status == 401
    assert "not bound to a pod" in message


async def test_a_pod_of_another_job_is_refused_even_with_our_audience(site: Site) -> None:
    pod = await site.pod("p1", uid="0d6c7c1e-0000-4000-8000-00000000dead")
    status, message = await site.post(await site.token(pod))
    assert status == 403
    assert "is no pod of FineTuneJob" in message


async def test_a_pod_of_an_earlier_attempt_is_refused_once_the_next_one_is_recorded(site: Site) -> None:
    token = await site.token(await site.pod("p1"))
    assert (await site.post(token))[0] == 200
    await site.record(2)
    assert await site.post(token) == (403, "pod p1 belongs to attempt 1; the current attempt is 2")


async def test_the_token_of_a_deleted_pod_is_refused_by_the_api_server(site: Site) -> None:
    pod = await site.pod("p1")
    token = await site.token(pod)
    await site.cluster.delete(PODS, site.namespace, "p1", grace_seconds=0)
    await eventually(lambda: _refused(site, token))


async def _refused(site: Site, token: str) -> bool:
    # The store still holds the pod, so a refusal is the API server's; it remembers what it accepted for some seconds.
    reviewer = TokenReviewer(site.cluster, time.monotonic)
    clocks = Clocks(lambda: datetime.now(UTC), time.monotonic)
    reception = Reception(site.store, reviewer, site.inbox, lambda _key: {}, clocks)
    try:
        await reception.admit(Key(site.namespace, "support"), Caller(f"Bearer {token}", "127.0.0.1"))
    except PostRefusedError as refusal:
        return refusal.status == 401
    return False


async def test_while_the_api_server_cannot_be_reached_nobody_is_let_in(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    await eventually(lambda: _account(cluster, namespace))
    async with (
        Cluster(Connection(str(kubeconfig_for(NOWHERE, tmp_path / "kubeconfig")))) as silent,
        opened(cluster, silent, namespace) as site,
    ):
        status, message = await site.post(await site.token(await site.pod("p1")))
    assert (status, message) == (503, "tokens cannot be verified now: the API server does not answer TokenReviews")
