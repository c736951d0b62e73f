"""Pushing progress to the operator over HTTP. Environment names are Kubeflow Trainer's."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.contract.progress import Reply, parse_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS_BETWEEN_PUSHES: Final = 5.0
MOST_SECONDS_BETWEEN_PUSHES: Final = 300.0
"""Whatever the answers say: a stop must arrive."""
TIMEOUT_SECONDS: Final = 5.0
LARGEST_REPLY: Final = 65536
"""Bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where progress goes. The token's file is read for each call, because the token is rotated."""

    url: str
    token: Path | None
    authority: Path | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Endpoint | None:
        """The endpoint that the environment names; None when it names none."""
        url = environment.get("KUBEFLOW_TRAINER_SERVER_URL", "")
        if not url:
            return None
        token = environment.get("KUBEFLOW_TRAINER_SERVER_TOKEN", "")
        authority = environment.get("KUBEFLOW_TRAINER_SERVER_CA_CERT", "")
        return cls(url=url, token=Path(token) if token else None, authority=Path(authority) if authority else None)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the token is for the operator alone."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:  # type: ignore[explicit-override]  # Python 3.11 has no typing.override
        """Answer with the redirect itself, which urllib turns into an error."""


def push(endpoint: Endpoint, body: Mapping[str, object]) -> Reply:
    """POST one progress body and return what the answer asks for; OSError when it cannot be delivered."""
    headers = {"Content-Type": "application/json"}
    if endpoint.token is not None:
        headers["Authorization"] = f"Bearer {endpoint.token.read_text(encoding='utf-8').strip()}"
    request = urllib.request.Request(  # noqa: S310 - the URL is the operator's, from the pod's environment
        endpoint.url, data=json.dumps(body, allow_nan=False).encode(), headers=headers, method="POST"
    )
    with _opener(endpoint).open(request, timeout=TIMEOUT_SECONDS) as answer:
        return parse_reply(answer.read(LARGEST_REPLY))


def pause_after(reply: Reply) -> float:
    """Seconds until the next POST: as the answer wishes, within bounds."""
    return min(MOST_SECONDS_BETWEEN_PUSHES, max(SECONDS_BETWEEN_PUSHES, reply.report_seconds or 0.0))


def _opener(endpoint: Endpoint) -> urllib.request.OpenerDirector:
    # No proxy: the operator is a neighbour in the cluster. The authority's file may be replaced while we run.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({}), _NoRedirect()]
    if endpoint.authority is not None:
        context = ssl.create_default_context(cafile=str(endpoint.authority))
        handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)
