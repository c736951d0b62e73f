"""The store never goes back in time, whatever the order in which news arrives."""

from __future__ import annotations

from itertools import permutations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.catalog.catalog import Broken
from finetune_operator.cluster.resources import DATASETS, FINETUNEJOBS, INSTANCETYPES, JOBS, PODS, Key, Resource
from finetune_operator.reconciler.slim import slim, unknown_fields_of
from finetune_operator.reconciler.store import Children, Store
from tests.support.objects import batch_job, child_labels, dataset, fine_tune_job, instance_type, pod

KEY = Key("ns", "one")


def at(body: Json, version: int | str, **metadata: str) -> Json:
    stamp = {"namespace": "ns", "uid": "u-1", "resourceVersion": str(version), **metadata}
    return {**body, "metadata": {**body["metadata"], **stamp}}


def held(store: Store, resource: Resource = FINETUNEJOBS) -> str | None:
    body = store.get(resource, KEY)
    return None if body is None else body["metadata"]["resourceVersion"]


def test_the_newest_wins_in_every_order() -> None:
    for order in permutations([9, 10, 11]):
        store = Store()
        for version in order:
            store.put(FINETUNEJOBS, at(fine_tune_job("one"), version))
        assert held(store) == "11", order


def test_the_same_again_is_no_news() -> None:
    store = Store()
    assert store.put(FINETUNEJOBS, at(fine_tune_job("one"), 10))
    assert not store.put(FINETUNEJOBS, at(fine_tune_job("one"), 10))


def test_an_echo_does_not_bring_back_what_was_deleted() -> None:
    store = Store()
    store.put(FINETUNEJOBS, at(fine_tune_job("one"), 10))
    assert store.drop(FINETUNEJOBS, KEY, "12")

    assert not store.put(FINETUNEJOBS, at(fine_tune_job("one"), 11))
    assert store.job(KEY) is None


def test_a_namesake_made_after_the_deletion_is_kept() -> None:
    store = Store()
    store.put(FINETUNEJOBS, at(fine_tune_job("one"), 10))
    store.drop(FINETUNEJOBS, KEY, "12")

    assert store.put(FINETUNEJOBS, at(fine_tune_job("one"), 13))
    assert held(store) == "13"


def test_an_old_deletion_does_not_take_a_namesake() -> None:
    store = Store()
    store.put(FINETUNEJOBS, at(fine_tune_job("one"), 13))

    assert not store.drop(FINETUNEJOBS, KEY, "12")
    assert held(store) == "13"


def test_versions_that_are_no_numbers_are_taken_as_they_come() -> None:
    store = Store()
    store.put(FINETUNEJOBS, at(fine_tune_job("one"), "b"))

    assert store.put(FINETUNEJOBS, at(fine_tune_job("one"), "a"))
    assert not store.put(FINETUNEJOBS, at(fine_tune_job("one"), "a"))


def test_children_are_found_by_the_uid_of_their_job_oldest_first() -> None:
    store = Store()
    store.put(JOBS, at(batch_job("two", child_labels("x", "u-x")), 1, creationTimestamp="2026-01-02T00:00:00Z"))
    store.put(JOBS, at(batch_job("one", child_labels("x", "u-x")), 2, creationTimestamp="2026-01-01T00:00:00Z"))
    store.put(JOBS, at(batch_job("other", child_labels("y", "u-y")), 3))
    store.put(PODS, at(pod("one", child_labels("x", "u-x")), 4))

    children = store.children("ns", "u-x")

    assert [job["metadata"]["name"] for job in children.jobs] == ["one", "two"]
    assert [found["metadata"]["name"] for found in children.pods] == ["one"]
    assert store.children("ns", "nobody") == Store().children("ns", "nobody")


