"""How long a pod may take to end: as long as its checkpoint takes to be written, twice, and a minute."""

from __future__ import annotations

from finetune_operator.planning.grace import grace_seconds
from tests.unit.planning.resolving.shop import admitted, spec_of
from tests.unit.planning.scene import a_job, resolved_for

LLAMA = {"name": "meta-llama/Llama-3.1-8B"}
WHOLE = {"hyperparameters": {"lora": {"enabled": False}}, "instanceType": "large-x8"}


def test_a_small_checkpoint_and_a_model_of_unknown_size_have_two_minutes() -> None:
    assert grace_seconds("train", admitted(spec_of(model=LLAMA, instanceType="large")).resolved) == 120
    assert grace_seconds("train", resolved_for(a_job())) == 120


def test_eight_billion_weights_with_their_optimizer_have_a_quarter_of_an_hour() -> None:
    """96 GB at 200 MB/s are eight minutes."""
    assert 15 * 60 < grace_seconds("train", admitted(spec_of(model=LLAMA, **WHOLE)).resolved) < 18 * 60


def test_what_has_nothing_to_save_ends_soon() -> None:
    whole = admitted(spec_of(model=LLAMA, **WHOLE)).resolved
    assert {grace_seconds(stage, whole) for stage in ("prepare", "publish")} == {10}
