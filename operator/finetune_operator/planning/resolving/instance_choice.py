"""Which hardware a job gets: the one it names, or the cheapest that fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from finetune_operator.api.conditions import Reason
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.resolved import Choice
from finetune_operator.catalog.catalog import BrokenEntryError, Catalog, UnknownNameError
from finetune_operator.catalog.lookup import did_you_mean
from finetune_operator.planning.rejection import Rejection, invalid
from finetune_operator.planning.resolving.subject import world_size
from finetune_operator.planning.resolving.suitability import Suitability

SuitOf = Callable[[InstanceTypeSpec], Suitability]
"""How the training suits one type of hardware."""
Offered = tuple[str, InstanceTypeSpec]
Labels = Mapping[str, str]
PARAM: Final = "spec.instanceType"
OVERRIDE: Final = "allowMemoryOvercommit starts it all the same"
MOST_NAMED: Final = 3
"""Types that a refusal says something of."""
LONGEST_NAME: Final = 63


@dataclass(frozen=True)
class Ground:
    """What hardware can be chosen from, and for whom. ``most_rows`` is the largest batch that is allowed."""

    spec: FineTuneJobSpec
    catalog: Catalog
    namespace_labels: Labels
    most_rows: int


@dataclass(frozen=True)
class Hardware:
    """The hardware that was chosen, how it suits, and why it was chosen when the job named none."""

    name: str
    instance: InstanceTypeSpec
    suited: Suitability
    choice: Choice | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the job should know before the data are looked at."""
        if self.suited.fits is False:
            return (f"{PARAM}: starts although it does not fit: {self.suited.why}",)
        return (f"{PARAM}: {self.suited.doubt}",) if self.suited.doubt else ()


def choose_instance(ground: Ground, suit_of: SuitOf) -> Hardware | Rejection:
    """The hardware of a job, or why it gets none."""
    name = ground.spec.instance_type
    if name is None:
        return _cheapest(ground, suit_of)
    try:
        instance = ground.catalog.instance_type(name)
    except (UnknownNameError, BrokenEntryError) as error:
        return Rejection(Reason.UNKNOWN_INSTANCE_TYPE, f"{PARAM}: {error}", PARAM, may_mend=True)
    if refusal := _refusal(ground, name, instance):
        return refusal
    suited = suit_of(instance)
    if suited.fits is False and not ground.spec.allow_memory_overcommit:
        return does_not_fit(f"{name} does not hold it: {suited.why}")
    return Hardware(name, instance, suited)


def does_not_fit(why: str) -> Rejection:
    """A refusal for want of memory."""
    return Rejection(Reason.DOES_NOT_FIT, f"{PARAM}: {why}; {OVERRIDE}", PARAM)


def _cheapest(ground: Ground, suit_of: SuitOf) -> Hardware | Rejection:
    """The cheapest that fits with room to spare however long the rows are, else the one with the most room.

    With ``allowMemoryOvercommit`` the one that lacks least.
    """
    offered, refusals = _offered(ground)
    tried: list[Hardware] = []
    for name, instance in offered:
        suited = suit_of(instance)
        if suited.roomy:
            rule = f"the cheapest that fits, of {_this_many(offered)}{_in_one_currency(offered)}"
            return _chosen(Hardware(name, instance, suited), rule)
        tried.append(Hardware(name, instance, suited))
    known = [each for each in tried if each.suited.fits is not None]
    if not known:
        return _nothing_known(tried, refusals)
    if tight := [each for each in known if each.suited.sure]:
        roomiest = min(tight, key=lambda each: each.suited.lacking)
        return _chosen(roomiest, f"the most room of {_this_many(offered)}, of which none has a tenth to spare")
    nearest = min(known, key=lambda each: each.suited.lacking)
    if ground.spec.allow_memory_overcommit:
        return _chosen(nearest, f"the one that lacks the least memory, of {_this_many(offered)}")
    why = f"{nearest.name} is nearest: {nearest.suited.why}"
    return does_not_fit(f"none of {_this_many(offered)} fits; {why}")


