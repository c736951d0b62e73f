"""JSON from and to the API server: by pydantic's parser, which is the fastest at hand, and by Python's where that gives up.

Pydantic's reads no document that is nested deeper than 200 and writes none deeper than 255. Whoever may write a
FineTuneJob may nest its free-form fields deeper, and one such job in a list must not hide all others from the operator.
"""

from __future__ import annotations

import json
from typing import cast

from pydantic_core import from_json, to_json

from finetune_operator.api.model import Json


def read_json(text: str | bytes) -> object:
    """The document. Raises ValueError for what is no JSON, or is nested too deeply for Python too."""
    try:
        return from_json(text)
    except ValueError:
        return _read_slowly(text)


def write_json(document: Json) -> bytes:
    """The document as compact JSON, which ``read_json`` reads again."""
    try:
        return to_json(document)
    except ValueError:
        return json.dumps(document, separators=(",", ":")).encode()


def _read_slowly(text: str | bytes) -> object:
    try:
        return cast("object", json.loads(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
