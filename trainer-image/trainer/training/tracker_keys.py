"""The keys by which trackers are reported to, as far as can be told without asking them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.contract.surroundings import Integration

WANDB: Final = "WANDB_API_KEY"
ELSEWHERE: Final = ("offline", "disabled", "dryrun")
"""Values of WANDB_MODE with which no server is spoken to."""
SHORTEST: Final = 40
_WORD: Final = re.compile(r"[\w-]+")
_TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


def check_tracker_keys(integrations: Sequence[Integration], environment: Mapping[str, str]) -> None:
    """UserError (IntegrationKeyInvalid) for a key that wandb's client would refuse when the training begins.

    One that is not there at all is passed over: the stage on CPU may be without it.
    """
    key = environment.get(WANDB)
    if key is None or environment.get("WANDB_MODE") in ELSEWHERE:
        return
    problem = _problem(key)
    for each in integrations:
        if each.type == "wandb" and problem:
            raise UserError(
                "IntegrationKeyInvalid",
                f"the key for Weights & Biases ({WANDB}) {problem}",
                param=f"{each.place}.wandb.apiKeySecretRef",
                advice="Look at the Secret that it names: its value must be the API key alone, without a line's end.",
            )


def _problem(key: str) -> str:
    """What is wrong with a key, by the rules of wandb's own client; empty when nothing is. Nothing of it is told."""
    if not key.strip():
        return "is empty"
    if key != key.strip():
        return "begins or ends with a blank or a line's end"
    if _TOKEN.fullmatch(key):
        return ""
    secret = key.partition("-")[2] or key
    if not _WORD.fullmatch(secret):
        return "has characters that none has: letters, digits and underscores are allowed"
    return f"has {len(secret)} characters, must have {SHORTEST} or more" if len(secret) < SHORTEST else ""
