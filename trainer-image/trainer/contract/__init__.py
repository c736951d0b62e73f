"""What the trainer and the operator say to each other, as frozen values: run.json, progress, reply, verdict."""

from __future__ import annotations

from typing import Final

CONTRACT_VERSION: Final = 1
"""The only version of the contract that this program speaks."""
