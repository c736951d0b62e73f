"""A refusal: why nothing is created for a spec."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_operator.api.conditions import Reason


@dataclass(frozen=True)
class Rejection:
    """A spec that is refused: nothing is created for it.

    ``param`` is the path of the field that is to blame. ``may_mend`` is true for what a later apply of the same commit
    may still bring, such as an InstanceType; ``waits`` for what the job waits for as long as it takes, such as a Dataset.
    """

    reason: Reason
    message: str
    param: str
    may_mend: bool = False
    waits: bool = False


def invalid(param: str, message: str) -> Rejection:
    """A value that contradicts what the catalog offers or what another field says; the message names the field first."""
    return Rejection(Reason.INVALID_SPEC, f"{param}: {message}", param)
