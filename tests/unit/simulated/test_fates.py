"""The fates of simulated pods are what the operator can read, and chance is repeatable."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Final

import pytest
from jsonschema import Draft202012Validator

from tests.architecture.tree import ROOT
from tests.simulated.fates import Fate, Plan, draw
from tests.simulated.outcomes import outcomes
from tests.simulated.stages import Paces, stages

SCHEMA: Final = Path(ROOT, "trainer-image", "contract", "verdict.schema.json")
CASES: Final = [(stage, fate, outcome) for stage, table in outcomes(2.0).items() for fate, outcome in table.items()]


@pytest.mark.parametrize(("stage", "fate", "outcome"), CASES, ids=lambda value: str(value)[:24])
def test_a_verdict_keeps_the_contract(stage: str, fate: str, outcome: dict[str, object]) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    verdict = outcome.get("verdict")
    assert isinstance(verdict, dict) or fate in {Fate.OUT_OF_MEMORY, Fate.EVICTED}
    if isinstance(verdict, dict):
        validator.validate({**verdict, "stage": stage, "attempt": 1})


def test_training_knows_every_fate() -> None:
    assert set(Fate) <= set(outcomes(1.0)["train"])


def test_a_plan_is_told_by_labels() -> None:
    plan = Plan({("train", 1): Fate.EVICTED}, seconds=0.25)
    assert plan.labels() == {"simulated.test/train-1": "evicted", "simulated.test/train-seconds": "250ms"}


def test_the_same_seed_draws_the_same_fates() -> None:
    sources = [random.Random(7) for _ in range(2)]  # noqa: S311 - repeatable is the point
    drawn = [[draw(source, 0.5).labels() for _ in range(20)] for source in sources]
    assert drawn[0] == drawn[1]
    assert any(drawn[0])


def test_without_a_share_of_failures_all_goes_well() -> None:
    assert not draw(random.Random(7), 0.0).labels()  # noqa: S311 - repeatable is the point


def test_each_place_of_the_template_is_filled() -> None:
    texts = [json.dumps(document) for document in stages(Paces()) if document["kind"] == "Stage"]
    assert len(texts) == 6
    assert not [text for text in texts if "OUTCOMES" in text or "FORCED" in text]
