"""The two steps as a whole: what they put together, what a status keeps of it, and the requests that were promised to work."""

from __future__ import annotations

import json

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.catalog.catalog import NO_CATALOG
from finetune_operator.planning.resolve import Admission, Offer, complete, recorded
from finetune_operator.planning.resolving.rules import RULES_VERSION
from tests.unit.planning.resolving.shop import SHOP, admitted, completed, refused, report_of, robot_of, shop, spec_of
from tests.unit.planning.scene import a_job

SEED_000: Json = {
    "jobType": "vla",
    "displayName": "example",
    "model": {"name": "lerobot/smolvla_base", "type": "act"},
    "datasets": [{"name": "pusht", "uri": "hf://lerobot/pusht"}],
    "hours": 1,
    "instanceType": "small",
    "region": "eu",
    "hyperparameters": {"batchSize": 32, "extra": {}},
    "cameraMappings": {
        "cam_1": "observation.images.top",
        "cam_2": "observation.images.wrist",
        "cam_3": "observation.images.front",
    },
    "reward": {"useRabc": False, "modelUri": "example", "headMode": "sparse", "imageKey": "example"},
}
"""The documented request of a hosted API, with names that this catalog has."""


def test_the_documented_request_with_superfluous_fields_is_accepted_with_warnings() -> None:
    plan = admitted(spec_of(**SEED_000))
    assert plan.resolved.model is not None
    assert plan.resolved.model.name == "act"
    assert plan.resolved.hyperparameters.batch_size == 32
    assert [camera.slot for camera in plan.resolved.cameras] == ["cam_1", "cam_2", "cam_3"]
    assert plan.warnings == (
        "spec.model.name: lerobot/smolvla_base is not used: act implies its own model",
        "spec.reward: no effect while useRabc is false: modelUri, imageKey",
    )


def test_a_plan_of_the_first_step_is_not_complete_and_one_of_the_second_is() -> None:
    assert not admitted(spec_of()).resolved.complete
    plan = completed(spec_of(), report_of())
    assert plan.resolved.complete
    assert plan.resolved.rules_version == RULES_VERSION


def test_the_image_is_that_of_the_family_or_the_jobs_own() -> None:
    assert admitted(spec_of()).resolved.image == "trl:1"
    assert admitted(robot_of()).resolved.image == "lerobot:1"
    assert admitted(spec_of(image="example/own:1")).resolved.image == "example/own:1"


def test_a_family_without_an_image_may_still_get_one() -> None:
    rejection = refused(spec_of(), Offer(SHOP.catalog, {"lerobot": "x"}))
    assert (rejection.reason, rejection.param, rejection.may_mend) == (Reason.NO_TRAINER_IMAGE, "spec.model.type", True)
    assert "settings.images.trl" in rejection.message


def test_what_is_resolved_reads_back_as_it_was_written() -> None:
    for plan in (admitted(spec_of(model={"name": "llama-8b"})), completed(robot_of(), report_of())):
        assert Resolved.model_validate(plan.resolved.wire()) == plan.resolved


def test_a_plan_is_small_beside_what_a_resource_may_be() -> None:
    plan = completed(spec_of(model={"name": "llama-8b"}, instanceType=None), report_of())
    assert len(json.dumps(plan.resolved.wire(), separators=(",", ":"))) < 3000


def test_a_catalog_that_changes_alters_no_job_that_was_accepted() -> None:
    """The second step sees no catalog at all: model, price, limits and memory are those that were recorded."""
    spec = spec_of(model={"name": "llama-8b"}, hours=10)
    first = completed(spec, report_of())
    stored = Resolved.model_validate(admitted(spec).resolved.wire())
    changed = shop(types={"small": {"cpu": "1", "memory": "1Gi", "sharedMemory": "64Mi"}}, models={})
    assert refused(spec, changed).reason == Reason.UNKNOWN_MODEL
    assert complete(spec, stored, report_of()) == first
    assert first.resolved.instance_type.price_per_hour == 1


def test_few_steps_are_warned_of() -> None:
    (warning,) = completed(spec_of(hyperparameters={"batchSize": 8, "epochs": 1}), report_of(80)).warnings
    assert warning == (
        "spec.hyperparameters: 10 optimizer steps are planned, which is little: more epochs, a smaller batchSize or more "
        "data give more"
    )
    assert completed(spec_of(hyperparameters={"steps": 49}), report_of()).warnings
    assert not completed(spec_of(hyperparameters={"steps": 50}), report_of()).warnings


def test_packing_that_leaves_few_sequences_is_warned_of() -> None:
    packed = spec_of(hyperparameters={"packing": True, "epochs": 3, "batchSize": 8})
    assert not completed(packed, report_of(1000)).warnings
    assert completed(packed, report_of(1000, sequences=64)).warnings


def test_what_was_decided_is_read_from_the_status() -> None:
    plan = admitted(spec_of())
    status = FineTuneJobStatus(resolved=plan.resolved, estimate=plan.estimate, warnings=("spec.tags: something",))
    found = recorded(a_job(status=status))
    assert found is not None
    assert (found.resolved, found.estimate, found.warnings) == (plan.resolved, plan.estimate, ("spec.tags: something",))
    assert recorded(a_job()) is None


def test_hours_that_grew_beyond_what_was_allowed_are_warned_of_once() -> None:
    plan = admitted(spec_of(model={"name": "capped"}))
    grown = a_job({"hours": 100}, FineTuneJobStatus(resolved=plan.resolved))
    found = recorded(grown)
    assert found is not None
    warning = "spec.hours: 100 were given; base model and instance type allow 24, which end the job"
    assert found.warnings == (warning,)
    again = recorded(a_job({"hours": 100}, FineTuneJobStatus(resolved=plan.resolved, warnings=(warning,))))
    assert again is not None
    assert again.warnings == (warning,)
    assert grown.hours == 24


def test_an_empty_catalog_refuses_with_what_to_do() -> None:
    found = refused(spec_of(model={"name": "someone/something"}), Offer(NO_CATALOG, {"trl": "x"}))
    assert found.message == (
        "spec.instanceType: no InstanceType is named 'small'; this cluster offers none: an administrator creates them "
        "(kubectl get instancetypes)"
    )


def test_what_an_earlier_operator_accepted_is_carried_on() -> None:
    stored = admitted(spec_of()).resolved.model_copy(update={"model": None})
    found = complete(spec_of(), stored, report_of())
    assert found == Admission(stored.model_copy(update={"complete": True}))
