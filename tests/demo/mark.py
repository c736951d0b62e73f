"""The label on everything that the demo makes, so that it never takes somebody else's for its own."""

from __future__ import annotations

from collections.abc import Mapping

from finetune_operator.api.names import GROUP
from tests.demo.kubectl import Json

LABEL = f"{GROUP}/made-by"
MAKER = "demo"
MARK = f"{LABEL}={MAKER}"
"""As kubectl and Helm take it."""


def marked(document: Json) -> Json:
    """The manifest with the label."""
    metadata = document["metadata"]
    return {**document, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), LABEL: MAKER}}}


def is_marked(labels: Mapping[str, str]) -> bool:
    """Whether these labels are those of something that the demo made."""
    return labels.get(LABEL) == MAKER
