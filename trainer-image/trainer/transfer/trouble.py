"""What an error of a store's library means, told without importing any of them."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Trouble = Literal["absent", "forbidden", "gated", "no revision", "transient", "full", "taken", "unknown"]

BY_CLASS: Final[Mapping[str, Trouble]] = {
    "GatedRepoError": "gated",
    "RevisionNotFoundError": "no revision",
    "RevisionResolutionError": "no revision",
    "RepositoryNotFoundError": "absent",
    "EntryNotFoundError": "absent",
    "RefreshError": "forbidden",
    "MalformedError": "forbidden",
    "DefaultCredentialsError": "forbidden",
    "NoCredentialsError": "forbidden",
    "PartialCredentialsError": "forbidden",
    "NoAuthTokenError": "forbidden",
    "ChecksumError": "transient",
    "ProxyError": "transient",
    "XetDownloadError": "transient",
}
"""By the name of a class or of one that it inherits from: huggingface_hub, google.auth, botocore, gcsfs."""
BY_CODE: Final[Mapping[str, Trouble]] = {
    "InvalidAccessKeyId": "forbidden",
    "XAdminUserNotFound": "forbidden",
    "SignatureDoesNotMatch": "forbidden",
    "ExpiredToken": "forbidden",
    "InvalidToken": "forbidden",
    "AccessDenied": "forbidden",
    "NoSuchBucket": "absent",
    "NoSuchKey": "absent",
    "SlowDown": "transient",
    "RequestTimeout": "transient",
}
"""By the code that a server of S3 answers with: statuses differ between servers."""
OF_CONNECTIONS: Final = (
    *("ClientConnectionError", "ClientPayloadError", "ServerTimeoutError", "TransportError"),
    *("HTTPClientError", "EndpointConnectionError", "ConnectionClosedError", "IncompleteReadError", "ReadTimeoutError"),
    *("RequestException", "FileMetadataError", "LocalEntryNotFoundError"),
)
"""Classes of aiohttp, httpx, botocore, requests and the Hub's client for a connection that failed."""
BY_STATUS: Final[Mapping[int, Trouble]] = {
    400: "unknown",
    401: "forbidden",
    403: "forbidden",
    404: "absent",
    408: "transient",
    412: "taken",
    425: "transient",
    429: "transient",
}
SERVER_ERRORS: Final = range(500, 600)
BY_NUMBER: Final[Mapping[int, Trouble]] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EBUSY: "transient",
    errno.EREMOTEIO: "transient",
}


def trouble_of(error: BaseException) -> Trouble:
    """What went wrong; of a chain of errors the first that tells counts, from the outermost."""
    return next((found for each in _chain(error) if (found := _of_one(each)) != "unknown"), "unknown")


def status_of(error: BaseException) -> int | None:
    """The status of the HTTP answer behind an error, if there was one."""
    return next((status for each in _chain(error) if (status := _status(each)) is not None), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _of_one(error: BaseException) -> Trouble:  # noqa: PLR0911 - a table by the kind of evidence
    names = [each.__name__ for each in type(error).__mro__]
    # The Hub's client says so when it could not ask, whatever kept it.
    if not set(names).isdisjoint(OF_CONNECTIONS) and _status(error) is None:
        return "unknown" if "LocalEntryNotFoundError" in names and error.__cause__ else "transient"
    named = next((BY_CLASS[name] for name in names if name in BY_CLASS), None) or BY_CODE.get(_code(error))
    if named:
        return named
    status = _status(error)
    if status is not None:
        return "transient" if status in SERVER_ERRORS else BY_STATUS.get(status, "unknown")
    if isinstance(error, FileExistsError):
        return "taken"
    # fsspec says so of the web whatever the answer was, and has the true one as its cause.
    if isinstance(error, FileNotFoundError):
        return "unknown" if error.__cause__ is not None and _of_one(error.__cause__) != "unknown" else "absent"
    if isinstance(error, PermissionError) or (isinstance(error, OSError) and str(error).startswith("Forbidden")):
        return "forbidden"
    if isinstance(error, TimeoutError | ConnectionError):
        return "transient"
    return BY_NUMBER.get(error.errno or 0, "unknown") if isinstance(error, OSError) else "unknown"


def _status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    found = (
        getattr(error, "status", None),
        getattr(response, "status_code", None),
        getattr(error, "code", None),
        response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None,
    )
    return next((int(each) for each in found if isinstance(each, int | str) and str(each).isdigit()), None)


def _code(error: BaseException) -> str:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
