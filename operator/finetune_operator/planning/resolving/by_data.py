"""Values that depend on the data: batch size and epochs, from the number of rows."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_operator.api.finetunejob import LARGEST_BATCH
from finetune_operator.api.finetunejob.words import ROBOT_JOB_TYPES, JobType
from finetune_operator.api.resolved import Choice, ResolvedHyperparameters
from finetune_operator.planning.resolving import rules
from finetune_operator.planning.resolving.automatic import Chosen, noted


@dataclass(frozen=True)
class Data:
    """What the rules ask of the data and the hardware.

    ``sequences`` are what a batch is made of: rows, or packed sequences; None when an image does not report them. ``world``
    processes share a batch, and ``most`` is the largest one that the model's limits allow.
    """

    sequences: int | None
    world: int = 1
    most: int = LARGEST_BATCH
    robot: bool = False


def choose_by_data(values: ResolvedHyperparameters, data: Data) -> Chosen:
    """The values with batch size and epochs; robot policies may have neither epochs nor steps: their hours end them."""
    made: list[Choice] = []
    batch, epochs = values.batch_size, values.epochs
    if batch is None:
        batch, rule = _batch(data)
        made.append(noted("batchSize", rule))
    if epochs is None and values.steps is None and not data.robot:
        epochs = float(epochs_for(data.sequences))
        made.append(noted("epochs", rules.epochs_rule(data.sequences)))
    # The base model's default batch may suit another number of GPUs; what a job gave itself divides already.
    update = {"batch_size": multiple(batch, data.world, data.most), "epochs": epochs}
    return Chosen(values.model_copy(update=update), tuple(made))


def robot_batch(values: ResolvedHyperparameters, job_type: JobType) -> ResolvedHyperparameters:
    """The values as memory is reckoned from before the data are known: a robot policy's batch does not depend on them."""
    if values.batch_size is not None or job_type not in ROBOT_JOB_TYPES:
        return values
    return values.model_copy(update={"batch_size": rules.DEFAULT_BATCH})


def epochs_for(sequences: int | None) -> int:
    """Three passes; at least a hundred examples seen (at most 25 passes), at most 25,000 (at least one pass).

    The rule that OpenAI's cookbook publishes.
    """
    if not sequences:
        return rules.TARGET_EPOCHS
    seen = rules.TARGET_EPOCHS * sequences
    if seen < rules.FEWEST_EXAMPLES:
        return min(rules.MOST_EPOCHS, rules.FEWEST_EXAMPLES // sequences)
    if seen > rules.MOST_EXAMPLES:
        return max(1, rules.MOST_EXAMPLES // sequences)
    return rules.TARGET_EPOCHS


def batch_for(sequences: int) -> int:
    """The power of two at or below 0.2 % of the rows, from 4 to 64, lowered for four steps an epoch."""
    share = int(rules.BATCH_SHARE * sequences)
    wanted = min(max(share, rules.SMALLEST_BATCH), rules.LARGEST_AUTOMATIC_BATCH)
    batch = 1 << (wanted.bit_length() - 1)
    while batch > 1 and sequences // batch < rules.FEWEST_STEPS_PER_EPOCH:
        batch //= 2
    return batch


def multiple(batch: int, world: int, most: int = LARGEST_BATCH) -> int:
    """The next multiple of the processes; the largest one that is allowed if that is too large."""
    return min(-(-batch // world), max(most // world, 1)) * world


def _batch(data: Data) -> tuple[int, str]:
    if data.robot or not data.sequences:
        return rules.DEFAULT_BATCH, rules.batch_rule(None, data.world)
    return batch_for(data.sequences), rules.batch_rule(data.sequences, data.world)