def test_a_child_that_changes_or_goes_leaves_no_trace_in_the_index() -> None:
    store = Store()
    store.put(JOBS, at(batch_job("one", child_labels("x", "u-x")), 1))
    store.put(JOBS, at(batch_job("one", child_labels("y", "u-y")), 2))
    assert store.children("ns", "u-x").jobs == ()
    assert len(store.children("ns", "u-y").jobs) == 1

    store.drop(JOBS, KEY, "3")
    assert store.children("ns", "u-y").jobs == ()


@pytest.mark.parametrize("resource", [JOBS, PODS])
def test_what_no_decision_reads_is_not_kept(resource: Resource) -> None:
    store = Store()
    body = at(batch_job("one", child_labels("x", "u-x")), 1)
    body["metadata"]["managedFields"] = [{"manager": "somebody"}]
    body["metadata"]["annotations"] = {"a": "b"}
    body["status"] = {"conditions": [{"type": "Ready", "status": "True"}], "podIP": "10.0.0.7", "ready": 1}

    store.put(resource, body)

    kept = store.get(resource, KEY)
    assert kept is not None
    assert not {"managedFields", "annotations"} & kept["metadata"].keys()
    assert "template" not in kept["spec"]
    assert kept["status"] == {}
    assert "template" in body["spec"], "the original is left as it is"


def test_of_a_pod_its_limits_are_kept_and_nothing_else_of_its_containers() -> None:
    store = Store()
    body = at(pod("one", child_labels("x", "u-x")), 1)
    body["spec"]["containers"] = [{"name": "trainer", "image": "i", "resources": {"limits": {"memory": "4Gi"}}}]

    store.put(PODS, slim(PODS, body))

    kept = store.get(PODS, KEY)
    assert kept is not None
    assert kept["spec"]["containers"] == [{"name": "trainer", "resources": {"limits": {"memory": "4Gi"}}}]


def owned(name: str, job: str = "train", owner: str = "u-x", **status: object) -> Json:
    """A pod of a Job ``job``, whose uid is ``job-uid``."""
    body = at(pod(name, child_labels("x", owner)), 2, uid=f"pod-{name}")
    body["metadata"]["ownerReferences"] = [{"name": job, "uid": f"{job}-uid", "controller": True}]
    return body | {"status": status}


def a_store_with_a_job(name: str = "train", owner: str = "u-x") -> Store:
    store = Store()
    store.put(JOBS, at(batch_job(name, child_labels("x", owner)), 1, uid=f"{name}-uid"))
    return store


def departed(store: Store, owner: str = "u-x") -> list[Json]:
    return [body["status"] for body in store.children("ns", owner).departed]


def test_a_pod_that_is_gone_is_remembered_as_it_was_last_seen_until_whose_it_is_goes_too() -> None:
    store = a_store_with_a_job()
    store.put(PODS, owned("one", phase="Running"))
    store.drop(PODS, KEY, "3", last=owned("one", phase="Failed"))

    assert store.children("ns", "u-x").pods == ()
    assert departed(store) == [{"phase": "Failed"}]

    store.drop(JOBS, Key("ns", "train"), "4")
    assert departed(store) == [{"phase": "Failed"}], "its Job may go in the same moment, before anybody has asked"

    store.put(FINETUNEJOBS, at(fine_tune_job("x"), 1, uid="u-x"))
    store.drop(FINETUNEJOBS, Key("ns", "x"), "5")
    assert departed(store) == []


def test_a_pod_that_a_listing_no_longer_has_is_remembered_as_it_was_held() -> None:
    store = a_store_with_a_job()
    store.put(PODS, owned("one", phase="Failed"))
    store.drop(PODS, KEY)

    assert departed(store) == [{"phase": "Failed"}]


def test_a_pod_that_is_gone_is_remembered_for_the_one_whose_uid_it_bears() -> None:
    store = a_store_with_a_job()
    store.drop(PODS, KEY, "3", last=owned("one", owner="u-y", phase="Failed"))

    assert departed(store) == []
    assert departed(store, "u-y") == [{"phase": "Failed"}]


