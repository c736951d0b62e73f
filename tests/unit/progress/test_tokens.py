"""What a TokenReview's answer proves, and how long it is remembered."""

from __future__ import annotations

import asyncio
import logging

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster import Unavailable
from finetune_operator.reconciler.progress.refusal import PostRefusedError
from finetune_operator.reconciler.progress.tokens import PodIdentity, TokenReviewer, identity_in
from tests.unit.progress.stories import AUDIENCE, Clock, Reviews, accepted


def refusal_of(status: Json) -> str:
    with pytest.raises(PostRefusedError) as refused:
        identity_in({"status": status}, AUDIENCE)
    assert refused.value.status == 401
    return refused.value.message


def test_an_accepted_token_names_its_pod() -> None:
    assert identity_in({"status": accepted("p1", "u1")}, AUDIENCE) == PodIdentity("team-a", "p1", "u1")


def test_a_refused_token_is_refused_in_the_api_servers_words() -> None:
    assert "token has expired" in refusal_of({"authenticated": False, "error": "token has expired"})


def test_an_answer_without_our_audience_proves_nothing() -> None:
    assert "did not confirm" in refusal_of({**accepted("p1", "u1"), "audiences": ["https://kubernetes.default.svc"]})


def test_a_token_that_is_bound_to_no_pod_is_refused() -> None:
    user = {"username": "system:serviceaccount:team-a:default"}
    assert "not bound to a pod" in refusal_of({**accepted("p1", "u1"), "user": user})


def test_a_person_who_bears_the_extras_of_a_pod_is_refused() -> None:
    user = {**accepted("p1", "u1")["user"], "username": "mallory"}
    assert "not bound to a pod" in refusal_of({**accepted("p1", "u1"), "user": user})


async def test_an_answer_is_remembered_for_minutes_and_then_asked_again() -> None:
    clock, reviews = Clock(), Reviews({"p1": "u1"})
    reviewer = TokenReviewer(reviews, clock.monotonic)
    for _ in range(3):
        await reviewer.pod_of("p1", AUDIENCE)
    assert reviews.asked == 1
    clock.pass_(301)
    await reviewer.pod_of("p1", AUDIENCE)
    assert reviews.asked == 2


async def test_posts_that_come_at_once_with_one_token_share_one_review() -> None:
    reviews = Reviews({"p1": "u1"})
    reviewer = TokenReviewer(reviews, Clock().monotonic)
    found = await asyncio.gather(*(reviewer.pod_of("p1", AUDIENCE) for _ in range(50)))
    assert (len(found), set(found), reviews.asked) == (50, {PodIdentity("team-a", "p1", "u1")}, 1)


async def test_a_post_that_is_given_up_does_not_end_the_review_for_the_others() -> None:
    reviews = Reviews({"p1": "u1"})
    reviewer = TokenReviewer(reviews, Clock().monotonic)
    first, second = (asyncio.create_task(reviewer.pod_of("p1", AUDIENCE)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).pod_uid == "u1"
    assert reviews.asked == 1


async def test_a_refusal_is_remembered_for_seconds_only() -> None:
    clock, reviews = Clock(), Reviews()
    reviewer = TokenReviewer(reviews, clock.monotonic)
    for _ in range(3):
        with pytest.raises(PostRefusedError):
            await reviewer.pod_of("p1", AUDIENCE)
    assert reviews.asked == 1
    clock.pass_(6)
    reviews.pods["p1"] = "u1"
    assert (await reviewer.pod_of("p1", AUDIENCE)).pod_uid == "u1"


async def test_the_answer_for_one_audience_says_nothing_about_another() -> None:
    reviewer = TokenReviewer(Reviews({"p1": "u1"}), Clock().monotonic)
    await reviewer.pod_of("p1", AUDIENCE)
    with pytest.raises(PostRefusedError):
        await reviewer.pod_of("p1", AUDIENCE + "x")


async def test_no_more_answers_are_remembered_than_allowed() -> None:
    reviews = Reviews({name: name for name in "abc"})
    reviewer = TokenReviewer(reviews, Clock().monotonic, most_remembered=2)
    for name in "abc":
        await reviewer.pod_of(name, AUDIENCE)
    assert [reviewer.remembers(name, AUDIENCE) for name in "abc"] == [False, True, True]


async def test_a_silent_api_server_is_not_the_callers_fault_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reviews = Reviews(failure=Unavailable("POST tokenreviews: no answer within 5 s", retry_after=7))
    reviewer = TokenReviewer(reviews, Clock().monotonic)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            with pytest.raises(PostRefusedError) as refused:
                await reviewer.pod_of("p1", AUDIENCE)
    assert (refused.value.status, refused.value.retry_after) == (503, 7)
    assert len(caplog.records) == 1
    reviews.failure, reviews.pods["p1"] = None, "u1"
    assert (await reviewer.pod_of("p1", AUDIENCE)).pod_name == "p1"


async def test_many_posts_at_once_with_one_token_are_few_reviews() -> None:
    reviews = Reviews({"p1": "u1"})
    reviewer = TokenReviewer(reviews, Clock().monotonic)
    await asyncio.gather(*(reviewer.pod_of("p1", AUDIENCE) for _ in range(200)))
    assert reviews.asked <= 16


async def test_a_token_whose_review_is_on_its_way_needs_no_other() -> None:
    """A pod that floods with a new token uses up nobody else's reviews."""
    reviewer = TokenReviewer(Reviews({"p1": "u1"}), Clock().monotonic)
    assert not reviewer.remembers("p1", AUDIENCE)
    asking = asyncio.ensure_future(reviewer.pod_of("p1", AUDIENCE))
    await asyncio.sleep(0)
    assert reviewer.remembers("p1", AUDIENCE)
    await asking
