"""A real HTTP server on loopback in the operator's place: it keeps what is posted and answers what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class OperatorEndpoint:
    """``posts`` has (path, authorization, body) of each call; ``status``, ``headers`` and ``reply`` are the answer."""

    url: str = ""
    status: int = 200
    reply: dict[str, object] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    posts: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def operator_endpoint() -> Iterator[OperatorEndpoint]:
    """Serve until left."""
    endpoint = OperatorEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            endpoint.posts.append((self.path, self.headers.get("Authorization", ""), body))
            self.send_response(endpoint.status)
            for name, value in endpoint.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(endpoint.reply).encode())

        def log_message(self, *_: object) -> None:  # type: ignore[explicit-override]  # Python 3.11 has no override
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/progress"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()
