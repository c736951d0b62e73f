"""What the schema cannot know the operator refuses: each answer names the field, the value and what is allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from finetune_operator.api.conditions import Phase
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.resources import BASEMODELS, DATASETS, INSTANCETYPES
from tests.controlplane.refusals import BASE_MODELS, INSTANCE_TYPES, LANGUAGE, REFUSALS, VLA, Refused
from tests.controlplane.stage import Stage
from tests.support.objects import dataset

pytestmark = pytest.mark.controlplane

AFTER_GRACE = timedelta(seconds=12)


@pytest.fixture
async def shop(stage: Stage) -> AsyncIterator[Stage]:
    """The stage with the catalog that the table is about, and a registered Dataset."""
    offered = [(INSTANCETYPES, body) for body in INSTANCE_TYPES] + [(BASEMODELS, body) for body in BASE_MODELS]
    for resource, body in offered:
        await stage.world.create(resource, None, body)
    await stage.world.create(DATASETS, stage.namespace, dataset("questions"))
    yield stage
    for resource, body in offered:
        await stage.world.delete(resource, None, body["metadata"]["name"])


def true_of(status: FineTuneJobStatus) -> set[str]:
    """The conditions that hold."""
    return {each.type for each in status.conditions if each.status == "True"}


@pytest.mark.parametrize("refused", REFUSALS.values(), ids=REFUSALS.keys())
async def test_the_answer_names_field_value_and_remedy(shop: Stage, refused: Refused) -> None:
    await shop.apply(**refused.spec)
    shop.operator.skew = AFTER_GRACE
    seen = await shop.visit()

    assert seen.reason == refused.reason
    assert all(words in (seen.message or "") for words in refused.words), seen.message
    assert (seen.message or "").startswith(f"{refused.param}: ")
    if refused.waits:
        assert (seen.phase, seen.failure, true_of(seen)) == (Phase.PENDING, None, {"Reconciling"})
    else:
        assert seen.phase == Phase.FAILED
        assert seen.failure is not None
        assert (seen.failure.cause, seen.failure.code, seen.failure.param) == ("User", refused.reason, refused.param)
        assert true_of(seen) == {"Failed", "Stalled"}
    assert await shop.jobs() == []
    assert {plural for _, plural in shop.operator.writes()} == {"finetunejobs", "events"}


@pytest.mark.parametrize("spec", [LANGUAGE, VLA], ids=["language", "robots"])
async def test_without_the_mistake_the_job_is_accepted(shop: Stage, spec: dict[str, object]) -> None:
    await shop.apply(**spec)
    seen = await shop.visit()
    assert seen.phase == Phase.VALIDATING
    assert await shop.jobs() == ["prepare-1"]


def test_the_table_is_long_enough() -> None:
    assert len(REFUSALS) >= 25
    assert len({refused.param for refused in REFUSALS.values()}) >= 12
