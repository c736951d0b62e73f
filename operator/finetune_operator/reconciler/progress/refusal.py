"""Why a report was not taken, as an HTTP status, a sentence and a metav1.Status."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from finetune_operator.api.model import Json

_REASONS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.REQUEST_TIMEOUT: "Timeout",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "RequestEntityTooLarge",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Invalid",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalError",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}


class PostRefusedError(Exception):
    """A report that is not taken. ``retry_after`` is in seconds, where trying again may help."""

    def __init__(self, status: HTTPStatus, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after

    @property
    def reason(self) -> str:
        """The status as Kubernetes names it, in one word such as TooManyRequests."""
        return _REASONS.get(self.status, "BadRequest")

    def document(self) -> Json:
        """The metav1.Status that Kubernetes clients expect."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": int(self.status),
        }