def test_a_pod_that_goes_twice_is_remembered_once() -> None:
    store = a_store_with_a_job()
    store.drop(PODS, KEY, "3", last=owned("one", phase="Running"))
    store.drop(PODS, KEY, "3", last=owned("one", phase="Failed"))

    assert departed(store) == [{"phase": "Failed"}]


def test_an_old_deletion_makes_no_pod_that_is_there_departed() -> None:
    store = a_store_with_a_job()
    store.put(PODS, owned("one", phase="Running"))
    store.drop(PODS, KEY, "1")

    assert departed(store) == []
    assert len(store.children("ns", "u-x").pods) == 1


def test_only_so_many_pods_that_are_gone_are_remembered() -> None:
    store = a_store_with_a_job()
    for number in range(1_001):
        store.drop(PODS, Key("ns", f"p{number}"), "3", last=owned(f"p{number}", number=number))

    assert len(departed(store)) == 1_000
    assert {"number": 0} not in departed(store)


def test_our_own_kinds_keep_their_spec_and_status_whole() -> None:
    store = Store()
    body = at(fine_tune_job("one", hours=2), 1)
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "1"}
    body["status"] = {"phase": "Running"}

    store.put(FINETUNEJOBS, body)

    kept = store.job(KEY)
    assert kept is not None
    assert kept["spec"] == body["spec"]
    assert kept["status"] == {"phase": "Running"}
    assert kept["metadata"]["annotations"] == {"mine": "1"}


def test_of_what_kubectl_applied_only_the_unknown_fields_are_kept_however_often_it_is_slimmed() -> None:
    store = Store()
    body = at(fine_tune_job("one"), 1)
    applied = '{"spec": {"model": {"nam": "x"}}}'
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": applied}

    store.put(FINETUNEJOBS, slim(FINETUNEJOBS, body))

    kept = store.job(KEY)
    assert kept is not None
    assert unknown_fields_of(kept) == ("spec.model.nam: no such field; did you mean 'name'?",)
    assert applied not in str(kept)


def test_of_a_manifest_without_mistakes_nothing_is_kept() -> None:
    body = at(fine_tune_job("one"), 1)
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    assert unknown_fields_of(slim(FINETUNEJOBS, body)) == ()


def test_datasets_are_found_by_their_namespace() -> None:
    store = Store()
    store.put(DATASETS, at(dataset("one"), 1))
    store.put(DATASETS, at(dataset("one"), 2, namespace="elsewhere"))
    assert [body["metadata"]["resourceVersion"] for body in store.datasets("ns")] == ["1"]


def test_the_catalog_is_read_anew_after_each_change() -> None:
    store = Store()
    store.put(INSTANCETYPES, at(instance_type("one"), 1))
    assert store.catalog() is store.catalog()
    store.put(INSTANCETYPES, at(instance_type("one", memory="128Mi"), 2))
    assert isinstance(store.catalog().instance_types["one"], Broken)
    store.drop(INSTANCETYPES, KEY, "3")
    assert store.catalog().instance_types == {}


def test_only_so_many_deletions_are_remembered() -> None:
    store = Store()
    for number in range(10_001):
        store.drop(PODS, Key("ns", str(number)), "5")

    assert store.put(PODS, at(pod("0"), 4)), "the first one was forgotten"
    assert not store.put(PODS, at(pod("10000"), 4))


def test_a_child_in_another_namespace_is_nobodys_whatever_its_label_says() -> None:
    store = Store()
    for resource, body in (
        (JOBS, batch_job("one", child_labels("x", "u-x"))),
        (PODS, pod("one", child_labels("x", "u-x"))),
    ):
        store.put(resource, at(body, 1, namespace="elsewhere"))
    assert store.children("ns", "u-x") == Children()
    store.drop(PODS, Key("elsewhere", "one"))
    assert store.children("ns", "u-x").departed == ()
