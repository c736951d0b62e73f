"""Clients that report progress as trainers do: by POST with their pod's own token, on a connection of its own each time."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
from base64 import b64decode
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

import aiohttp

from finetune_operator.api.model import Json
from finetune_operator.api.names import JOB_LABEL, STAGE_LABEL, UID_LABEL, progress_audience
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import PODS, SECRETS, Key, Resource
from finetune_operator.reconciler.progress import progress_url
from tests.architecture.tree import ROOT
from tests.bench.stand import OPERATOR_NAMESPACE

TOKENS: Final = Resource("", "v1", "serviceaccounts/default/token", "TokenRequest")
AUTHORITY: Final = "finetune-operator-progress-ca"
FIRST_ADDRESS: Final = IPv4Address("127.9.0.1")
"""Pods have addresses of their own; all of 127/8 is the loopback's."""
ADDRESSES: Final = 100
EXAMPLE: Final = ROOT / "trainer-image" / "contract" / "examples" / "progress.json"
TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True)
class Reporter:
    """One training pod, and the token that the API server made for it."""

    job: Key
    token: str


@dataclass
class Answers:
    """What the reporters heard: seconds until each good answer, refusals by status, and when each step was accepted."""

    seconds: list[float] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    accepted: dict[tuple[str, int], float] = field(default_factory=dict)


async def reporters(client: Cluster) -> list[Reporter]:
    """One for each training pod that runs."""
    pods = await client.list(PODS, labels=f"{STAGE_LABEL}=train", fields="status.phase=Running")
    places = asyncio.Semaphore(16)

    async def one(pod: Json) -> Reporter:
        namespace, labels = pod["metadata"]["namespace"], pod["metadata"]["labels"]
        audience = progress_audience(namespace, labels[JOB_LABEL], labels[UID_LABEL])
        async with places:
            return Reporter(Key(namespace, labels[JOB_LABEL]), await _token(client, pod["metadata"], audience))

    return list(await asyncio.gather(*map(one, pods)))


async def trust(client: Cluster) -> ssl.SSLContext:
    """What pods are told to trust."""
    secret = await client.get(SECRETS, OPERATOR_NAMESPACE, AUTHORITY)
    return ssl.create_default_context(cadata=b64decode(secret["data"]["tls.crt"]).decode())


@dataclass(frozen=True)
class Choir:
    """All reporters together. ``before``: steps that were reported already.

    ``every``: seconds between two reports of one, until an answer asks for more; ``rhythms`` has those that were asked.
    """

    base: str
    trusted: ssl.SSLContext
    every: float
    before: int = 0
    rhythms: dict[Key, float] = field(default_factory=dict)

    async def report(self, voices: Iterable[Reporter], seconds: float, answers: Answers) -> None:
        """Report for so long, each at moments of its own."""
        async with AsyncExitStack() as stack:
            sessions = [await stack.enter_async_context(self._session(number)) for number in range(ADDRESSES)]
            end = time.monotonic() + seconds
            parts = (
                self._one(voice, sessions[number % ADDRESSES], end, answers) for number, voice in enumerate(voices)
            )
            await asyncio.gather(*parts)

    def _session(self, number: int) -> aiohttp.ClientSession:
        address = (str(FIRST_ADDRESS + number), 0)
        # The trainer opens a connection for each report.
        connector = aiohttp.TCPConnector(ssl=self.trusted, local_addr=address, force_close=True, limit=0)
        return aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)

    async def _one(self, voice: Reporter, session: aiohttp.ClientSession, end: float, answers: Answers) -> None:
        url = progress_url(self.base, voice.job)
        due = time.monotonic() + random.random() * self.rhythm(voice)  # noqa: S311 - spreads load
        step = self.before
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            step += 10
            if asked := await _post(session, url, voice, step, answers):
                self.rhythms[voice.job] = max(self.every, asked)
            due += self.rhythm(voice)

    def rhythm(self, voice: Reporter) -> float:
        """Seconds between two reports of this one."""
        return self.rhythms.get(voice.job, self.every)


async def _post(session: aiohttp.ClientSession, url: str, voice: Reporter, step: int, answers: Answers) -> float | None:
    """Report once; the seconds that the answer asks to be between two reports."""
    begin, asked = time.monotonic(), None
    headers = {"Authorization": f"Bearer {voice.token}", "Content-Type": "application/json"}
    try:
        async with session.post(url, data=_body(step), headers=headers) as answer:
            asked = (await answer.json()).get("reportSeconds")
            status = answer.status
    except (aiohttp.ClientError, TimeoutError):
        status = 0
    now = time.monotonic()
    if status == 200:
        answers.seconds.append(now - begin)
        answers.accepted[voice.job.name, step] = now
    else:
        answers.refused[status] = answers.refused.get(status, 0) + 1
    return asked


_FINETUNE: Final[Json] = json.loads(EXAMPLE.read_text(encoding="utf-8"))


def _body(step: int) -> bytes:
    """The contract's example at another step: as large as a real report."""
    ours = {**_FINETUNE["finetune"], "step": step, "totalSteps": 1_000_000, "trainingSeconds": step * 1.5}
    return json.dumps({**_FINETUNE, "finetune": ours}).encode()


async def _token(client: Cluster, pod: Json, audience: str) -> str:
    """As the kubelet asks for it when it mounts a projected volume."""
    reference = {"kind": "Pod", "apiVersion": "v1", "name": pod["name"], "uid": pod["uid"]}
    spec = {"audiences": [audience], "expirationSeconds": 7200, "boundObjectRef": reference}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return str((await client.create(TOKENS, pod["namespace"], body))["status"]["token"])
