"""Secrets kept out of what leaves the pod."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MASK: Final = "***"
SHORTEST: Final = 6
"""Characters of a value that is masked: shorter ones would turn up everywhere, and guard nothing."""
_SECRET_NAMES: Final = re.compile(r"^FINETUNE_SECRET_|(TOKEN|PASSWORD|SECRET|API_KEY|ACCESS_KEY)$")
_SECRET_SHAPES: Final = re.compile(
    r"(?<=://)[^\s/@]+(?=@)"  # user and password of a URL
    r"|(?<=[Bb]earer )\S+"
    r"|\bhf_[A-Za-z0-9]{16,}"
    r"|(?<=[?&]X-Amz-Signature=)\w+"
)


class Masking:
    """Knows the secrets in a process's environment, whose values it replaces wherever they stand."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        secrets = {part for name, value in environment.items() if _SECRET_NAMES.search(name) for part in _parts(value)}
        # The longest first: one may be part of another.
        found = sorted((re.escape(secret) for secret in secrets if len(secret) >= SHORTEST), key=len, reverse=True)
        self._values = re.compile("|".join(found)) if found else None

    def __call__(self, text: str) -> str:
        """`text` without secrets."""
        known = self._values.sub(MASK, text) if self._values else text
        return _SECRET_SHAPES.sub(MASK, known)


def _parts(value: str) -> Iterator[str]:
    """What may stand in a line: a value's lines, and the texts of one that is JSON."""
    yield from (line.strip() for line in value.splitlines())
    try:
        document: object = json.loads(value)
    except ValueError:
        return
    if isinstance(document, dict):
        for text in document.values():
            yield from (line.strip() for line in str(text).splitlines())
