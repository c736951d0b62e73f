"""Which pod a bearer token was made for: asked of the API server by TokenReview, remembered for a short time."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from finetune_operator.api.model import Json
from finetune_operator.cluster import ClusterError, Resource
from finetune_operator.cluster.resources import TOKENREVIEWS
from finetune_operator.reconciler.progress.refusal import PostRefusedError

POD_NAME: Final = "authentication.kubernetes.io/pod-name"
POD_UID: Final = "authentication.kubernetes.io/pod-uid"
SERVICE_ACCOUNT: Final = "system:serviceaccount:"

ACCEPTED_SECONDS: Final = 300.0
"""That the pod still exists is asked of the store each time, so an answer may be old."""
REFUSED_SECONDS: Final = 5.0
"""Short: the API server itself may learn of a new pod a moment late."""
MOST_REMEMBERED: Final = 20_000
MOST_AT_ONCE: Final = 16
RETRY_SECONDS: Final = 5.0
PATIENCE: Final = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PodIdentity:
    """The pod that a token is bound to, in the API server's word."""

    namespace: str
    pod_name: str
    pod_uid: str


class Creates(Protocol):
    """The part of the cluster client that is used here."""

    async def create(self, resource: Resource, namespace: str | None, body: Json) -> Json:
        """Create an object and return it as answered. Raises ClusterError."""


@dataclass(frozen=True)
class _Answer:
    identity: PodIdentity | PostRefusedError
    until: float


class TokenReviewer:
    """Reviews tokens and remembers the answers by the token's hash; the token itself is neither kept nor logged."""

    def __init__(self, cluster: Creates, clock: Callable[[], float], most_remembered: int = MOST_REMEMBERED) -> None:
        self._cluster = cluster
        self._clock = clock
        self._most_remembered = most_remembered
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[_Answer]] = {}
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._failing = False

    def remembers(self, token: str, audience: str) -> bool:
        """Whether the answer is known, or on its way: one more post with this token costs the API server nothing."""
        digest = _digest(token, audience)
        return digest in self._asking or self._remembered(digest) is not None

    async def pod_of(self, token: str, audience: str) -> PodIdentity:
        """The pod behind a token of this audience.

        Raises PostRefusedError: 401 for a token that is not valid here, 503 when the API server cannot say.
        """
        digest = _digest(token, audience)
        answer = self._remembered(digest) or await self._answer(digest, token, audience)
        if isinstance(answer.identity, PostRefusedError):
            raise answer.identity
        return answer.identity

    def _remembered(self, digest: bytes) -> _Answer | None:
        answer = self._answers.get(digest)
        return answer if answer is not None and answer.until > self._clock() else None

    async def _answer(self, digest: bytes, token: str, audience: str) -> _Answer:
        """Posts with the same token wait for one review, and none of them ends it for the others."""
        task = self._asking.get(digest)
        if task is None:
            task = self._asking[digest] = asyncio.create_task(self._ask(digest, token, audience))
            task.add_done_callback(lambda done: self._asked(digest, done))
        return await asyncio.shield(task)

    def _asked(self, digest: bytes, task: asyncio.Task[_Answer]) -> None:
        del self._asking[digest]
        if not task.cancelled():
            task.exception()  # those who waited may all have gone: then nobody else would look at it

    async def _ask(self, digest: bytes, token: str, audience: str) -> _Answer:
        try:
            # Those who waited are gone by then, and what nobody waits for must not pile up.
            async with asyncio.timeout(PATIENCE), self._slots:
                review = await self._review(token, audience)
        except TimeoutError:
            message = f"the API server did not verify the token within {PATIENCE:g} s"
            raise PostRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, message, RETRY_SECONDS) from None
        try:
            answer = _Answer(identity_in(review, audience), self._clock() + ACCEPTED_SECONDS)
        except PostRefusedError as refusal:
            answer = _Answer(refusal, self._clock() + REFUSED_SECONDS)
        self._answers[digest] = answer
        self._answers.move_to_end(digest)
        if len(self._answers) > self._most_remembered:
            self._answers.popitem(last=False)
        return answer

    async def _review(self, token: str, audience: str) -> Json:
        body = {
            "apiVersion": TOKENREVIEWS.api_version,
            "kind": TOKENREVIEWS.kind,
            "spec": {"token": token, "audiences": [audience]},
        }
        try:
            review = await self._cluster.create(TOKENREVIEWS, None, body)
        except ClusterError as error:
            self._say_failing(error)
            message = "tokens cannot be verified now: the API server does not answer TokenReviews"
            raise PostRefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, message, error.retry_after or RETRY_SECONDS
            ) from error
        self._failing = False
        return review

    def _say_failing(self, error: ClusterError) -> None:
        # Thousands of trainers post every few seconds: the first failure is news, the others are not.
        if not self._failing:
            logger.warning("progress is not taken until TokenReviews succeed again: %s", error)
        self._failing = True


def identity_in(review: Json, audience: str) -> PodIdentity:
    """The pod that an answered TokenReview names. Raises PostRefusedError (401) that says what is wrong."""
    status = review.get("status", {})
    if not status.get("authenticated"):
        raise _unauthorized(f"the token is not valid for audience {audience}: {status.get('error') or 'refused'}")
    if audience not in status.get("audiences", ()):
        # An authenticator that knows no audiences answers with none, and its word says nothing about this job.
        raise _unauthorized(f"the cluster did not confirm that the token is for audience {audience}")
    user = status.get("user", {})
    namespace, _, _ = str(user.get("username", "")).removeprefix(SERVICE_ACCOUNT).partition(":")
    name, uid = (_only(user, key) for key in (POD_NAME, POD_UID))
    if not (name and uid and str(user.get("username", "")).startswith(SERVICE_ACCOUNT)):
        raise _unauthorized("the token is not bound to a pod: use the projected token that the operator mounts")
    return PodIdentity(namespace, name, uid)


def _only(user: Json, key: str) -> str:
    values = (user.get("extra") or {}).get(key) or [""]
    return str(values[0])


def _digest(token: str, audience: str) -> bytes:
    return hashlib.sha256(f"{audience}\n{token}".encode(errors="surrogateescape")).digest()


def _unauthorized(message: str) -> PostRefusedError:
    return PostRefusedError(HTTPStatus.UNAUTHORIZED, message)
