"""Claims that exist and that all pods of a job with several nodes write to: whether they can be mounted by all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from finetune_operator.api import uris
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.planning.rejection import Rejection, invalid

Modes = Mapping[str, tuple[str, ...]]
"""The access modes of claims, by name; of those that are there and may be read."""


def shared_claims(spec: FineTuneJobSpec) -> tuple[str, ...]:
    """The names of such claims; none for a job of one node, whose pods follow each other."""
    return tuple(claim for _, claim in _shared(spec)) if spec.nodes > 1 else ()


def of_one_pod(spec: FineTuneJobSpec, modes: Modes) -> Rejection | None:
    """The refusal of a claim that one pod alone may mount."""
    for field, claim in _shared(spec):
        if spec.nodes > 1 and set(modes.get(claim, ())) == {"ReadWriteOncePod"}:
            message = (
                f"one pod alone may mount the claim {claim}, which is ReadWriteOncePod, and {spec.nodes} would have to"
            )
            return invalid(field, f"{message}: name a claim that is ReadWriteMany")
    return None


def of_one_node(spec: FineTuneJobSpec, modes: Modes) -> tuple[str, ...]:
    """A warning for each claim that is no ReadWriteMany. It is not refused: two pods may come to one node, and share it."""
    if spec.nodes == 1:
        return ()
    return tuple(
        f"{field}: the claim {claim} is {', '.join(modes[claim])}: pods on another node than the first one's wait for it in "
        "vain, while that one holds its GPUs; name a claim that is ReadWriteMany"
        for field, claim in _shared(spec)
        if claim in modes and "ReadWriteMany" not in modes[claim]
    )


def _shared(spec: FineTuneJobSpec) -> Iterator[tuple[str, str]]:
    """The fields that name such a claim, each with its name."""
    if spec.output and (claim := _claim_of(spec.output.uri or "")):
        yield "spec.output.uri", claim
    if spec.cache and spec.cache.claim_name:
        yield "spec.cache.claimName", spec.cache.claim_name


def _claim_of(uri: str) -> str | None:
    """None for another place, and for what is refused as no place at all."""
    try:
        place = uris.parse(uri)
    except ValueError:
        return None
    return place.claim if isinstance(place, uris.ClaimPath) else None
