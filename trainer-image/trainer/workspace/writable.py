"""Whether anything can be kept in a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.failures import UserError
from trainer.workspace.jsonfile import write_json

if TYPE_CHECKING:
    from trainer.workspace.layout import Workspace


def check_writable(workspace: Workspace) -> None:
    """UserError (OutputNotWritable) when nothing can be kept in the workspace."""
    probe = workspace.root / ".writable"
    try:
        write_json(probe, {})
        probe.unlink()
    except OSError as error:
        raise UserError(
            "OutputNotWritable",
            f"the output volume cannot be written to: {error.strerror}",
            param="spec.output",
            advice="The volume must allow writing for the pod's user or fsGroup, and have space left.",
        ) from error
