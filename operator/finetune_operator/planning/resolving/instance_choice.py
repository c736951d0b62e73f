"""Which hardware a job gets: the one it names, or the cheapest that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from finetune_operator.api.conditions import Reason
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.status import Choice, Fit
from finetune_operator.catalog.catalog import BrokenEntryError, Catalog, UnknownNameError
from finetune_operator.catalog.lookup import did_you_mean
from finetune_operator.planning.rejection import Rejection, invalid

FitOf = Callable[[InstanceTypeSpec], Fit | None]
"""Whether the training fits one type; None when that cannot be known."""
Labels = Mapping[str, str]
PARAM = "spec.instanceType"


@dataclass(frozen=True)
class Hardware:
    """The hardware that was chosen, how well it fits, and why it was chosen when the job named none."""

    name: str
    instance: InstanceTypeSpec
    fit: Fit | None
    choice: Choice | None = None


def choose_instance(
    spec: FineTuneJobSpec, catalog: Catalog, namespace_labels: Labels, fit_of: FitOf
) -> Hardware | Rejection:
    """The hardware of a job, or why it gets none."""
    if spec.instance_type is None:
        return _cheapest(spec, catalog, namespace_labels, fit_of)
    try:
        instance = catalog.instance_type(spec.instance_type)
    except (UnknownNameError, BrokenEntryError) as error:
        return Rejection(Reason.UNKNOWN_INSTANCE_TYPE, f"{PARAM}: {error}", PARAM, may_mend=True)
    if refusal := _refusal(spec, spec.instance_type, instance, namespace_labels):
        return refusal
    fit = fit_of(instance)
    if fit and fit.bytes_per_gpu > fit.available_bytes and not spec.allow_memory_overcommit:
        return Rejection(Reason.DOES_NOT_FIT, f"{PARAM}: {fit.message}", PARAM)
    return Hardware(spec.instance_type, instance, fit)


def _cheapest(spec: FineTuneJobSpec, catalog: Catalog, namespace_labels: Labels, fit_of: FitOf) -> Hardware | Rejection:
    offered = [
        (name, entry)
        for name, entry in catalog.usable_instance_types()
        if entry.automatic and _refusal(spec, name, entry, namespace_labels) is None
    ]
    fits = [(name, entry, fit_of(entry)) for name, entry in offered]
    fitting = [(n, e, f) for n, e, f in fits if f and f.bytes_per_gpu <= f.available_bytes]
    if not fitting:
        return _nothing_fits(fits)
    name, entry, fit = min(fitting, key=lambda found: (*_price(found[1]), found[0]))
    rule = f"the cheapest of {len(fitting)} that fit, of {len(offered)} that are offered here"
    return Hardware(name, entry, fit, Choice(field="instanceType", rule=rule))


def _price(entry: InstanceTypeSpec) -> tuple[bool, float]:
    """What is priced goes first: nobody knows what the others cost."""
    return entry.price_per_hour is None, entry.price_per_hour or 0.0


def _nothing_fits(fits: list[tuple[str, InstanceTypeSpec, Fit | None]]) -> Rejection:
    known = [(name, fit) for name, _, fit in fits if fit]
    if not known:
        message = (
            f"{PARAM}: name one: nothing is known of the model's size, so that none can be chosen; "
            f"offered: {', '.join(name for name, _, _ in fits) or 'none'}"
        )
        return Rejection(Reason.UNKNOWN_INSTANCE_TYPE, message, PARAM, may_mend=True)
    name, nearest = min(known, key=lambda found: found[1].bytes_per_gpu - found[1].available_bytes)
    return Rejection(
        Reason.DOES_NOT_FIT, f"{PARAM}: none that is offered fits; nearest is {name}: {nearest.message}", PARAM
    )


def _refusal(
    spec: FineTuneJobSpec, name: str, instance: InstanceTypeSpec, namespace_labels: Labels
) -> Rejection | None:
    return next(_refusals(spec, name, instance, namespace_labels), None)


def _refusals(
    spec: FineTuneJobSpec, name: str, instance: InstanceTypeSpec, namespace_labels: Labels
) -> Iterator[Rejection]:
    selector, limits, kind = instance.namespace_selector, instance.limits, f"InstanceType {name!r}"
    if selector and not selector.match_labels.items() <= namespace_labels.items():
        wanted = ", ".join(f"{k}={v}" for k, v in sorted(selector.match_labels.items()))
        message = f"{PARAM}: {kind} is for namespaces with the labels {wanted}"
        yield Rejection(Reason.UNKNOWN_INSTANCE_TYPE, message, PARAM, may_mend=True)
    if spec.region is not None and spec.region not in (regions := {r.name: r for r in instance.regions or ()}):
        offered = ", ".join(regions) or "none: leave spec.region out"
        hint = did_you_mean(spec.region, regions)
        yield invalid("spec.region", f"{kind} is not offered in {spec.region!r}{hint}; its regions: {offered}")
    if limits and limits.hours is not None and spec.hours is not None and spec.hours > limits.hours:
        yield invalid("spec.hours", f"{spec.hours:g} were given; {kind} allows at most {limits.hours:g}")
    if limits and limits.nodes is not None and spec.nodes > limits.nodes:
        yield invalid("spec.nodes", f"{spec.nodes} were given; {kind} allows at most {limits.nodes}")
    yield from _undividable(spec, instance)


def _undividable(spec: FineTuneJobSpec, instance: InstanceTypeSpec) -> Iterator[Rejection]:
    """The batch is global, so each GPU (on CPU: each node) must get the same number of rows."""
    batch = spec.hyperparameters.batch_size if spec.hyperparameters else None
    world = world_size(spec.nodes, instance)
    if batch is None or batch % world == 0:
        return
    nearest = max(1, round(batch / world)) * world
    what = "GPUs" if instance.gpu else "nodes"
    message = f"{batch} rows cannot be divided evenly over {world} {what}: give a multiple, such as {nearest}"
    yield invalid("spec.hyperparameters.batchSize", message)


def world_size(nodes: int, instance: InstanceTypeSpec) -> int:
    """Processes that share a batch: one for each GPU, or one for each node on CPU."""
    return nodes * (instance.gpu.count if instance.gpu else 1)
