"""``InstanceType``: hardware that an administrator offers by name."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_operator.api.model import ApiModel, Quantity, Rule, Text


class Gpu(ApiModel):
    """The accelerators of one node of this type."""

    count: Annotated[int, Field(ge=1, le=64)]
    """GPUs that a pod of this type gets."""
    resource_name: Annotated[str, Field(max_length=253)] = "nvidia.com/gpu"
    """The extended resource that the pod asks for, as the device plugin names it."""
    product: Annotated[str | None, Field(max_length=128)] = None
    """The product, for people: NVIDIA-H100-80GB-HBM3."""
    memory: Quantity | None = None
    """Memory of one GPU: 80Gi. Without it no job can be checked for fit."""
    peak_tflops: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Peak of one GPU in TFLOPS, dense bf16, as its data sheet says; estimates of time rest on it."""


class Toleration(ApiModel):
    """A taint that pods of this type tolerate, as in core/v1."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(has(self.key) && self.key != '') || self.operator == 'Exists'",
            "without a key a toleration needs operator Exists, which tolerates every taint",
        ),
        Rule(
            "self.operator != 'Exists' || !has(self.value) || self.value == ''",
            "operator Exists takes no value",
            "'operator Exists takes no value; given: %s'.format([self.value])",
            ".value",
        ),
    )

    key: Annotated[str | None, Field(max_length=317)] = None
    """The taint's key; absent with operator Exists tolerates every taint."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Exists ignores the value."""
    value: Annotated[str | None, Field(max_length=63)] = None
    """The taint's value."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; absent: every effect."""


class Region(ApiModel):
    """A place where the hardware stands."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$")]
    """As nodes bear it in the label topology.kubernetes.io/region."""
    description: Annotated[str, Field(max_length=255)] | None = None
    """For people who choose."""


class NamespaceSelector(ApiModel):
    """Which namespaces may use it."""

    match_labels: Annotated[
        dict[Annotated[str, Field(max_length=317)], Annotated[str, Field(max_length=63)]], Field(max_length=16)
    ]
    """Labels that a namespace must bear, all of them."""


class Limits(ApiModel):
    """What one job may ask of it."""

    hours: Annotated[float, Field(gt=0, le=168)] | None = None
    """The longest budget."""
    nodes: Annotated[int, Field(ge=1, le=64)] | None = None
    """The most nodes; 1 when the hardware has no fast network between them."""


class InstanceTypeSpec(ApiModel):
    """What a pod of this type gets, where it may run, and what an hour of it costs."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.pricePerHour) == has(self.currency)",
            "pricePerHour and currency belong together: give both or neither",
            "'pricePerHour and currency belong together: %s is missing'.format([has(self.currency) ? 'pricePerHour' : "
            "'currency'])",
        ),
    )

    description: Text | None = None
    """One sentence for people who choose."""
    gpu: Gpu | None = None
    """Accelerators; absent for a CPU type."""
    cpu: Quantity
    """CPU of the training pod, requested and limited: 8, 500m."""
    memory: Quantity
    """Memory of the training pod, requested and limited, shared memory included: 32Gi."""
    ephemeral_storage: Quantity | None = None
    """Ephemeral storage of the training pod, requested and limited."""
    shared_memory: Quantity = "1Gi"
    """Size of /dev/shm; counts against memory."""
    regions: Annotated[tuple[Region, ...], Field(max_length=32)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    )
    """Where it stands; a job may choose one of them. Absent: a job cannot choose."""
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=16)] | None = None
    """Labels that a node must bear."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] | None = None
    """Taints that the pods tolerate. The GPU resource's own taint is always tolerated."""
    capacity_type: Literal["onDemand", "spot"] = "onDemand"
    """spot may be taken away at any time; jobs resume from their last checkpoint."""
    price_per_hour: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    """Price of an hour of one node of this type, for estimates and accrued cost."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", max_length=3)] | None = None
    """Three letters: EUR, USD."""
    limits: Limits | None = None
    """What one job may ask of it."""
    namespace_selector: NamespaceSelector | None = None
    """Which namespaces may use it; all when absent."""
    automatic: bool = True
    """Whether a job that names no instance type may get this one."""
