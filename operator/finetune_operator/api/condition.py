"""One condition of a status."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from finetune_operator.api.model import ApiModel


class Condition(ApiModel):
    """As metav1.Condition."""

    type: Annotated[str, Field(max_length=316)]
    """The aspect of the job that this condition tells of."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Field(max_length=1024)]
    """Why, in one word."""
    message: Annotated[str, Field(max_length=2048)] = ""
    """Why, in a sentence."""
    last_transition_time: datetime
    """When the status of this condition last changed."""
    observed_generation: int | None = None
    """The generation of the spec that this condition is about."""
