"""A Hub on loopback: the endpoints that huggingface_hub uses to look, to fetch and to commit, over folders in memory.

No other Hub can be reached where tests run. What it speaks was read off the client's requests: repository, tree, paths,
resolve with ranges, whoami, create, preupload, LFS batch and upload, commit. It knows no xet: the client is told so by
``HF_HUB_DISABLE_XET``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote, urlsplit

LARGE: Final = 1024
"""Bytes from which a file is one of LFS here."""


@dataclass
class Repository:
    """``commits`` by their id, in order: the files of each. ``gated``: nobody's token is good enough."""

    kind: str
    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, files: Mapping[str, bytes]) -> str:
        """Add a commit with exactly these files; its id."""
        seed = json.dumps([len(self.commits), sorted(files)]).encode() + b"".join(files[name] for name in sorted(files))
        oid = hashlib.sha1(seed, usedforsecurity=False).hexdigest()
        self.commits[oid] = dict(files)
        return oid

    @property
    def head(self) -> str:
        """The newest commit."""
        return list(self.commits)[-1]

    def resolve(self, revision: str) -> str | None:
        """The commit of a branch or an id; None when there is none."""
        return self.head if revision == "main" else revision if revision in self.commits else None


@dataclass
class Hub:
    """``repositories`` by their name; ``tokens`` by value: name and role. ``asked`` is every request.

    ``spoil``: answers bytes that are not the file's, in its length. ``gate``: what lies ``gate_from`` bytes in a file or
    further is not sent until it is set. ``refuse_lfs``: so many uploads fail.
    """

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    spoil: set[str] = field(default_factory=set)
    gate: threading.Event | None = None
    gate_from: int = 0
    refuse_lfs: int = 0

    def add(self, name: str, files: Mapping[str, bytes], kind: str = "model", *, private: bool = False) -> Repository:
        """A new repository with one commit."""
        repository = Repository(kind, private)
        repository.commit(files)
        self.repositories[name] = repository
        return repository

    @property
    def variables(self) -> dict[str, str]:
        """The environment by which a trainer finds it."""
        return {"HF_ENDPOINT": self.url, "HF_HUB_DISABLE_XET": "1"}


@contextmanager
def hub_server() -> Iterator[Hub]:
    """Serve until left."""
    hub = Hub()

    class Handler(_Handler):
        state = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            if hub.gate is not None:
                hub.gate.set()
            server.shutdown()
            thread.join()


