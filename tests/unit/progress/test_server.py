"""The answers of the endpoint: every status and its words."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator

import jsonschema
import pytest

from finetune_operator.cluster import Unavailable
from finetune_operator.cluster.resources import FINETUNEJOBS, PODS, Key
from finetune_operator.reconciler.progress.server import progress_url
from tests.support.eventually import eventually
from tests.unit.progress.stories import KEY, Reviews, child, job, store_of
from tests.unit.progress.world import CONTRACT, REPORT, Answer, World


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
        world.store.drop(PODS, Key(KEY.namespace, "p1"))
        assert (await world.post()).status == 403


async def test_a_malformed_report_is_refused_with_its_field() -> None:
    async with World().open() as world:
        answer = await world.post(REPORT.replace(b'"step": 6', b'"step": "six"'))
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"].startswith("finetune.step: ")


async def test_while_the_api_server_is_silent_the_caller_is_asked_to_come_again() -> None:
    world = World(reviews=Reviews(failure=Unavailable("no answer")))
    async with world.open():
        answer = await world.post()
    assert (answer.status, answer.body["reason"], answer.retry_after) == (503, "ServiceUnavailable", "5")


@pytest.mark.parametrize("namesakes", [[], ["a-later-uid"]], ids=["nobody follows", "a namesake follows"])
async def test_a_report_whose_job_is_deleted_while_it_arrives_leaves_nothing(namesakes: list[str]) -> None:
    world = World()

    async def body() -> AsyncIterator[bytes]:
        yield REPORT[:9]
        await eventually(lambda: world.reviews.asked)
        world.store.drop(FINETUNEJOBS, KEY)
        for uid in namesakes:
            world.store.put(
                FINETUNEJOBS, {**job(), "metadata": job()["metadata"] | {"uid": uid, "resourceVersion": "9"}}
            )
        yield REPORT[9:]

    async with world.open():
        answer = await world.post(body())
    assert (answer.status, answer.body["reason"]) == (404, "NotFound")
    assert len(world.inbox) == 0


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
