"""What a step of a language model takes however fast its GPUs compute: starting kernels, and gathering shared weights."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.instancetype import Gpu
from finetune_operator.planning.sizing.load import Load
from finetune_operator.planning.sizing.seconds import Pace
from finetune_operator.planning.sizing.training import Training
from finetune_operator.planning.sizing.words import figures

KERNELS: Final = 0.001
"""Seconds that starting the kernels of one block takes in each pass: about a hundred of some ten microseconds."""
PASSES: Final = 3
"""Forward, forward again, backward."""
GB: Final = 1e9
SWITCHED: Final = 150.0
"""GB a second that one GPU receives of its neighbours' weights over a switch of links, such as NVLink."""
PLUGGED: Final = 12.0
"""The same over PCIe."""
NETWORK: Final = 25.0
"""The same between nodes, with a fast network."""
LINKED: Final = ("SXM", "H100-80GB-HBM3", "H200", "B200", "GB200", "GB300", "B300", "HGX", "NVL", "MI3")
"""What the names of products have whose GPUs are linked; all others are taken to talk over PCIe."""


def least(training: Training, load: Load) -> Pace:
    """The longer of both: weights are gathered while others compute."""
    batches = max(1, training.rows_per_gpu // load.rows)
    blocks = load.model.architecture.layers
    started = Pace(
        batches * blocks * PASSES * KERNELS,
        f"starting the kernels of {batches * blocks} blocks {PASSES} times takes "
        f"{figures(batches * blocks * PASSES * KERNELS)} s at least (assumed: {KERNELS * 1000:g} ms a block)",
    )
    if load.shards == 1:
        return started
    moved, (speed, way) = batches * _moved(load), _link(training)
    seconds = moved / (speed * GB)
    gathered = Pace(
        seconds,
        f"gathering {figures(moved / GB)} GB of shared weights takes {figures(seconds)} s at least (assumed: {speed:g} GB/s "
        f"{way})",
    )
    return max(started, gathered, key=lambda each: each.seconds)


def _moved(load: Load) -> float:
    """Bytes that one GPU receives for a micro-batch: weights forward and backward, and gradients of all that train.

    All but its own part; a frozen half in 4 bits travels in 4 bits.
    """
    model, widths = load.model, load.widths
    gradients = load.trained * widths.gradient
    if load.adapter is None:
        weights = float(model.parameters * widths.computed)
    else:
        weights = model.linear * widths.frozen + (model.parameters - model.linear) * widths.outside
    return (2 * weights + gradients) * (load.shards - 1) / load.shards


def _link(training: Training) -> tuple[float, str]:
    if training.nodes > 1:
        return NETWORK, "between nodes"
    gpu = training.instance_type.gpu
    return (SWITCHED, "between linked GPUs") if gpu and _linked(gpu) else (PLUGGED, "over PCIe")


def _linked(gpu: Gpu) -> bool:
    return gpu.product is not None and "PCIE" not in gpu.product.upper() and any(each in gpu.product for each in LINKED)
