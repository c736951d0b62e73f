"""What can go wrong between us and the API server, by what the caller does about it.

::

    ClusterError
     ├─ NotFound        404: it is not there (or the CRD is not)
     ├─ AlreadyExists   409: create found one of that name
     ├─ Conflict        409: the object changed since it was read, or its uid is another; read again
     ├─ Refused         403: RBAC, quota or policy; with other codes too what an admission policy or webhook denies
     ├─ Invalid         other 4xx: the request itself is wrong; the message has the server's words
     ├─ Unauthorized    401, also after the credentials were read again
     └─ Unavailable     408, 410, 429, 5xx, no connection, no answer in time; try again, not before ``retry_after``
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from finetune_operator.api.model import Json

LONGEST_MESSAGE: Final = 2000
_DENIED: Final = re.compile(r'\S+ "[^"]*" is forbidden: |admission webhook "')
"""How a message begins when admission denies an object. An admission policy does so with 422, like the validation of the
object itself, or with 413; a webhook with any code that it likes."""


class ClusterError(Exception):
    """A call to the API server failed. The text is what was tried and the server's own words.

    ``words``: the server's own words alone. ``retry_after``: seconds that the server asks us to wait, where it does.
    """

    def __init__(
        self, message: str, *, words: str | None = None, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.words = message if words is None else words
        self.status = status
        self.retry_after = retry_after


class NotFound(ClusterError):  # noqa: N818 - named after what is the case, as Kubernetes names its reasons
    """It is not there."""


class AlreadyExists(ClusterError):  # noqa: N818
    """An object of that name exists."""


class Conflict(ClusterError):  # noqa: N818
    """The object is not as it was when it was read."""


class Refused(ClusterError):  # noqa: N818
    """The server understood and does not permit it: RBAC, quota or policy."""


class Invalid(ClusterError):  # noqa: N818
    """The request is wrong and would be so again."""


class Unauthorized(ClusterError):  # noqa: N818
    """Our credentials are not accepted."""


class Unavailable(ClusterError):  # noqa: N818
    """The server cannot answer now."""


_BY_STATUS: Final[Mapping[int, type[ClusterError]]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Refused,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Unavailable,
    HTTPStatus.TOO_MANY_REQUESTS: Unavailable,
}


def from_response(what: str, status: int, headers: Mapping[str, str], body: bytes) -> ClusterError:
    """The error that an HTTP answer of 400 or more stands for. ``what`` says what was tried."""
    document = _status_document(body)
    kind = _BY_STATUS.get(status, Unavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Invalid)
    if kind is Conflict and document.get("reason") == "AlreadyExists":
        kind = AlreadyExists
    words = str(document.get("message") or body.decode(errors="replace").strip() or f"HTTP {status}")[:LONGEST_MESSAGE]
    if kind is Invalid and _DENIED.match(words):
        kind = Refused
    return kind(f"{what}: {words}", words=words, status=status, retry_after=_retry_after(headers, document))


def _status_document(body: bytes) -> Json:
    """The metav1.Status in the body, or nothing where a proxy answered with a page of its own."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) and document.get("kind") == "Status" else {}


def _retry_after(headers: Mapping[str, str], document: Json) -> float | None:
    details = document.get("details") or {}
    try:
        return float(headers.get("Retry-After") or details["retryAfterSeconds"])
    except (KeyError, ValueError):
        return None
