"""An https server on loopback that misbehaves to order: cuts connections, refuses ranges, asks for credentials."""

from __future__ import annotations

import contextlib
import hashlib
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class WebServer:
    """``files`` by their path; ``asked`` is every request as ``METHOD path range``.

    ``cut_after``: bytes after which an answer breaks off, so many ``cuts`` times. ``gate``: what lies ``gate_from`` bytes
    in a file or further is not sent until it is set. ``statuses`` are answered first, one to each GET of a file.
    """

    url: str = ""
    certificate: Path = Path()
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    authorization: str = ""
    ranges: bool = True
    cut_after: int = 0
    cuts: int = 0
    gate: threading.Event | None = None
    gate_from: int = 0
    statuses: list[int] = field(default_factory=list)


@contextmanager
def web_server(folder: Path) -> Iterator[WebServer]:
    """Serve until left; the certificate is one of its own, at ``certificate``."""
    folder.mkdir(parents=True, exist_ok=True)
    web = WebServer(certificate=folder / "web.pem")
    key = folder / "web.key"
    _write_certificate(web.certificate, key)

    class Handler(_Handler):
        state = web

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(web.certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        # The handshake is made where the request is handled: one that hangs holds no other up.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        web.url = f"https://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield web
        finally:
            if web.gate is not None:
                web.gate.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: WebServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        web, path = self.state, urlsplit(self.path).path
        web.asked.append(f"{self.command} {self.path} {self.headers.get('Range', '')}".rstrip())
        if web.authorization and self.headers.get("Authorization") != web.authorization:
            self._empty(401)
        elif web.statuses and body:
            self._empty(web.statuses.pop(0))
        elif path not in web.files:
            self._empty(404)
        else:
            self._send(web.files[path], body=body)

    def _empty(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content: bytes, *, body: bool) -> None:
        web = self.state
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")) if web.ranges else None
        start = int(found[1]) if found else 0
        end = min(len(content), int(found[2]) + 1) if found and found[2] else len(content)
        self.send_response(206 if found else 200)
        self.send_header("Accept-Ranges", "bytes" if web.ranges else "none")
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()[:20]}"')
        if found:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if body:
            self._write(content[start:end], start)

    def _write(self, part: bytes, start: int) -> None:
        web = self.state
        if web.gate is not None and start >= web.gate_from:
            web.gate.wait(60)
            self.close_connection = True
        elif 0 < web.cut_after < len(part) and web.cuts > 0:
            web.cuts -= 1
            self.wfile.write(part[: web.cut_after])
            self.close_connection = True
        else:
            with contextlib.suppress(OSError):  # who asked may have been killed
                self.wfile.write(part)

    def log_message(self, *_: Any) -> None:  # type: ignore[explicit-override]  # Python 3.11 has no override
        """Say nothing."""


def _write_certificate(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
