"""Which field of a job names the claim that the cluster complains of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from finetune_operator.api.finetunejob import FineTuneJobSpec

_NAMED: Final = re.compile(r'persistentvolumeclaim "([^"]+)"', re.IGNORECASE)
_ELSEWHERE: Final = "Multi-Attach error"


def with_field(message: str, spec: FineTuneJobSpec) -> str:
    """The cluster's words, after the field that names the claim they are about; the words alone where none does.

    That a volume is on another node is told of the volume alone: of several nodes it is what they need that helps.
    """
    if spec.nodes > 1 and message.startswith(_ELSEWHERE):
        return f"spec.nodes: {spec.nodes} nodes need claims that are ReadWriteMany: {message}"
    claims = _NAMED.findall(message)
    found = (path for path, value in _strings(spec.wire(), "spec") for claim in claims if _names(path, value, claim))
    field = next(found, None)
    return f"{field}: {message}" if field else message


def _names(path: str, value: str, claim: str) -> bool:
    """Whether it is a URI on the claim, or the claim itself: of a cache, or of a volume of the pod template."""
    place = f"pvc://{claim}"
    return value == place or value.startswith(f"{place}/") or (path.endswith(".claimName") and value == claim)


def _strings(value: object, path: str) -> Iterator[tuple[str, str]]:
    """All strings below a value, each with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, f"{path}[{index}]")
