"""What an attempt's end means when the processes did not say it themselves. Pure decisions."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.contract.verdict import EXIT_CODES
from trainer.failures import PEER_LOST, Broken, Interrupted, StageEnd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.workspace.ledger import Ledger


OVERRUN_SECONDS: Final = 300.0
"""Beyond its budget and a tenth of it, that a training is left alone: it may be in a long save or evaluation."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What PID 1 knows about an end: exit codes (negative: signals), why it intervened, the kernel's memory kills.

    `stalled` is how the attempt ends when the training gave no sign of life.
    """

    codes: Sequence[int]
    asked_to_end: bool = False
    overdue: bool = False
    memory_kills: int = 0
    stalled: StageEnd | None = None

    @property
    def signals(self) -> list[int]:
        """The signals that ended processes. When one has failed PID 1 ends the others: their SIGTERM is no cause."""
        found = [-code for code in self.codes if code < 0]
        causes = [number for number in found if number != signal.SIGTERM]
        return causes or ([] if any(code > 0 for code in self.codes) else found)


def only_follows(verdict: Mapping[str, object], seen: Circumstances) -> bool:
    """Whether a verdict tells no more than that a process is gone which was one of this very pod's."""
    first = next(filter(None, seen.codes), 0)
    return verdict.get("code") == PEER_LOST and first not in (0, EXIT_CODES["retry"])


def end_without_verdict(seen: Circumstances) -> StageEnd:
    """How the stage ended, told from outside."""
    signals = seen.signals
    if signal.SIGKILL in signals and seen.memory_kills > 0:
        return Broken(
            "HostOutOfMemory",
            "the kernel ended the training process because the pod's memory limit was reached",
            param="spec.instanceType",
            advice="Choose an instance type with more memory, or a smaller model or contextLength.",
        )
    if seen.asked_to_end:
        return Interrupted(
            "Terminated", "asked to end by SIGTERM and ended without saving; the newest complete checkpoint holds"
        )
    if signals:
        name = signal.Signals(signals[0]).name
        code = "Killed" if signals[0] == signal.SIGKILL else "Crashed"
        return Broken(code, f"the training process was ended by {name} and left no verdict")
    return Broken(
        "NoVerdict", f"the training process exited with code {next(filter(None, seen.codes), 0)} and left no verdict"
    )


def overdue_end(ledger: Ledger, budget: float) -> StageEnd:
    """How a stage ended that PID 1 had to end because the trainer did not mind its budget."""
    return Broken(
        "DeadlineExceeded",
        f"the training went on after its budget of {max(budget, ledger.budget_seconds):.0f} s was used up and was ended after"
        f" {ledger.training_seconds:.0f} s",
    )


def is_overdue(ledger: Ledger, budget: float, used_before: float) -> bool:
    """Whether training has outrun its budget by so much that it cannot be minding it. `budget` is run.json's.

    `used_before` is what earlier attempts used: one that begins with nothing left still has to finish the model.
    """
    in_force = max(budget, ledger.budget_seconds)
    return ledger.training_seconds > max(1.1 * in_force, used_before) + OVERRUN_SECONDS


def process_exit_code(verdict_code: int, seen: Circumstances) -> int:
    """PID 1's own exit code: the verdict's, but for a process that a signal ended the shell's 128 + signal."""
    return 128 + seen.signals[0] if verdict_code == 1 and seen.signals else verdict_code
