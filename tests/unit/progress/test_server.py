"""The endpoint over real TLS on the loopback: every answer, its status and its words."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import jsonschema
import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster import Unavailable
from finetune_operator.cluster.resources import FINETUNEJOBS, PODS, Key
from finetune_operator.planning.progress import Progress
from finetune_operator.reconciler.progress.authority import Authority
from finetune_operator.reconciler.progress.certificates import make_authority
from finetune_operator.reconciler.progress.endpoint import TlsIdentity, serving_names
from finetune_operator.reconciler.progress.inbox import Inbox
from finetune_operator.reconciler.progress.reception import Caller, Clocks, Reception
from finetune_operator.reconciler.progress.server import Address, ProgressServer, progress_url
from finetune_operator.reconciler.progress.tokens import TokenReviewer
from finetune_operator.reconciler.settings import Settings, SettingsError
from finetune_operator.reconciler.store import Store
from tests.unit.progress.stories import JOB_UID, KEY, START, Clock, Reviews, child, store_of

CONTRACT = Path(__file__).parents[3] / "trainer-image/contract"
REPORT = (CONTRACT / "examples/progress.json").read_bytes()


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json
    retry_after: str | None


@dataclass
class World:
    """A job in its first attempt whose pod ``p1`` has the token ``p1``, and an endpoint for it."""

    clock: Clock = field(default_factory=Clock)
    reviews: Reviews = field(default_factory=lambda: Reviews({"p1": "uid-of-p1"}))
    store: Store = field(default_factory=lambda: store_of(jobs=(child("j1", 1),), pods=(child("p1", 1),)))
    reply: Json = field(default_factory=dict)
    patience: float = 10
    port: int = 0

    def __post_init__(self) -> None:
        self.inbox = Inbox(15, lambda _key, _after: None, self.clock.monotonic)
        reviewer = TokenReviewer(self.reviews, self.clock.monotonic)
        clocks = Clocks(self.clock.now, self.clock.monotonic)
        self.reception = Reception(self.store, reviewer, self.inbox, lambda _key: self.reply, clocks)
        self.identity = TlsIdentity(Authority(make_authority(START)), ("127.0.0.1",), self.clock.now)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[World]:
        address = Address("127.0.0.1", 0)
        async with ProgressServer(address, self.identity.tls, self.reception, self.patience) as server:
            self.port = server.port
            yield self

    @property
    def newest(self) -> Progress | None:
        return self.inbox.newest(JOB_UID)

    @property
    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.identity.authority.bundle)
        # The world's clock stands still in 2026; what time it is does not matter to what is tested over the wire.
        context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
        return context

    async def post(
        self,
        body: bytes | AsyncIterator[bytes] = REPORT,
        *,
        token: str = "p1",  # noqa: S107 - the name of a pod
        key: Key = KEY,
    ) -> Answer:
        return await self.request("POST", progress_url(f"https://127.0.0.1:{self.port}", key), body, f"Bearer {token}")

    async def request(
        self, method: str, url: str, body: bytes | AsyncIterator[bytes] = b"", authorization: str = ""
    ) -> Answer:
        headers = {"Authorization": authorization} if authorization else {}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, data=body, headers=headers, ssl=self.trust) as response,
        ):
            return Answer(response.status, await response.json(), response.headers.get("Retry-After"))


async def test_a_report_is_taken_and_answered_with_what_the_trainer_should_know() -> None:
    async with World(reply={"budgetSeconds": 7200.0, "stop": True}).open() as world:
        answer = await world.post()
    assert answer == Answer(200, {"budgetSeconds": 7200.0, "stop": True}, None)
    jsonschema.validate(answer.body, json.loads((CONTRACT / "reply.schema.json").read_text()))
    assert world.newest is not None
    assert (world.newest.step, world.newest.pod_uid) == (6, "uid-of-p1")


async def test_a_report_that_is_too_old_gets_its_reply_all_the_same() -> None:
    older = REPORT.replace(b'"step": 6', b'"step": 5')
    async with World(reply={"stop": True}).open() as world:
        await world.post()
        assert await world.post(older) == Answer(200, {"stop": True}, None)
    assert world.newest is not None
    assert world.newest.step == 6


async def test_every_refusal_is_a_status_document() -> None:
    async with World().open() as world:
        answer = await world.post(token="forged")
    assert answer.status == 401
    assert answer.body | {"message": ""} == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "",
        "reason": "Unauthorized",
        "code": 401,
    }
    assert "the token is not valid for audience finetune.dev/team-a/support/" in answer.body["message"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic cDE6", "p1"])
async def test_a_request_without_a_bearer_token_is_told_to_bring_one(authorization: str) -> None:
    async with World().open() as world:
        url = progress_url(f"https://127.0.0.1:{world.port}", KEY)
        answer = await world.request("POST", url, REPORT, authorization)
    assert (answer.status, answer.body["message"]) == (401, "no token: send «Authorization: Bearer TOKEN»")
    assert world.reviews.asked == 0


async def test_a_job_that_is_not_there_is_said_to_be_gone() -> None:
    async with World().open() as world:
        answer = await world.post(key=Key("team-a", "gone"))
    assert answer.status == 404
    assert answer.body["message"] == "there is no FineTuneJob team-a/gone; it may have been deleted"


async def test_a_pod_that_may_not_report_is_told_why() -> None:
    world = World(store=store_of(jobs=(child("j1", 1), child("j2", 2)), pods=(child("p1", 1),)))
    async with world.open():
        answer = await world.post()
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")
    assert world.newest is None


async def test_a_pod_that_is_deleted_is_not_heard_though_its_token_is_remembered() -> None:
    async with World().open() as world:
        assert (await world.post()).status == 200
        world.store.drop(FINETUNEJOBS, KEY)
        assert (await world.post()).status == 404


async def test_a_malformed_report_is_refused_with_its_field() -> None:
    async with World().open() as world:
        answer = await world.post(REPORT.replace(b'"step": 6', b'"step": "six"'))
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"].startswith("finetune.step: ")


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * 1024


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_64_kib_is_refused(announced: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async with World().open() as world:
        answer = await world.post(b" " * (64 * 1024 + 1) if announced else pieces(80))
        assert answer.status == 413
        assert answer.body["message"] == "the body is too large: at most 65536 bytes are taken"
        assert (await world.post()).status == 200


async def test_a_body_of_exactly_64_kib_is_read() -> None:
    async with World().open() as world:
        assert (await world.post(REPORT.ljust(64 * 1024))).status == 200


async def test_a_pod_that_reports_too_often_is_told_when_to_come_again() -> None:
    async with World().open() as world:
        answers = [await world.post() for _ in range(11)]
        assert [answer.status for answer in answers] == [200] * 10 + [429]
        assert answers[-1].retry_after == "1"
        world.clock.pass_(1)
        assert (await world.post()).status == 200


async def test_a_flood_of_forged_tokens_does_not_reach_the_api_server() -> None:
    async with World().open() as world:
        statuses = [(await world.post(token=f"forged-{number}")).status for number in range(60)]
        assert statuses == [401] * 50 + [429] * 10
        assert world.reviews.asked == 50


async def test_a_pod_that_is_known_goes_on_reporting_during_a_flood_from_its_address() -> None:
    async with World().open() as world:
        await world.post()
        for number in range(60):
            await world.post(token=f"forged-{number}")
        assert (await world.post()).status == 200


async def test_while_the_api_server_is_silent_the_caller_is_asked_to_come_again() -> None:
    world = World(reviews=Reviews(failure=Unavailable("no answer")))
    async with world.open():
        answer = await world.post()
    assert (answer.status, answer.body["reason"], answer.retry_after) == (503, "ServiceUnavailable", "5")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", None, 405), ("POST", "/elsewhere", 404)])
async def test_a_wrong_turn_is_answered_with_the_right_way(method: str, path: str | None, status: int) -> None:
    async with World().open() as world:
        base = f"https://127.0.0.1:{world.port}"
        answer = await world.request(method, f"{base}{path}" if path else progress_url(base, KEY))
    assert (answer.status, answer.body["kind"]) == (status, "Status")
    assert "POST" in answer.body["message"] or "/finetunejobs/" in answer.body["message"]


async def test_a_mistake_of_ours_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.store.put(PODS, {"metadata": {**child("p1", 1)["metadata"], "resourceVersion": "2", "creationTimestamp": 7}})
    async with world.open():
        with caplog.at_level(logging.ERROR):
            answer = await world.post()
    assert (answer.status, answer.body["reason"]) == (500, "InternalError")
    assert caplog.records[0].exc_info


async def test_tokens_never_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with World(reviews=Reviews({"p1": "uid-of-p1"})).open() as world:
            await world.post(token="a-very-secret-token")
    assert "a-very-secret-token" not in caplog.text


async def test_a_client_that_does_not_trust_our_authority_gets_no_connection() -> None:
    async with World().open() as world, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.post(progress_url(f"https://127.0.0.1:{world.port}", KEY), data=REPORT)


async def test_a_body_that_never_ends_does_not_hold_the_endpoint() -> None:
    async with World(patience=0.2).open() as world:
        reader, writer = await _connected(world)
        writer.write(_head("Content-Length: 100\r\nAuthorization: Bearer p1\r\n"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_a_client_that_sends_nothing_is_let_go() -> None:
    async with World(patience=0.2).open() as world:
        reader, writer = await _connected(world)
        assert await reader.read() == b""
        writer.close()


async def test_a_renewed_certificate_is_shown_to_who_connects_next() -> None:
    async with World().open() as world:
        first = await _shown(world)
        world.clock.pass_(86400 * 25)
        assert world.identity.renew(world.identity.authority)
        assert await _shown(world) != first
        assert not world.identity.renew(world.identity.authority)


async def test_after_a_handover_the_new_authority_issues() -> None:
    world = World()
    successor = Authority(make_authority(START))
    assert world.identity.renew(successor)
    async with world.open():
        assert (await world.post()).status == 200


async def test_one_report_costs_less_than_a_millisecond_once_the_token_is_known() -> None:
    world = World()
    caller = Caller("Bearer p1", "127.0.0.1")
    rounds = 500
    spent = 0.0
    for _ in range(rounds):
        world.clock.pass_(5)
        begun = time.process_time()
        reporter = await world.reception.admit(KEY, caller)
        world.reception.accept(reporter, REPORT)
        spent += time.process_time() - begun
    assert spent / rounds < 0.001


@pytest.mark.parametrize("url", ["http://operator:8443", "operator:8443", "https://"])
def test_a_progress_url_that_pods_could_not_use_is_refused_at_the_start(url: str) -> None:
    settings = Settings.model_validate({"progress": {"url": url}})
    with pytest.raises(SettingsError, match=r"progress\.url: given .* it must be the https:// URL"):
        serving_names(settings)


def test_the_certificate_is_for_the_host_of_the_url_and_the_extra_names() -> None:
    progress = {"url": "https://svc.ns.svc:8443", "subjectAltNames": ["10.0.0.1", "svc.ns.svc"]}
    assert serving_names(Settings.model_validate({"progress": progress})) == ("svc.ns.svc", "10.0.0.1")


async def _connected(world: World) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", world.port, ssl=world.trust)


async def _shown(world: World) -> bytes:
    _, writer = await _connected(world)
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown


def _head(headers: str) -> bytes:
    path = progress_url("", KEY)
    return f"POST {path} HTTP/1.1\r\nHost: operator\r\n{headers}\r\n".encode()
