"""What ends the demo in a way that its reader can act on."""

from __future__ import annotations


class DemoError(Exception):
    """What happened, what to do about it, and what the cluster says.

    Attributes:
        remedy: what to do next, as an instruction.
        evidence: the resource, its events and the logs, as text; empty when there is none.
    """

    def __init__(self, message: str, remedy: str, evidence: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
        self.evidence = evidence
