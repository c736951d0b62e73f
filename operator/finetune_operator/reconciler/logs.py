"""Logs as JSON lines on stderr: time, level, logger, message, and which object they are about when that is known."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TextIO

from typing_extensions import override

_SUBJECT: ContextVar[MappingProxyType[str, object]] = ContextVar("subject", default=MappingProxyType({}))
_SECRET: Final = re.compile(r"(?i)\bbearer\s+[\w.~+/=-]{12,}|\bauthorization\W+basic\s+\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]+")
LEVELS: Final = ("debug", "info", "warning", "error")


@contextmanager
def about(namespace: str, name: str, *, kind: str | None = None, attempt: int | None = None) -> Iterator[None]:
    """All lines logged inside are about this object: a FineTuneJob unless ``kind`` says otherwise."""
    subject: dict[str, object] = {"namespace": namespace, "name": name}
    if kind is not None:
        subject["kind"] = kind
    if attempt is not None:
        subject["attempt"] = attempt
    token = _SUBJECT.set(MappingProxyType(subject))
    try:
        yield
    finally:
        _SUBJECT.reset(token)


def configure(level: str, stream: TextIO = sys.stderr) -> None:
    """Send all logs of this process to ``stream`` as JSON lines. ``level`` is one of LEVELS."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("finetune_operator").setLevel(level.upper())
    # It warns that it leaves signals alone, which is as we want it.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)


class JsonLines(logging.Formatter):
    """One JSON object a line. What looks like a credential is struck out: a header may end up in an error's text."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _SECRET.sub("[redacted]", record.getMessage()),
            **_SUBJECT.get(),
        }
        if record.exc_info:
            line["traceback"] = _SECRET.sub("[redacted]", self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
