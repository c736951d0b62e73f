"""One report from a stranger's words to the inbox: who is it, may it, how often, what does it say. No HTTP here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import progress_audience
from finetune_operator.cluster.resources import Key
from finetune_operator.reconciler.progress.body import Sender, parse
from finetune_operator.reconciler.progress.inbox import Inbox
from finetune_operator.reconciler.progress.quota import Quota
from finetune_operator.reconciler.progress.refusal import PostRefusedError
from finetune_operator.reconciler.progress.reporter import Reporter, reporter_of
from finetune_operator.reconciler.progress.tokens import TokenReviewer
from finetune_operator.reconciler.store import Store

POSTS_PER_SECOND: Final = 1.0
POSTS_AT_ONCE: Final = 10
REVIEWS_PER_SECOND: Final = 10.0
REVIEWS_AT_ONCE: Final = 50
"""Per address, for tokens not seen before: an honest pod needs one in minutes, a flood of forged ones ends here."""
LONGEST_TOKEN: Final = 8192

Reply = Callable[[Key], Json]
"""What to tell a job's trainer: ``{}``, or ``budgetSeconds`` and ``stop`` as in reply.schema.json."""


@dataclass(frozen=True)
class Clocks:
    """``now`` is aware wall time, ``monotonic`` is seconds on a clock that never steps."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(frozen=True)
class Caller:
    """What a request shows before its body is read: its Authorization header and the address it came from."""

    authorization: str
    address: str


class Reception:
    """Takes reports for the jobs of a store into an inbox, and answers with what their trainers should know."""

    def __init__(self, store: Store, reviewer: TokenReviewer, inbox: Inbox, reply: Reply, clocks: Clocks) -> None:
        self._store = store
        self._reviewer = reviewer
        self._inbox = inbox
        self._reply = reply
        self._now = clocks.now
        self._posts = Quota(POSTS_PER_SECOND, POSTS_AT_ONCE, clocks.monotonic)
        self._reviews = Quota(REVIEWS_PER_SECOND, REVIEWS_AT_ONCE, clocks.monotonic)
        self.outcomes: Counter[str] = Counter()
        """How often a post was Taken, Outdated (answered, and older than what is held), or refused for which reason."""

    async def admit(self, key: Key, caller: Caller) -> Reporter:
        """The pod that calls, if it may report on this job now. Raises PostRefusedError (401, 403, 404, 429, 503)."""
        token = _bearer(caller.authorization)
        job = self._store.job(key)
        if job is None:
            raise _gone(key)
        uid = job["metadata"]["uid"]
        audience = progress_audience(key.namespace, key.name, uid)
        if not self._reviewer.remembers(token, audience):
            _charge(self._reviews, caller.address, "too many unknown tokens from this address")
        identity = await self._reviewer.pod_of(token, audience)
        reporter = reporter_of(identity, job, self._store.children(key.namespace, uid))
        _charge(self._posts, identity.pod_uid, "too many reports from this pod; one in five seconds is enough")
        return reporter

    def accept(self, reporter: Reporter, body: bytes) -> Json:
        """Take the report of an admitted pod and return the reply. Raises PostRefusedError (404, 422)."""
        job = self._store.job(reporter.key)
        if job is None or job["metadata"]["uid"] != reporter.job_uid:
            # Deleted while the body was on its way: nobody would ever forget what is kept of it now.
            raise _gone(reporter.key)
        progress = parse(body, Sender(reporter.pod_uid, reporter.attempt, self._now()))
        # A report that is too old is not the trainer's fault, and the reply is for it all the same.
        taken = self._inbox.offer(reporter, progress)
        self.outcomes["Taken" if taken else "Outdated"] += 1
        return self._reply(reporter.key)

    def refused(self, refusal: PostRefusedError) -> None:
        """Count a post that was not taken."""
        self.outcomes[refusal.reason] += 1


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise PostRefusedError(HTTPStatus.UNAUTHORIZED, "no token: send «Authorization: Bearer TOKEN»")
    if len(token) > LONGEST_TOKEN:
        message = f"the token has {len(token)} characters; at most {LONGEST_TOKEN} are read"
        raise PostRefusedError(HTTPStatus.UNAUTHORIZED, message)
    return token


def _gone(key: Key) -> PostRefusedError:
    return PostRefusedError(HTTPStatus.NOT_FOUND, f"there is no FineTuneJob {key}; it may have been deleted")


def _charge(quota: Quota, name: str, message: str) -> None:
    if wait := quota.take(name):
        raise PostRefusedError(HTTPStatus.TOO_MANY_REQUESTS, message, wait)
