"""Which hardware a job gets: the one it names, when that suits, or the cheapest that fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from tests.unit.planning.resolving.shop import (
    SHOP,
    TYPES,
    accepts,
    admitted,
    gpu_type,
    refused,
    robot_of,
    rules_of,
    shop,
    spec_of,
)

LLAMA = {"name": "llama-8b"}
FULL = {"lora": {"enabled": False}}
UNLISTED = {"name": "someone/something"}


def test_a_named_type_is_kept_as_it_was_offered() -> None:
    resolved = admitted(spec_of(instanceType="large-x8", hours=1)).resolved
    assert resolved.instance_type_name == "large-x8"
    kept = resolved.instance_type.wire()
    offered = SHOP.catalog.instance_type("large-x8").wire()
    assert kept == offered
    assert kept["pricePerHour"] == 32


def test_words_for_those_who_choose_are_not_kept_with_every_job() -> None:
    offer = shop(types={"small": TYPES["small"] | {"description": "One small GPU"}})
    kept = admitted(spec_of(region="eu"), offer).resolved
    assert kept.region == "eu"
    assert {"description", "regions"} & kept.instance_type.wire().keys() == set()


def test_an_unknown_type_may_still_come_and_is_answered_with_the_nearest() -> None:
    found = refused(spec_of(instanceType="large-x4"))
    assert (found.reason, found.param, found.may_mend) == (Reason.UNKNOWN_INSTANCE_TYPE, "spec.instanceType", True)
    assert found.message.startswith(
        "spec.instanceType: no InstanceType is named 'large-x4'; did you mean 'large-x8'?; offered: cpu-large"
    )


def test_a_broken_type_concerns_only_who_asks_for_it() -> None:
    offer = shop(types=TYPES | {"broken": {"cpu": "1"}})
    assert accepts(spec_of(), offer)
    assert accepts(spec_of(model=LLAMA, instanceType=None), offer)
    assert refused(spec_of(instanceType="broken"), offer).message == (
        "spec.instanceType: InstanceType 'broken' is unusable: memory: Field required"
    )


def test_a_type_with_less_memory_than_the_check_needs_is_refused_by_its_name() -> None:
    offer = shop(types=TYPES | {"mem": {"cpu": "1", "memory": "200Mi", "sharedMemory": "64Mi"}})
    assert refused(spec_of(instanceType="mem"), offer).message == (
        "spec.instanceType: InstanceType 'mem' is unusable: memory is 200Mi: at least 256Mi, which the check of model and "
        "data asks for"
    )


REFUSALS: dict[str, tuple[Json, str]] = {
    "a region that the type does not have": (
        {"region": "mars"},
        "spec.region: InstanceType 'small' is not offered in 'mars'; its regions: eu, us",
    ),
    "a region that is nearly one": (
        {"region": "USA"},
        "spec.region: InstanceType 'small' is not offered in 'USA'; did you mean 'us'?; its regions: eu, us",
    ),
    "a region of a type that has none": (
        {"instanceType": "unpriced", "region": "eu"},
        "spec.region: InstanceType 'unpriced' is not offered in 'eu'; its regions: none: leave spec.region out",
    ),
    "more hours than the type allows": (
        {"instanceType": "large-x8", "hours": 49},
        "spec.hours: 49 were given; InstanceType 'large-x8' allows at most 48",
    ),
    "more nodes than the type allows": (
        {"instanceType": "large-x8", "nodes": 3, "hours": 1},
        "spec.nodes: 3 were given; InstanceType 'large-x8' allows at most 2",
    ),
    "a batch that the GPUs cannot share": (
        {"instanceType": "large-x8", "hours": 1, "hyperparameters": {"batchSize": 20}},
        "spec.hyperparameters.batchSize: 20 rows cannot be divided evenly over 8 GPUs: give a multiple, such as 16",
    ),
    "a batch that the nodes cannot share": (
        {"instanceType": "cpu-small", "nodes": 3, "hyperparameters": {"batchSize": 512}},
        "spec.hyperparameters.batchSize: 512 rows cannot be divided evenly over 3 nodes: give a multiple, such as 510",
    ),
    "more GPUs than a batch has rows": (
        {"model": {"name": "capped"}, "instanceType": "large-x8", "nodes": 2, "hours": 1},
        "spec.nodes: 16 GPUs cannot share a batch of at most 8 rows: give fewer nodes",
    ),
    "a type of another team": (
        {"instanceType": "reserved"},
        "spec.instanceType: InstanceType 'reserved' is for namespaces with the labels team=a",
    ),
}


@pytest.mark.parametrize(("given", "message"), REFUSALS.values(), ids=REFUSALS)
def test_it_is_refused_to_ask_for(given: Json, message: str) -> None:
    assert refused(spec_of(**given)).message == message


def test_a_type_of_the_own_team_may_be_asked_for() -> None:
    ours = replace(SHOP, namespace_labels={"team": "a"})
    assert accepts(spec_of(instanceType="reserved"), ours)


class TestWithoutAName:
    def test_the_cheapest_that_fits_is_taken_and_the_rule_noted(self) -> None:
        plan = admitted(spec_of(model=LLAMA, instanceType=None))
        assert plan.resolved.instance_type_name == "small"
        assert rules_of(plan)["instanceType"] == "the cheapest that fits, of 6 that are offered to this job"

    def test_what_the_cheapest_does_not_hold_goes_to_a_larger_one(self) -> None:
        plan = admitted(spec_of(model=LLAMA, instanceType=None, hyperparameters=FULL, hours=1))
        assert plan.resolved.instance_type_name == "large-x8"

    def test_a_cheaper_type_of_another_team_is_none(self) -> None:
        model = {"model": LLAMA, "instanceType": None}
        ours = replace(SHOP, namespace_labels={"team": "a"})
        assert admitted(spec_of(**model), ours).resolved.instance_type_name == "reserved"

    def test_a_region_leaves_only_the_types_that_stand_there(self) -> None:
        offer = shop(types={name: TYPES[name] for name in ("small", "large")})
        assert (
            admitted(spec_of(model=LLAMA, instanceType=None, region="us"), offer).resolved.instance_type_name == "small"
        )
        found = refused(spec_of(model=LLAMA, instanceType=None, region="mars"), offer)
        assert found.message.startswith("spec.instanceType: none of the 2 types can take the job: spec.region: ")

    def test_one_type_that_refuses_says_why_itself(self) -> None:
        offer = shop(types={"large": TYPES["large"]})
        found = refused(spec_of(model=LLAMA, instanceType=None, region="mars"), offer)
        assert found.param == "spec.region"

    def test_a_batch_that_some_cannot_share_goes_to_those_that_can(self) -> None:
        spec = spec_of(model=LLAMA, instanceType=None, hyperparameters=FULL | {"batchSize": 12})
        offer = shop(types=TYPES | {"large-x4": gpu_type(4, "80Gi", 40)})
        assert admitted(spec, offer).resolved.instance_type_name == "large-x4"

    def test_what_has_a_price_goes_before_what_has_none(self) -> None:
        offer = shop(types={"a": gpu_type(1, "80Gi", None), "b": gpu_type(1, "80Gi", 99)})
        assert admitted(spec_of(model=LLAMA, instanceType=None), offer).resolved.instance_type_name == "b"

    def test_of_equal_prices_the_first_name_is_taken(self) -> None:
        offer = shop(types={"b": gpu_type(1, "80Gi", 1), "a": gpu_type(1, "80Gi", 1)})
        assert admitted(spec_of(model=LLAMA, instanceType=None), offer).resolved.instance_type_name == "a"

    def test_prices_of_another_currency_are_not_compared_and_come_last(self) -> None:
        gold = gpu_type(1, "80Gi", 0.5, currency="XAU")
        offer = shop({"gold": gold, "cheap": gpu_type(1, "80Gi", 0.7), "dear": gpu_type(1, "80Gi", 9)})
        plan = admitted(spec_of(model=LLAMA, instanceType=None), offer)
        assert plan.resolved.instance_type_name == "cheap"
        assert rules_of(plan)["instanceType"] == (
            "the cheapest that fits, of 3 that are offered to this job; those in USD first, for prices in XAU cannot be "
            "compared"
        )

    def test_one_that_would_be_full_to_the_brim_goes_after_one_with_room(self) -> None:
        needed = _needed()
        tight = gpu_type(1, str(int(needed / 0.95)), 1)
        offer = shop({"tight": tight, "roomy": gpu_type(1, str(int(needed / 0.85)), 2)})
        assert admitted(ROBOT, offer).resolved.instance_type_name == "roomy"
        alone = admitted(ROBOT, shop({"tight": tight}))
        assert alone.resolved.instance_type_name == "tight"
        assert rules_of(alone)["instanceType"].endswith("of which none has a tenth to spare")

    def test_a_type_that_is_for_those_who_name_it_is_never_taken(self) -> None:
        offer = shop(types={"a": gpu_type(1, "80Gi", 1, automatic=False), "b": gpu_type(1, "80Gi", 2)})
        assert admitted(spec_of(model=LLAMA, instanceType=None), offer).resolved.instance_type_name == "b"

    def test_a_robot_policy_gets_the_cheapest_that_holds_its_batch(self) -> None:
        smaller = robot_of(instanceType=None, hyperparameters={"batchSize": 14})
        assert admitted(smaller).resolved.instance_type_name == "small"
        larger = robot_of(instanceType=None, hyperparameters={"batchSize": 64})
        assert admitted(larger).resolved.instance_type_name == "large"

    def test_a_language_model_of_billions_is_never_sent_to_a_cpu(self) -> None:
        offer = shop(types={"cpu": {"cpu": "64", "memory": "1Ti", "pricePerHour": 0.1, "currency": "USD"}})
        assert refused(spec_of(model=LLAMA, instanceType=None), offer).reason == Reason.UNKNOWN_INSTANCE_TYPE
        assert accepts(spec_of(model=LLAMA, instanceType="cpu"), offer), "who names it gets it"

    def test_a_tiny_language_model_may_get_a_cpu_where_there_is_nothing_else(self) -> None:
        offer = shop(types={"cpu-small": TYPES["cpu-small"]})
        assert admitted(spec_of(instanceType=None), offer).resolved.instance_type_name == "cpu-small"
        assert admitted(spec_of(instanceType=None)).resolved.instance_type_name == "small"

    def test_a_model_of_unknown_size_needs_a_name(self) -> None:
        found = refused(spec_of(model=UNLISTED, instanceType=None))
        assert (found.reason, found.may_mend) == (Reason.UNKNOWN_INSTANCE_TYPE, True)
        assert found.message.startswith("spec.instanceType: name one, for nothing is known of the model's size")
        assert found.message.endswith("offered: cpu-small, large, large-x8, small, unmeasured, unpriced")

    def test_an_empty_catalog_is_said(self) -> None:
        assert "this cluster offers none" in refused(spec_of(instanceType=None), shop(types={})).message

    def test_what_fits_nowhere_is_refused_with_the_nearest_and_the_change_that_helps(self) -> None:
        offer = shop(types={name: TYPES[name] for name in ("small", "large")})
        found = refused(spec_of(model=LLAMA, instanceType=None, hyperparameters=FULL), offer)
        assert (found.reason, found.may_mend) == (Reason.DOES_NOT_FIT, False)
        assert found.message.startswith(
            "spec.instanceType: none of 2 that are offered to this job fits; large is nearest: training of all weights"
        )
        assert "Set hyperparameters.lora.enabled to true" in found.message
        assert found.message.endswith("allowMemoryOvercommit starts it all the same")

    def test_with_overcommit_the_one_that_lacks_least_is_taken(self) -> None:
        offer = shop(types={name: TYPES[name] for name in ("small", "large")})
        spec = spec_of(model=LLAMA, instanceType=None, hyperparameters=FULL, allowMemoryOvercommit=True)
        plan = admitted(spec, offer)
        assert plan.resolved.instance_type_name == "large"
        assert rules_of(plan)["instanceType"].startswith("the one that lacks the least memory")
        assert plan.warnings[0].startswith("spec.instanceType: starts although it does not fit")


ROBOT = robot_of(instanceType=None)


def _needed() -> int:
    fit = admitted(ROBOT).resolved.fit
    assert fit is not None
    return fit.bytes_per_gpu
