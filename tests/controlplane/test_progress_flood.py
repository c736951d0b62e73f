"""What many reporters, and one that never stops, can and cannot do to a real API server."""

from __future__ import annotations

import asyncio
import time

import pytest

from finetune_operator.api.names import progress_audience
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS, PODS
from tests.controlplane.fleet import EXAMPLE, Place, a_fleet, report, token
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually

pytestmark = pytest.mark.controlplane

JOBS = 40
RATE = 10
INTERVAL = 1.0


@pytest.fixture
def place(api_server: ApiServer, cluster: Cluster, namespace: str) -> Place:
    return Place(api_server, cluster, namespace)


async def test_the_reports_of_many_jobs_become_few_status_writes_and_the_last_ones_are_told(
    place: Place,
) -> None:
    pacing = {"statusWritesPerSecond": RATE, "statusIntervalSeconds": INTERVAL}
    async with a_fleet(place, JOBS, pacing) as fleet:
        start = time.monotonic()
        for step in range(1, 11):
            assert await fleet.all_post(step) == {200: JOBS}
        await eventually(lambda: fleet.told(10))
        seconds = time.monotonic() - start

        writes = fleet.made("patch_status", "finetunejobs")
        print(f"{10 * JOBS} reports of {JOBS} jobs in {seconds:.1f} s: {writes} status writes")
        assert JOBS <= writes <= RATE * seconds + 2 * RATE
        assert writes <= JOBS * (seconds / INTERVAL + 2)


async def test_a_pod_that_never_stops_reporting_is_slowed_down_and_the_others_are_heard(
    place: Place,
) -> None:
    async with a_fleet(place, 2, {"statusIntervalSeconds": INTERVAL}) as fleet:
        start = time.monotonic()
        answers = await asyncio.gather(*(fleet.post("j0", step=step) for step in range(1, 101)))
        taken = [status for status, _ in answers].count(200)
        assert {status for status, _ in answers} == {200, 429}
        assert taken <= 10 + (time.monotonic() - start) + 1
        assert (await fleet.post("j1", step=7))[0] == 200
        reviews = fleet.made("create", "tokenreviews")
        assert reviews == 2, "one for each token, however often it is shown"
        assert 'finetune_progress_reports_total{outcome="TooManyRequests"}' in fleet.metrics.exposition().decode()


async def test_forged_tokens_without_end_cost_the_api_server_a_bounded_number_of_reviews(
    place: Place,
) -> None:
    async with a_fleet(place, 1) as fleet:
        assert (await fleet.post("j0"))[0] == 200
        start = time.monotonic()
        forged = [fleet.post("j0", token=f"{fleet.tokens['j0'][:-8]}{number:08}") for number in range(300)]
        statuses = [status for status, _ in await asyncio.gather(*forged)]
        assert set(statuses) == {401, 429}
        assert fleet.made("create", "tokenreviews") <= 1 + 50 + 10 * (time.monotonic() - start) + 1
        assert (await fleet.post("j0", step=2))[0] == 200, "who is known goes on reporting"


async def test_a_report_that_lies_about_its_attempt_its_places_or_its_size_changes_nothing(
    place: Place,
) -> None:
    lies = {
        "another attempt": report(9, attempt=2),
        "a checkpoint outside": report(9, checkpoints=[{"step": 1, "attempt": 1, "path": "../../etc"}]),
        "a checkpoint of the future": report(9, checkpoints=[{"step": 1, "attempt": 7, "path": "c"}]),
        "more hours than there are": report(9, trainingSeconds=1e300),
        "no report": b"[]",
    }
    async with a_fleet(place, 1) as fleet:
        for what, body in lies.items():
            assert (await fleet.post("j0", body))[0] == 422, what
        assert (await fleet.post("j0", report(9).ljust(70_000)))[0] == 413
        assert fleet.made("patch_status", "finetunejobs") == 0


async def test_the_pod_of_another_job_cannot_report_with_a_token_for_this_one(
    place: Place,
) -> None:
    async with a_fleet(place, 2) as fleet:
        uid = (await place.world.get(FINETUNEJOBS, place.namespace, "j0"))["metadata"]["uid"]
        pods = await place.world.list(PODS, place.namespace, labels="finetune.dev/job=j1")
        foreign = await token(place.world, pods[0], progress_audience(place.namespace, "j0", uid))
        status, answer = await fleet.post("j0", token=foreign)
        assert (status, answer["reason"]) == (403, "Forbidden")


async def test_what_a_trainer_tells_stands_in_the_status_and_the_reply_says_what_was_asked_meanwhile(
    place: Place,
) -> None:
    async with a_fleet(place, 1, {"statusIntervalSeconds": 0.2}) as fleet:
        assert await fleet.post("j0", step=5) == (200, {"budgetSeconds": 3600, "stop": False})
        await eventually(lambda: fleet.told(5))
        (checkpoint,) = (await fleet.status("j0")).checkpoints
        assert checkpoint.uri.endswith(f"/{EXAMPLE['finetune']['checkpoints'][0]['path']}")

        edited = await place.world.patch(FINETUNEJOBS, place.namespace, "j0", {"spec": {"hours": 2, "stop": True}})
        fleet.store.put(FINETUNEJOBS, edited)
        assert await fleet.post("j0", step=6) == (200, {"budgetSeconds": 7200, "stop": True})
