"""The few requests that the starter itself makes to the API server; tests and the operator use real clients."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import yaml

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
TIMEOUT = 10.0
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class RefusedError(Exception):
    """The API server answered with an error; the status code and its words are in the message."""


class ApiServer:
    """One API server with the identity that a kubeconfig holds."""

    def __init__(self, kubeconfig: Path) -> None:
        content = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self._address = urlsplit(cluster["server"]).netloc
        self._context = _context(cluster, user)

    def ready(self) -> bool:
        """Whether it answers `/readyz` with ok; False as well while nobody listens."""
        try:
            return self.request("GET", "/readyz") == "ok"
        except (OSError, RefusedError, http.client.HTTPException):
            return False

    def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None, kind: str = "application/json"
    ) -> Json:
        """Make one request; the decoded answer, or its text where it is not JSON.

        Raises:
            RefusedError: the answer's status is 400 or above.
            OSError: nobody answers.
        """
        connection = http.client.HTTPSConnection(self._address, timeout=TIMEOUT, context=self._context)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": kind, "Accept": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", errors="replace")
        finally:
            connection.close()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise RefusedError(f"{method} {path}: {answer.status} {text[:500]}")
        decoded: Json = json.loads(text) if text.startswith(("{", "[")) else text
        return decoded

    def apply(self, path: str, content: Mapping[str, object]) -> None:
        """Create or update the object at `path` by server-side apply."""
        self.request("PATCH", f"{path}?fieldManager=local-cluster&force=true", content, APPLY_PATCH)


def _context(cluster: Mapping[str, str], user: Mapping[str, str]) -> ssl.SSLContext:
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode("ascii")
    context = ssl.create_default_context(cadata=authority)
    pair = base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
    with tempfile.NamedTemporaryFile() as both:  # the ssl module reads a client's key from files only
        both.write(pair)
        both.flush()
        context.load_cert_chain(both.name)
    return context
