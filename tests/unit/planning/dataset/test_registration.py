"""How a job sees the Datasets of its namespace, and what an inspection needs before it can start."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.dataset import DatasetSpec
from finetune_operator.api.model import Json
from finetune_operator.catalog.catalog import Catalog, read_catalog
from finetune_operator.planning.dataset.plan import InspectionPlan, plan_inspection
from finetune_operator.planning.dataset.registration import registered
from finetune_operator.planning.kstatus import Word
from tests.unit.planning.dataset.registry import NOW, body, stamp

IMAGES = {"trl": "trl:1", "lerobot": "robots:1"}
LLAMA = {"type": "causal_lm", "family": "trl", "source": {"uri": "hf://org/llama", "revision": "main"}}
PI0 = {"type": "pi0", "family": "lerobot", "source": {"uri": "hf://org/pi0"}}
CATALOG = read_catalog({}, {"llama": LLAMA, "pi0": PI0, "odd": {**LLAMA, "jobTypes": ["vla"]}})


def with_condition(condition: str, **more: object) -> Json:
    found = {"type": condition, "status": "True", "reason": "x", "lastTransitionTime": stamp(NOW)}
    return {"observedGeneration": 1, "conditions": [found], **more}


@pytest.mark.parametrize(
    ("status", "valid"),
    [
        (None, None),
        (with_condition("Reconciling", message="waits"), None),
        (with_condition("Ready", message="48 rows"), True),
        (with_condition("Stalled", message="line 3"), False),
        (with_condition("Ready") | {"observedGeneration": 0}, None),
    ],
)
def test_a_dataset_is_valid_once_this_generation_was_found_so(status: Json | None, valid: bool | None) -> None:  # noqa: FBT001
    (found,) = registered([body(status)]).values()
    assert found.valid is valid
    assert found.message


def test_the_revision_that_was_looked_at_is_the_one_that_jobs_get() -> None:
    (found,) = registered([body(with_condition("Ready", revision="abc123"))]).values()
    assert found.revision == "abc123"


def test_one_that_is_being_deleted_is_gone_for_new_jobs() -> None:
    going = body(with_condition("Ready"))
    going["metadata"]["deletionTimestamp"] = stamp(NOW)
    assert registered([going]) == {}


def test_one_that_cannot_be_read_is_invalid_and_says_why() -> None:
    broken = body()
    broken["spec"] = {"uri": 5}
    (found,) = registered([broken]).values()
    assert found.valid is False
    assert "spec.uri" in found.message


def plan(catalog: Catalog = CATALOG, images: dict[str, str] | None = None, **spec: object) -> InspectionPlan | Word:
    given = DatasetSpec.model_validate({"uri": "pvc://data/rows", **spec})
    return plan_inspection(given, catalog, IMAGES if images is None else images)


def test_language_data_are_read_by_the_image_of_language_models() -> None:
    assert plan() == InspectionPlan("trl:1")


def test_robot_data_are_read_by_the_image_of_robot_policies() -> None:
    assert plan(format="lerobot") == InspectionPlan("robots:1")
    found = plan(model="pi0")
    assert isinstance(found, InspectionPlan)
    assert found.image == "robots:1"


def test_no_policy_is_fetched_to_look_at_episodes() -> None:
    assert plan(model="pi0") == InspectionPlan("robots:1")
    assert plan(model="llama", format="lerobot") == InspectionPlan("robots:1")


def test_a_model_brings_its_tokenizer_with_its_revision() -> None:
    found = plan(model="llama")
    assert isinstance(found, InspectionPlan)
    assert found.model is not None
    assert (found.model.name, found.model.uri, found.model.revision) == ("llama", "hf://org/llama", "main")


@pytest.mark.parametrize(
    ("spec", "images", "word"),
    [
        ({"model": "lama"}, IMAGES, ("Reconciling", Reason.UNKNOWN_MODEL, "did you mean 'llama'?")),
        ({"model": "odd"}, IMAGES, ("Reconciling", Reason.UNKNOWN_MODEL, "'odd' is unusable: jobTypes has vla")),
        ({"format": "lerobot"}, {"trl": "x"}, ("Reconciling", Reason.NO_TRAINER_IMAGE, "settings.images.lerobot")),
        ({"uri": "pvc://data/../../x"}, IMAGES, ("Stalled", Reason.INVALID_SPEC, "leaves its claim")),
    ],
)
def test_what_stands_in_the_way_is_told(spec: Json, images: dict[str, str], word: tuple[str, str, str]) -> None:
    found = plan(images=images, **spec)
    assert isinstance(found, Word)
    assert (found.health, found.reason) == word[:2]
    assert word[2] in found.message
