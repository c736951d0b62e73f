"""Whether a training can run on one type of hardware: its GPUs' memory, or on CPU that of the pod."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.planning.quantity import byte_count
from finetune_operator.planning.resolving.subject import Subject
from finetune_operator.planning.sizing.fit import ROOM, Sized, size

SHORT_ROW: Final = 256
"""Tokens. What does not fit with rows of this length is refused before anybody has looked at the data."""
SMALL_ENOUGH_FOR_CPU: Final = 200_000_000
"""Weights of the largest language model that a job gets a CPU type for without naming it: others would take weeks."""
TRAINER_BYTES: Final = 512 * 2**20
"""The trainer itself, on CPU."""
GIB: Final = 2**30


@dataclass(frozen=True)
class Suitability:
    """How a training suits a type of hardware. ``fits`` is None where nobody can say.

    ``why`` has the arithmetic, and for what does not fit the smallest change that makes it fit; ``lacking`` are the bytes
    that are missing, below zero where some are left. ``doubt`` says what the data must still show.
    """

    fits: bool | None
    why: str = ""
    lacking: int = 0
    sized: Sized | None = None
    doubt: str | None = None

    @property
    def sure(self) -> bool:
        """Whether it fits whatever the data show."""
        return self.fits is True and self.doubt is None

    @property
    def roomy(self) -> bool:
        """Whether it is sure even if the formula is under by as much as it may be."""
        fit = self.sized.fit if self.sized else None
        return self.sure and (fit is None or fit.bytes_per_gpu <= fit.available_bytes * ROOM)


def suit(subject: Subject, instance: InstanceTypeSpec) -> Suitability:
    """How the training suits this hardware."""
    if instance.gpu is None:
        return _on_cpu(subject, instance)
    training = subject.on(instance)
    sized = size(training)
    if sized is None:
        return Suitability(None)
    suited = _sized(sized)
    if suited.fits or not subject.open_length:
        return suited
    shortest = size(replace(training, longest_row_tokens=SHORT_ROW))
    if shortest is None or not shortest.fits:
        return _sized(shortest or sized)
    doubt = f"rows as long as the model can do not fit, and the data decide whether the job's do: {suited.why}"
    return replace(suited, fits=True, doubt=doubt)


def _sized(sized: Sized) -> Suitability:
    lacking = sized.fit.bytes_per_gpu - sized.fit.available_bytes
    advice = f". {sized.advice[0].upper()}{sized.advice[1:]}" if sized.advice else ""
    return Suitability(sized.fits, f"{sized.fit.message}{advice}", lacking, sized)


def _on_cpu(subject: Subject, instance: InstanceTypeSpec) -> Suitability:
    """The least that the pod's memory must hold: weights, and what training them takes. Activations come on top."""
    parameters = subject.model.parameters
    if parameters is None or subject.robot:
        return Suitability(None)
    each = _bytes_of_a_weight(subject)
    needed, memory = int(parameters * each) + TRAINER_BYTES, byte_count(instance.memory)
    why = (
        f"{parameters:,} weights x {each:g} bytes and {TRAINER_BYTES / GIB:g} GiB for the trainer = {needed / GIB:.1f} GiB "
        f"of the {memory / GIB:.1f} GiB of the pod"
    )
    if needed > memory:
        advice = f"Choose an instance type with more memory than {needed // GIB + 1}Gi, or with GPUs"
        return Suitability(fits=False, why=f"{why}. {advice}", lacking=needed - memory)
    small = parameters <= SMALL_ENOUGH_FOR_CPU
    return Suitability(fits=True if small else None, why=why, lacking=needed - memory)


def _bytes_of_a_weight(subject: Subject) -> float:
    """On CPU auto is fp32. A weight that is trained has a gradient and two moments besides."""
    given = subject.hyperparameters
    width = 2.0 if given.precision == "bf16" else 4.0
    if given.lora.enabled:
        return 0.5 if given.quantization == "nf4" else width
    return 16.0
