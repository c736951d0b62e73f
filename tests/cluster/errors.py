"""The one error that people see from the local cluster: what happened, and what to do about it."""

from __future__ import annotations


class ClusterError(Exception):
    """Something a person can act on.

    Attributes:
        message: what happened, with the value that was found.
        remedy: what to do next, as an instruction.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message}\n  What to do: {remedy}")
        self.message = message
        self.remedy = remedy


OWN_CLUSTER = "use a cluster that you have: CLUSTER=current takes the current context of your kubeconfig"


def log_tail(text: str, lines: int = 15) -> str:
    """The last lines of a log, indented so that they stand apart from the sentence above them."""
    return "\n".join(f"    | {line}" for line in text.splitlines()[-lines:]) or "    | (the log is empty)"
