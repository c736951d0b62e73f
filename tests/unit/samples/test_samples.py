"""The samples, offline: commented, valid, listed in their index, and each job accepted with the shipped catalog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import pytest

from finetune_operator.api.basemodel import Family
from finetune_operator.api.dataset import DatasetSpec
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.planning.resolve import Admission, Offer, admit
from finetune_operator.planning.resolving.dataset_choice import Registered
from tests.support import samples

FAMILIES: Final[tuple[Family, ...]] = ("trl", "lerobot", "groot-n15", "groot-n16")
ALL: Final = samples.files()
JOBS: Final = [
    (file, body) for file in ALL for body in samples.of_ours(file) if body["kind"] == "FineTuneJob"
]  # fmt: skip


@pytest.mark.parametrize("file", ALL)
def test_a_sample_starts_with_what_it_is_for(file: str) -> None:
    assert (samples.FOLDER / file).read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("file", ALL)
def test_a_sample_is_in_the_index_and_the_index_names_no_other(file: str) -> None:
    index = (samples.FOLDER / "README.md").read_text(encoding="utf-8")
    assert file in set(re.findall(r"\]\(([^)]+\.yaml)\)", index))


def test_every_story_of_the_hosted_apis_has_its_job_type() -> None:
    assert {body["spec"]["jobType"] for _, body in JOBS} == {"sft", "dpo", "style", "vla", "reward", "vla_w_reward"}


@pytest.mark.parametrize(("file", "body"), JOBS, ids=[file for file, _ in JOBS])
def test_a_job_of_the_samples_is_accepted_with_the_shipped_catalog(file: str, body: Mapping[str, object]) -> None:
    images: dict[str, str] = {family: f"trainer-{family}:test" for family in FAMILIES}
    earlier = {other["metadata"]["name"]: "pvc://earlier" for _, other in JOBS}
    offer = Offer(samples.catalog(), images, datasets=_registered(file), workspaces=earlier)
    accepted = admit(FineTuneJobSpec.model_validate(body["spec"]), offer)
    assert isinstance(accepted, Admission), accepted


def test_names_of_the_samples_are_unlike_those_of_the_shipped_catalog() -> None:
    own = {body["metadata"]["name"] for file in ALL for body in samples.of_ours(file) if body["kind"] != "FineTuneJob"}
    assert own.isdisjoint([*samples.shipped("instancetypes"), *samples.shipped("basemodels")])


def _registered(file: str) -> dict[str, Registered]:
    """The Datasets of a sample, as if they had been found valid."""
    found = [body for body in samples.of_ours(file) if body["kind"] == "Dataset"]
    return {
        body["metadata"]["name"]: Registered(DatasetSpec.model_validate(body["spec"]), valid=True) for body in found
    }
