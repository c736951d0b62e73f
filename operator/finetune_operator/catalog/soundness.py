"""Whether a catalog entry contradicts itself or another one, and what it leaves out that jobs would profit from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from finetune_operator.api.instancetype import Gpu, InstanceTypeSpec
from finetune_operator.api.quantity import byte_count

SMALLEST_MEMORY: Final = "256Mi"
"""What a pod of ours asks for at least, the check on CPU too."""
REGION_LABEL: Final = "topology.kubernetes.io/region"
SMALLEST_GPU_MEMORY: Final = 2**30
"""Bytes; no GPU that trains has less, and a figure without its unit is one of bytes."""
MOST_GIB: Final = 10_000
"""A bare number up to here was meant as GiB."""
FASTEST_TFLOPS: Final = 20_000.0
"""Of one GPU, dense bf16: several times what the fastest has, and far below what GFLOPS would be."""
_EXTENDED_RESOURCE: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?")


def contradictions_of_instance_type(spec: InstanceTypeSpec) -> Iterator[str]:
    """A sentence for each, the field first."""
    return chain(_memory(spec), _accelerator(spec), _regions(spec))


def gaps_of_instance_type(spec: InstanceTypeSpec) -> Iterator[str]:
    """What may be missing on purpose and still costs something."""
    gpu = spec.gpu
    if gpu and gpu.memory is None:
        yield "gpu.memory is missing: no job is checked for fit, and none gets this type by itself"
    if gpu and gpu.peak_tflops is None:
        yield "gpu.peakTflops is missing: jobs get no estimate of time and cost"
    if spec.price_per_hour is None:
        yield "pricePerHour is missing: costs are not shown, and maxCost has no effect"


def _memory(spec: InstanceTypeSpec) -> Iterator[str]:
    if byte_count(spec.memory) < byte_count(SMALLEST_MEMORY):
        yield f"memory is {spec.memory}: at least {SMALLEST_MEMORY}, which the check of model and data asks for"
    if byte_count(spec.shared_memory) >= byte_count(spec.memory):
        yield (
            f"sharedMemory is {spec.shared_memory}, and memory, which it counts against, is {spec.memory}: give more memory "
            "than shared memory"
        )


def _accelerator(spec: InstanceTypeSpec) -> Iterator[str]:
    if spec.gpu and not _EXTENDED_RESOURCE.fullmatch(spec.gpu.resource_name):
        yield (
            f"gpu.resourceName is {spec.gpu.resource_name}: it must be as a device plugin names it, DOMAIN/NAME, such as "
            "nvidia.com/gpu"
        )
    if spec.gpu:
        yield from _figures(spec.gpu)


def _figures(gpu: Gpu) -> Iterator[str]:
    """Figures of one GPU in the wrong unit: every job would be refused, or its estimate be absurd."""
    if gpu.memory is not None and (given := byte_count(gpu.memory)) < SMALLEST_GPU_MEMORY:
        meant = f"; did you mean {gpu.memory}Gi?" if gpu.memory.isdigit() and given < MOST_GIB else ""
        yield f"gpu.memory is {gpu.memory}, which is {given:,} bytes: one GPU has at least 1Gi{meant}"
    if gpu.peak_tflops is not None and gpu.peak_tflops > FASTEST_TFLOPS:
        meant = f"{gpu.peak_tflops / 1000:g}"
        yield (
            f"gpu.peakTflops is {gpu.peak_tflops:g}: one GPU has at most {FASTEST_TFLOPS:g} TFLOPS; did you mean {meant}, "
            f"as {gpu.peak_tflops:g} GFLOPS are?"
        )


def _regions(spec: InstanceTypeSpec) -> Iterator[str]:
    """A job that chose another region than the one that the node selector demands would wait for ever."""
    pinned = (spec.node_selector or {}).get(REGION_LABEL)
    others = [region.name for region in spec.regions or () if region.name != pinned]
    if pinned is not None and others:
        yield f"nodeSelector demands {REGION_LABEL} {pinned}, and regions offers {', '.join(others)} too"
