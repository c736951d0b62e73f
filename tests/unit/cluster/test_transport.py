"""What no API server does on demand: answers that hang, break off, are no JSON, expire, or ask for other credentials."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from finetune_operator.cluster.client import Cluster, Limits
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.errors import Unauthorized, Unavailable
from finetune_operator.cluster.resources import CONFIGMAPS, PODS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler, folder: Path, **limits: float) -> AsyncIterator[Cluster]:
    """A client of a server on the loopback that answers every request with ``handler``."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kubeconfig(folder, runner.addresses[0][1], "old")
    try:
        async with Cluster(Connection(str(folder / "kubeconfig")), Limits(**limits)) as cluster:  # type: ignore[arg-type]
            yield cluster
    finally:
        await runner.cleanup()


def kubeconfig(folder: Path, port: int, token: str) -> None:
    config = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "c", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config), encoding="utf-8")


async def test_an_answer_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with served(hang, tmp_path, timeout=0.2) as cluster:
        with pytest.raises(Unavailable, match=r"GET /api/v1/pods: no answer within 0.2 s"):
            await cluster.list(PODS)


async def test_an_answer_that_breaks_off_is_unavailable(tmp_path: Path) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with served(break_off, tmp_path) as cluster:
        with pytest.raises(Unavailable):
            await cluster.list(PODS)


async def test_an_answer_that_is_no_json_is_unavailable_and_quoted(tmp_path: Path) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>proxy says hello")

    async with served(page, tmp_path) as cluster:
        with pytest.raises(Unavailable, match="the answer is no JSON: b'<html>proxy"):
            await cluster.list(PODS)


async def test_a_token_that_was_rotated_is_read_again(tmp_path: Path) -> None:
    seen: list[str] = []

    async def guard(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.json_response({"items": []}, status=200 if seen[-1] == "Bearer new" else 401)

    async with served(guard, tmp_path) as cluster:
        (port,) = {int(yaml.safe_load((tmp_path / "kubeconfig").read_text())["clusters"][0]["cluster"]["server"][17:])}
        kubeconfig(tmp_path, port, "new")
        await asyncio.gather(*(cluster.list(PODS) for _ in range(5)))
        await cluster.list(PODS)

    assert seen.count("Bearer old") <= 5
    assert seen[-1] == "Bearer new"


async def test_a_token_that_is_still_refused_is_an_error(tmp_path: Path) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "message": "Unauthorized"}, status=401)

    async with served(refuse, tmp_path) as cluster:
        with pytest.raises(Unauthorized):
            await cluster.list(PODS)


class Expiring:
    """A list of two pages, of which the second expires when it is asked for the first time."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        token = request.query.get("continue", "")
        self.asked.append(token)
        if token and self.asked.count(token) == 1:
            return web.json_response({"kind": "Status", "reason": "Expired", "code": 410}, status=410)
        names = ["b"] if token else ["a"]
        metadata = {} if token else {"continue": "more"}
        items = [{"metadata": {"name": name}} for name in names]
        return web.json_response({"items": items, "metadata": metadata})


async def test_a_list_whose_pages_expired_is_read_again_from_the_start(tmp_path: Path) -> None:
    server = Expiring()

    async with served(server.answer, tmp_path) as cluster:
        listed = await cluster.list(PODS)

    assert [item["metadata"]["name"] for item in listed] == ["a", "b"]
    assert server.asked == ["", "more", "", "more"]


async def test_pages_that_expired_come_again_from_the_start_each_as_soon_as_it_is_there(tmp_path: Path) -> None:
    server = Expiring()

    async with served(server.answer, tmp_path) as cluster:
        seen = [[(item["kind"], item["metadata"]["name"]) for item in page] async for page in cluster.pages(PODS)]

    assert seen == [[("Pod", "a")], [("Pod", "a")], [("Pod", "b")]]


async def test_pages_that_expire_again_and_again_are_given_up(tmp_path: Path) -> None:
    async def expired(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "reason": "Expired", "code": 410}, status=410)

    async with served(expired, tmp_path) as cluster:
        with pytest.raises(Unavailable):
            _ = [page async for page in cluster.pages(PODS)]


async def test_writes_wait_for_their_turn_and_reads_do_not(tmp_path: Path) -> None:
    async def accept(_: web.Request) -> web.Response:
        return web.json_response({})

    async with served(accept, tmp_path, qps=20, burst=1) as cluster:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for _ in range(20):
            await cluster.get(PODS, "ns", "one")
        reads = loop.time() - start
        start = loop.time()
        for _ in range(5):
            await cluster.create(CONFIGMAPS, "ns", {})
        writes = loop.time() - start

    assert writes >= 0.19, "four of five waited for a twentieth of a second"
    assert reads < 20 / 20
