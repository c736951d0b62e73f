"""Wrong input on a real API server: each answer names the field, the value and the remedy, and the remedy helps."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from tests.controlplane.mistakes import ANSWERED, catalog, datasets, hyperparameters, model, output, pods, robots, runs
from tests.controlplane.mistakes.mistake import Mistake, language, robot
from tests.support.trial import Trial

pytestmark = pytest.mark.controlplane

ACCEPTED: dict[str, tuple[Mistake, Json]] = {
    f"{desk.kind}: {name}": (desk({}, "", "", "", {}), fields)
    for desk, tables in (
        (language, (model.ACCEPTED, datasets.ACCEPTED, hyperparameters.ACCEPTED, runs.ACCEPTED, output.ACCEPTED, pods.ACCEPTED)),
        (robot, (model.ACCEPTED_ROBOTS, hyperparameters.ACCEPTED_ROBOTS, robots.ACCEPTED_ROBOTS)),
        (catalog.hardware, (catalog.ACCEPTED_HARDWARE,)),
        (catalog.language_model, (catalog.ACCEPTED_MODELS,)),
        (catalog.dataset, (catalog.ACCEPTED_DATASETS,)),
    )
    for table in tables
    for name, fields in table.items()
}  # fmt: skip


@pytest.mark.parametrize("mistake", ANSWERED.values(), ids=ANSWERED)
async def test_the_answer_names_field_value_and_remedy_and_the_remedy_helps(trial: Trial, mistake: Mistake) -> None:
    answer = await trial.refusal(mistake.manifest(mistake.wrong))
    assert mistake.at in answer
    assert mistake.given in answer
    assert mistake.remedy in answer
    assert not await trial.refusal(mistake.manifest(mistake.right))


@pytest.mark.parametrize(("mistake", "fields"), ACCEPTED.values(), ids=ACCEPTED)
async def test_it_accepts(trial: Trial, mistake: Mistake, fields: Json) -> None:
    assert not await trial.refusal(mistake.manifest(fields))


def test_there_are_more_than_eighty_mistakes() -> None:
    assert len(ANSWERED) > 80


async def test_every_complaint_is_told_at_once(trial: Trial) -> None:
    wrong = {"jobType": "lora", "hours": 200, "hyperparameters": {"batchSize": 0}}
    answer = await trial.refusal(language(wrong, "", "", "", {}).manifest(wrong))
    for field in ("spec.jobType", "spec.hours", "spec.hyperparameters.batchSize"):
        assert field in answer
