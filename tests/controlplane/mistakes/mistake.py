"""One mistake that people make: what they wrote, what the answer says, and what they should have written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from finetune_operator.api.model import Json
from tests.support.trial import manifest


@dataclass(frozen=True)
class Mistake:
    """A wrong manifest beside its nearest right one. ``None`` in either takes a field of the smallest resource away."""

    wrong: Json
    """Fields of the spec, as they were written."""
    at: str
    """The field that the answer names."""
    given: str
    """The value as the answer repeats it; empty where there is none to repeat."""
    remedy: str
    """What is allowed or to be done, in the answer's words."""
    right: Json
    """The same after the remedy; it is accepted."""
    smallest: Json = field(default_factory=dict)
    """What the fields are laid over."""
    kind: str = "FineTuneJob"

    def manifest(self, spec: Json) -> Json:
        """The resource with these fields."""
        merged = {**self.smallest, **spec}
        return manifest(self.kind, "the-job", {key: value for key, value in merged.items() if value is not None})


Mistakes = dict[str, Mistake]

LANGUAGE: Final[Json] = {
    "jobType": "sft",
    "model": {"name": "qwen3-4b"},
    "datasets": [{"name": "questions", "uri": "configmap://questions/train.jsonl"}],
}
"""The smallest job for a language model."""

CAMERAS: Final[Json] = {"cam_1": "observation.images.top", "cam_2": "observation.images.wrist"}
ROBOT: Final[Json] = {
    "jobType": "vla",
    "model": {"type": "smolvla", "name": "lerobot/smolvla_base"},
    "datasets": [{"name": "pusht", "uri": "hf://lerobot/pusht"}],
    "cameraMappings": CAMERAS,
    "hours": 1,
}
"""A usual job for a robot policy."""


@dataclass(frozen=True)
class Desk:
    """Writes mistakes of one kind over one smallest resource."""

    smallest: Json
    kind: str = "FineTuneJob"

    def __call__(self, wrong: Json, at: str, given: str, remedy: str, right: Json) -> Mistake:
        """One mistake."""
        return Mistake(wrong, at, given, remedy, right, self.smallest, self.kind)


language: Final = Desk(LANGUAGE)
robot: Final = Desk(ROBOT)