def _offered(ground: Ground) -> tuple[list[Offered], list[Rejection]]:
    """Types that may be chosen, the cheapest first: what is priced, for nobody knows what the others cost; then by name."""
    refusals: list[Rejection] = []
    offered: list[Offered] = []
    for name, instance in ground.catalog.usable_instance_types():
        if not instance.automatic or len(name) > LONGEST_NAME:
            continue
        if refusal := _refusal(ground, name, instance):
            refusals.append(refusal)
        else:
            offered.append((name, instance))
    usual = next(iter(_currencies(offered)), "")

    def price(each: Offered) -> tuple[bool, bool, str, float, str]:
        name, instance = each
        currency = instance.currency or ""
        return instance.price_per_hour is None, currency != usual, currency, instance.price_per_hour or 0.0, name

    return sorted(offered, key=price), refusals


def _currencies(offered: list[Offered]) -> list[str]:
    """The currencies of the prices, the commonest first: amounts of different ones cannot be compared."""
    counts = Counter(instance.currency or "" for _, instance in offered if instance.price_per_hour is not None)
    return sorted(counts, key=lambda currency: (-counts[currency], currency))


def _in_one_currency(offered: list[Offered]) -> str:
    currencies = _currencies(offered)
    return (
        f"; those in {currencies[0]} first, for prices in {currencies[1]} cannot be compared" if currencies[1:] else ""
    )


def _this_many(offered: list[Offered]) -> str:
    return f"{len(offered)} that are offered to this job"


def _chosen(hardware: Hardware, rule: str) -> Hardware:
    return replace(hardware, choice=Choice(field="instanceType", rule=rule))


def _nothing_known(tried: list[Hardware], refusals: list[Rejection]) -> Rejection:
    if not tried and refusals:
        return refusals[0] if len(refusals) == 1 else _all_refused(refusals)
    why = (
        "nothing is known of the model's size or of the GPUs' memory" if tried else "this cluster offers none to choose"
    )
    names = ", ".join(sorted(each.name for each in tried)) or "none"
    message = f"{PARAM}: name one, for {why}; offered: {names}"
    return Rejection(Reason.UNKNOWN_INSTANCE_TYPE, message, PARAM, may_mend=True)


def _all_refused(refusals: list[Rejection]) -> Rejection:
    """What most types have against a job stands first."""
    reasons = sorted({r.message for r in refusals})
    more = f" (and {len(reasons) - MOST_NAMED} more)" if len(reasons) > MOST_NAMED else ""
    message = f"{PARAM}: none of the {len(refusals)} types can take the job: {'; '.join(reasons[:MOST_NAMED])}{more}"
    mends = any(refusal.may_mend for refusal in refusals)
    reason = Reason.UNKNOWN_INSTANCE_TYPE if mends else Reason.INVALID_SPEC
    return Rejection(reason, message, PARAM, may_mend=mends)


def _refusal(ground: Ground, name: str, instance: InstanceTypeSpec) -> Rejection | None:
    return next(_refusals(ground, name, instance), None)


def _refusals(ground: Ground, name: str, instance: InstanceTypeSpec) -> Iterator[Rejection]:
    spec, limits, kind = ground.spec, instance.limits, f"InstanceType {name!r}"
    selector = instance.namespace_selector
    if selector and not selector.match_labels.items() <= ground.namespace_labels.items():
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
    yield from _undividable(ground, instance)


def _undividable(ground: Ground, instance: InstanceTypeSpec) -> Iterator[Rejection]:
    """The batch is global, so each GPU (on CPU: each node) must get the same number of rows, and one at least."""
    spec, most = ground.spec, ground.most_rows
    world, what = world_size(spec.nodes, instance), "GPUs" if instance.gpu else "nodes"
    if world > most:
        yield invalid("spec.nodes", f"{world} {what} cannot share a batch of at most {most} rows: give fewer nodes")
        return
    batch = spec.hyperparameters.batch_size if spec.hyperparameters else None
    if batch is None or batch % world == 0:
        return
    nearest = min(max(1, round(batch / world)), most // world) * world
    message = f"{batch} rows cannot be divided evenly over {world} {what}: give a multiple, such as {nearest}"
    yield invalid("spec.hyperparameters.batchSize", message)
