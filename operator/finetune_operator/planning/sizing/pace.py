"""How long one optimizer step takes: floating-point operations over what the hardware really gives."""

from __future__ import annotations

from typing import Final

from finetune_operator.planning.sizing.fit import heaviest
from finetune_operator.planning.sizing.floor import least
from finetune_operator.planning.sizing.language import LanguageModel, language_model
from finetune_operator.planning.sizing.load import row_tokens
from finetune_operator.planning.sizing.seconds import Pace
from finetune_operator.planning.sizing.training import Training
from finetune_operator.planning.sizing.words import counted, figures, plural

EFFICIENCY: Final = 0.44
"""Of a GPU's dense bf16 peak, recomputation counted as work, with long sequences on one node."""
BETWEEN_NODES: Final = 0.7
"""What is left of it when weights are gathered over a network."""
UNPACKING: Final = 0.85
"""What is left of it when 4-bit weights are unpacked for each use."""
IDLE_TOKENS: Final = 200
"""A pass costs the time of this many tokens more than it has: small passes do not fill a GPU."""
POLICY_SECONDS: Final = 20e-12
"""Of a robot policy: seconds for each weight and row, on a GPU of POLICY_PEAK TFLOPS."""
POLICY_PEAK: Final = 989.0
SHORTEST_STEP: Final = 0.05
"""Seconds that reading pictures and starting kernels take however small a policy is."""


def pace(training: Training, tokens_per_row: float | None) -> Pace | None:
    """The pace with rows of this many tokens on average; None where peak TFLOPS or the model's size are not known."""
    gpu = training.instance_type.gpu
    if gpu is None or gpu.peak_tflops is None:
        return None
    model = language_model(training.model)
    if model is not None:
        return _language(training, model, (tokens_per_row or row_tokens(training), gpu.peak_tflops))
    if training.model.parameters is None or training.model.family == "trl":
        return None
    return _policy(training, training.model.parameters, gpu.peak_tflops)


def operations_per_token(training: Training, model: LanguageModel, row_length: float) -> float:
    """Floating-point operations of one token: 2 for each weight and pass, and the attention to what stands before it.

    Passes: forward, again when a block is recomputed, backward for activations, and backward for weights if they are
    trained; one more forward of the reference for preference data.
    """
    passes = (3 if training.hyperparameters.lora.enabled else 4) + (1 if training.job_type == "dpo" else 0)
    # An embedding is looked up, not multiplied; tied to the head it is both.
    weights = model.active - (model.embedding if model.outside >= 2 * model.embedding else 0)
    attention = 2 * model.architecture.layers * model.queries * row_length
    return passes * (2 * weights + attention)


def efficiency(training: Training, tokens_at_once: float) -> float:
    """The part of the peak that is really used."""
    share = EFFICIENCY * tokens_at_once / (tokens_at_once + IDLE_TOKENS)
    if training.nodes > 1:
        share *= BETWEEN_NODES
    return share * UNPACKING if training.hyperparameters.quantization == "nf4" else share


def _language(training: Training, model: LanguageModel, row_and_peak: tuple[float, float]) -> Pace:
    row, peak = row_and_peak
    gpus, sequences = max(1, training.gpus), 2 if training.job_type == "dpo" else 1
    load, _ = heaviest(training, model)
    tokens = training.rows_per_gpu * gpus * sequences * row
    operations = operations_per_token(training, model, row)
    used = efficiency(training, load.rows * sequences * row)
    computed = tokens * operations / (gpus * peak * 1e12 * used)
    words = (
        f"{counted(tokens)} tokens x {operations / 1e9:.0f} GFLOP a step, over {plural(gpus, 'GPU')} x {peak:g} TFLOPS "
        f"at {100 * used:.0f} %, take {figures(computed)} s"
    )
    floor = least(training, load)
    if floor.seconds <= computed:
        return Pace(computed, words)
    return Pace(floor.seconds, f"{words}, and {floor.words}")


def _policy(training: Training, parameters: int, peak: float) -> Pace:
    """From step times seen on A100 and H100, which differ by less than their peaks: by about the root of them."""
    per_row = POLICY_SECONDS * parameters * (POLICY_PEAK / peak) ** 0.5
    seconds = max(SHORTEST_STEP, training.rows_per_gpu * per_row)
    words = (
        f"{plural(training.rows_per_gpu, 'row')} on each GPU x {counted(parameters)} weights x "
        f"{POLICY_SECONDS * 1e12:g} ps, on {peak:g} instead of {POLICY_PEAK:g} TFLOPS, take {figures(seconds)} s a step"
    )
    return Pace(seconds, words)
