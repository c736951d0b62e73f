"""Claims that exist and that several pods write to: what one pod alone may mount is refused, of the rest it is warned."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.claim_fields import with_field
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import Admission, admit
from finetune_operator.planning.resolving.shared_claims import shared_claims
from tests.unit.planning.scene import a_job, offer_for

ONE_POD: Final = ("ReadWriteOncePod",)
ONE_NODE: Final = ("ReadWriteOnce",)
CACHE: Final[Json] = {"nodes": 2, "output": {"uri": "pvc://runs/bot"}, "cache": {"claimName": "hub"}}
ATTACHED: Final = 'Multi-Attach error for volume "pvc-6f1d" Volume is already used by pod(s) support-bot-train-1-0'


def admitted(spec: Json, **modes: tuple[str, ...]) -> Admission | Rejection:
    """What is said of the job where claims have these modes."""
    job = a_job(spec)
    return admit(job.spec, replace(offer_for(job), claims=modes))


@pytest.mark.parametrize(("claim", "field"), [("hub", "spec.cache.claimName"), ("runs", "spec.output.uri")])
def test_a_claim_that_one_pod_alone_may_mount_is_refused(claim: str, field: str) -> None:
    said = admitted(CACHE, **{claim: ONE_POD})
    assert isinstance(said, Rejection)
    assert (said.reason, said.param, said.may_mend) == (Reason.INVALID_SPEC, field, False)
    assert said.message == (
        f"{field}: one pod alone may mount the claim {claim}, which is ReadWriteOncePod, and 2 would have to: name a claim "
        "that is ReadWriteMany"
    )


@pytest.mark.parametrize(("claim", "field"), [("hub", "spec.cache.claimName"), ("runs", "spec.output.uri")])
def test_of_a_claim_that_one_node_alone_may_mount_it_is_warned(claim: str, field: str) -> None:
    said = admitted(CACHE, **{claim: ONE_NODE})
    assert isinstance(said, Admission)
    told = (
        f"{field}: the claim {claim} is ReadWriteOnce: pods on another node than the first one's wait for it in vain, while "
        "that one holds its GPUs; name a claim that is ReadWriteMany"
    )
    assert [warning for warning in said.warnings if "claim" in warning] == [told]


@pytest.mark.parametrize(
    ("spec", "modes"),
    [
        (CACHE, {"hub": ("ReadWriteOnce", "ReadWriteMany"), "runs": ("ReadWriteMany",)}),
        (CACHE | {"nodes": 1}, {"hub": ONE_POD, "runs": ONE_NODE}),
        (CACHE, {}),
    ],
    ids=["all nodes may mount them", "one node follows itself", "they are not there yet"],
)
def test_nothing_is_said_where(spec: Json, modes: dict[str, tuple[str, ...]]) -> None:
    said = admitted(spec, **modes)
    assert isinstance(said, Admission)
    assert not [warning for warning in said.warnings if "claim" in warning]


def test_only_claims_of_several_nodes_are_looked_at() -> None:
    assert shared_claims(a_job(CACHE).spec) == ("runs", "hub")
    assert shared_claims(a_job(CACHE | {"nodes": 1}).spec) == ()
    for elsewhere in ("s3://models/bot", "pvc://runs/../etc"):
        assert shared_claims(a_job({"nodes": 2, "output": {"uri": elsewhere}}).spec) == ()


def test_a_volume_that_is_on_another_node_is_told_with_what_several_nodes_need() -> None:
    said = with_field(ATTACHED, a_job(CACHE).spec)
    assert said == f"spec.nodes: 2 nodes need claims that are ReadWriteMany: {ATTACHED}"
    assert with_field(ATTACHED, a_job(CACHE | {"nodes": 1}).spec) == ATTACHED
