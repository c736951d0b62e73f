"""What bounds a step from below when GPUs have little to compute: kernels, and weights that travel."""

from __future__ import annotations

import pytest

from finetune_operator.api.instancetype import Gpu, InstanceTypeSpec
from finetune_operator.planning.sizing.pace import pace
from finetune_operator.planning.sizing.seconds import Pace
from finetune_operator.planning.sizing.training import Training
from tests.unit.planning.sizing.scene import hyperparameters, training

SXM, PCIE = "NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-PCIE-80GB"


def step(asked: Training, tokens: int = 100) -> Pace:
    found = pace(asked, tokens)
    assert found is not None
    return found


def on(gpus: int, product: str | None = SXM, *, nodes: int = 1, lora: bool = True) -> Training:
    """A row on each GPU."""
    hardware = InstanceTypeSpec(
        gpu=Gpu(count=gpus, memory="180Gi", peak_tflops=989, product=product), cpu="8", memory="64Gi"
    )
    given = hyperparameters(batch_size=gpus * nodes, lora=lora)
    return training(given=given, instance_type=hardware, nodes=nodes)


def test_a_short_row_on_one_gpu_takes_what_its_kernels_take() -> None:
    short = step(on(1), tokens=10)
    assert short.seconds == pytest.approx(32 * 3 * 0.001)
    assert "and starting the kernels of 32 blocks 3 times takes 0.096 s at least (assumed: 1 ms a block)" in short.words


def test_eight_gpus_gather_the_model_twice_a_step() -> None:
    gathered = step(on(8))
    assert gathered.seconds == pytest.approx(0.19, abs=0.01)
    assert (
        "and gathering 28 GB of shared weights takes 0.19 s at least (assumed: 150 GB/s between linked"
        in gathered.words
    )


@pytest.mark.parametrize("product", [PCIE, "NVIDIA-L40S", None])
def test_without_links_they_gather_over_pcie(product: str | None) -> None:
    assert step(on(8, product)).seconds == pytest.approx(step(on(8)).seconds * 150 / 12)
    assert "12 GB/s over PCIe" in step(on(8, product)).words


def test_between_nodes_the_network_decides() -> None:
    assert "25 GB/s between nodes" in step(on(8, nodes=2)).words


def test_all_weights_bring_their_gradients() -> None:
    assert step(on(8, lora=False)).seconds == pytest.approx(2 * step(on(8)).seconds, rel=0.05)


def test_long_rows_are_bound_by_computing() -> None:
    assert "at least" not in step(on(8), tokens=8192).words