class _RefusedError(Exception):
    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(code)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    state: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def do_PUT(self) -> None:
        self._route()

    def _route(self) -> None:
        self.state.asked.append(f"{self.command} {self.path} {self.headers.get('Range', '')}".rstrip())
        length = int(self.headers.get("Content-Length") or 0)
        self._body = self.rfile.read(length) if length else self._chunks()
        path = unquote(urlsplit(self.path).path)
        try:
            matches = ((re.fullmatch(pattern, path), action) for pattern, action in _ROUTES)
            found, action = next(((each, action) for each, action in matches if each), (None, _Handler.unknown))
            action(self, **{name: part or "" for name, part in (found.groupdict() if found else {}).items()})
        except _RefusedError as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.code} if refusal.code else {}
            self._send(refusal.status, b"{}", headers)

    def _chunks(self) -> bytes:
        content = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return content

    @property
    def _role(self) -> str:
        return self.state.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "), ("", ""))[1]

    def _repository(self, name: str, kind: str) -> Repository:
        found = self.state.repositories.get(name)
        if found is None or found.kind != (kind or "model") or (found.private and not self._role):
            raise _RefusedError(401 if not self._role else 404, "RepoNotFound")
        return found

    def _commit(self, name: str, kind: str, revision: str) -> tuple[Repository, str]:
        repository = self._repository(name, kind)
        commit = repository.resolve(revision or "main")
        if commit is None:
            raise _RefusedError(404, "RevisionNotFound")
        return repository, commit

    def unknown(self) -> None:
        raise _RefusedError(404)

    def look(self, kind: str, name: str, revision: str = "") -> None:
        repository, commit = self._commit(name, kind, revision)
        files = [{"rfilename": each} for each in repository.commits[commit]]
        self._json({"id": name, "sha": commit, "private": repository.private, "gated": False, "siblings": files})

    def tree(self, kind: str, name: str, revision: str, path: str) -> None:
        repository, commit = self._commit(name, kind, revision)
        below = f"{path}/" if path else ""
        files = {each: content for each, content in repository.commits[commit].items() if each.startswith(below)}
        # Newer clients walk the folders themselves, some at once.
        recursive = "recursive=true" in self.path.lower()
        deep = {each for each in files if not recursive and "/" in each.removeprefix(below)}
        folders = sorted({below + each.removeprefix(below).partition("/")[0] for each in deep})
        entries = [_entry(each, content) for each, content in sorted(files.items()) if each not in deep]
        self._json([*entries, *({"type": "directory", "path": each, "oid": "0" * 40} for each in folders)])

    def paths(self, kind: str, name: str, revision: str) -> None:
        repository, commit = self._commit(name, kind, revision)
        wanted = json.loads(self._body)["paths"]
        files = repository.commits[commit]
        self._json([_entry(path, files[path]) for path in wanted if path in files])

    def resolve(self, kind: str, name: str, revision: str, path: str) -> None:
        repository, commit = self._commit(name, kind, revision)
        if repository.gated:
            raise _RefusedError(403, "GatedRepo")
        content = repository.commits[commit].get(path)
        if content is None:
            raise _RefusedError(404, "EntryNotFound")
        entry = _entry(path, content)
        tag = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        sent = bytes(len(content)) if path in self.state.spoil else content
        headers = {"ETag": f'"{tag}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        end = min(len(content), int(found[2]) + 1) if found and found[2] else len(content)
        if found:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        if self.state.gate is not None and start >= self.state.gate_from and self.command == "GET":
            self.state.gate.wait(60)
            self.close_connection = True
            return
        self._send(206 if found else 200, sent[start:end], headers)

    def whoami(self) -> None:
        if not self._role:
            raise _RefusedError(401)
        name = self.state.tokens[self.headers["Authorization"].removeprefix("Bearer ")][0]
        token = {"displayName": "test", "role": self._role}
        self._json({"type": "user", "name": name, "orgs": [], "auth": {"accessToken": token}})

    def create(self) -> None:
        asked = json.loads(self._body)
        if self._role != "write":
            raise _RefusedError(403)
        name = f"{asked.get('organization') or 'someone'}/{asked['name']}"
        if name in self.state.repositories:
            raise _RefusedError(409)
        self.state.add(
            name, {".gitattributes": b""}, private=asked.get("visibility") == "private" or bool(asked.get("private"))
        )
        self._json({"url": f"{self.state.url}/{name}"})

    def preupload(self, kind: str, name: str, revision: str) -> None:
        self._commit(name, kind, revision)
        files = json.loads(self._body)["files"]
        modes = [
            {
                "path": each["path"],
                "uploadMode": "lfs" if each["size"] >= LARGE else "regular",
                "shouldIgnore": False,
                "oid": None,
            }
            for each in files
        ]
        self._json({"files": modes})

    def batch(self, kind: str, name: str) -> None:
        self._repository(name, kind)
        objects = [
            {"oid": each["oid"], "size": each["size"]}
            if each["oid"] in self.state.stored
            else {**each, "actions": {"upload": {"href": f"{self.state.url}/lfs/{each['oid']}"}}}
            for each in json.loads(self._body)["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def store(self, oid: str) -> None:
        if self.state.refuse_lfs > 0:
            self.state.refuse_lfs -= 1
            raise _RefusedError(400)
        assert hashlib.sha256(self._body).hexdigest() == oid
        self.state.stored[oid] = self._body
        self._json({})

    def commit(self, kind: str, name: str, revision: str) -> None:
        repository, head = self._commit(name, kind, revision)
        if self._role != "write":
            raise _RefusedError(403)
        files = dict(repository.commits[head])
        for line in self._body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header" and value.get("parentCommit", head) != head:
                raise _RefusedError(412)
            if item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.state.stored[value["oid"]]
            elif item["key"] == "deletedFile":
                files.pop(value["path"], None)
        oid = repository.commit(files)
        self._json({"success": True, "commitOid": oid, "commitUrl": f"{self.state.url}/{name}/commit/{oid}"})

    def _json(self, document: object) -> None:
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:  # type: ignore[explicit-override]  # Python 3.11 has no override
        """Say nothing."""


def _entry(path: str, content: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": blob}
    if len(content) >= LARGE:
        oid = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 130}
    return entry


_KIND = r"/api/(?P<kind>model|dataset)s/(?P<name>[^/]+/[^/]+)"
_ROUTES: Final[tuple[tuple[str, Callable[..., None]], ...]] = (
    (_KIND, _Handler.look),
    (rf"{_KIND}/revision/(?P<revision>.+)", _Handler.look),
    (rf"{_KIND}/tree/(?P<revision>[^/]+)/?(?P<path>.*)", _Handler.tree),
    (rf"{_KIND}/paths-info/(?P<revision>.+)", _Handler.paths),
    (rf"{_KIND}/preupload/(?P<revision>.+)", _Handler.preupload),
    (rf"{_KIND}/commit/(?P<revision>.+)", _Handler.commit),
    (r"/api/whoami-v2", _Handler.whoami),
    (r"/api/repos/create", _Handler.create),
    (r"/(?:(?P<kind>dataset)s/)?(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", _Handler.batch),
    (r"/lfs/(?P<oid>[0-9a-f]{64})", _Handler.store),
    (r"/(?:(?P<kind>dataset)s/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", _Handler.resolve),
)
