"""Volumes are gathered: a claim that several URIs name is one volume, and its name is a legal one."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.status import Stage
from finetune_operator.planning.manifests import render_stage
from finetune_operator.planning.places import mounted_path
from finetune_operator.planning.run_config import Run, run_document
from finetune_operator.planning.volumes import Mounts, input_mounts
from tests.unit.planning.scene import a_job, resolved_for


def pod_spec(**spec: object) -> Json:
    """The pod of the training of a job with these fields."""
    job = a_job(spec)
    body = render_stage(Run(job, resolved_for(job), "train", 1), "IfNotPresent", None)
    return dict(body["spec"]["template"]["spec"])


def claims(spec: Json) -> dict[str, str]:
    """Volume name → claim."""
    return {
        each["name"]: each["persistentVolumeClaim"]["claimName"]
        for each in spec["volumes"]
        if "persistentVolumeClaim" in each
    }


def mounts(spec: Json) -> dict[str, Json]:
    """Mount path → mount."""
    found = spec["containers"][0]["volumeMounts"]
    assert len({each["mountPath"] for each in found}) == len(found)
    return {each["mountPath"]: each for each in found}


DATASETS = [{"name": "a", "uri": "pvc://models/a.jsonl"}, {"name": "b", "uri": "pvc://models/b.jsonl"}]


def test_a_claim_that_three_uris_name_is_mounted_once_and_read_only() -> None:
    job = a_job({"datasets": DATASETS})
    found = input_mounts(job.spec, resolved_for(job))
    assert len(found.volumes) == 1
    assert found.mounts == ({"name": "claim-models", "mountPath": "/inputs/claims/models", "readOnly": True},)


def test_an_output_in_the_claim_of_the_model_is_the_same_volume_mounted_writable_beside_it() -> None:
    spec = pod_spec(output={"uri": "pvc://models/out/support-bot"})
    assert claims(spec) == {"claim-models": "models"}
    assert mounts(spec)["/inputs/claims/models"] == {
        "name": "claim-models",
        "mountPath": "/inputs/claims/models",
        "readOnly": True,
    }
    assert mounts(spec)["/workspace"] == {
        "name": "claim-models",
        "mountPath": "/workspace",
        "subPath": "out/support-bot",
    }


def test_an_output_at_the_root_of_a_claim_is_mounted_whole() -> None:
    assert "subPath" not in mounts(pod_spec(output={"uri": "pvc://results/"}))["/workspace"]


def test_a_config_map_that_two_datasets_share_is_one_volume_and_may_be_missing() -> None:
    datasets = [{"name": "a", "uri": "configmap://q/a.jsonl"}, {"name": "b", "uri": "configmap://q/b.jsonl"}]
    volumes = [each for each in pod_spec(datasets=datasets)["volumes"] if "configMap" in each]
    assert volumes == [{"name": "configmap-q", "configMap": {"name": "q", "optional": True}}]


NAMES = ["a", "models.v1", "a" * 253, f"{'a' * 60}.b", "x-1", f"{'a' * 60}.c"]


@pytest.mark.parametrize("claim", NAMES)
def test_the_volume_of_any_claim_has_a_legal_name(claim: str) -> None:
    (volume,) = Mounts().claim(claim, "/x").volumes
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", volume["name"])
    assert volume["persistentVolumeClaim"]["claimName"] == claim


def test_no_two_claims_share_a_volume() -> None:
    similar = ["a.b", "a-b", "a.b.c", "a-b.c", "a-b-c", *NAMES]
    assert len({Mounts().claim(name, "/x").volumes[0]["name"] for name in similar}) == len(set(similar))


@pytest.mark.parametrize("uri", ["pvc://models/tiny", "pvc://models.v1/a/b.jsonl", "configmap://q/train.jsonl"])
def test_the_run_document_names_a_path_below_a_mount(uri: str) -> None:
    spec = pod_spec(datasets=[{"name": "a", "uri": uri}])
    assert any(str(mounted_path(uri)).startswith(f"{place}/") for place in mounts(spec))


def test_every_mount_has_its_volume_and_every_volume_its_mount() -> None:
    spec = pod_spec(output={"uri": "pvc://models/out"})
    assert {each["name"] for each in spec["volumes"]} == {each["name"] for each in mounts(spec).values()}


POLICY = {"jobType": "vla", "model": {"type": "act"}, "hours": 1}
FETCHING = {
    "all is mounted": ({}, None),
    "a dataset of the Hub": ({"datasets": [{"name": "a", "uri": "hf://org/rows"}]}, "/workspace/cache"),
    "a model of the Hub": ({"model": {"name": "org/chat-1b"}}, "/workspace/cache"),
    "an output elsewhere": ({"output": {"uri": "s3://bucket/models"}}, None),
    "a policy, whose backbone is elsewhere": (POLICY, "/workspace/cache"),
    "a cache of the job's own": ({"cache": {}}, "/cache"),
    "a cache that several jobs share": ({"cache": {"claimName": "models"}}, "/cache"),
}


@pytest.mark.parametrize("stage", get_args(Stage))
@pytest.mark.parametrize(("spec", "place"), FETCHING.values(), ids=FETCHING)
def test_all_stages_find_what_is_fetched_in_the_same_writable_place(
    spec: Json, place: str | None, stage: Stage
) -> None:
    job = a_job(spec)
    run = Run(job, resolved_for(job), stage, 1)
    assert run_document(run)["paths"].get("cache") == place
    found = mounts(dict(render_stage(run, "IfNotPresent", None)["spec"]["template"]["spec"]))
    if place:
        (mount,) = (each for path, each in found.items() if place in {path, f"{path}/cache"})
        assert "readOnly" not in mount
    assert ("/cache" in found) is (place == "/cache")


def test_a_cache_is_on_the_claim_that_is_named_else_on_one_of_the_jobs_own() -> None:
    assert "support-bot-8de7b-cache" in claims(pod_spec(cache={})).values()
    shared = pod_spec(cache={"claimName": "models"})
    assert claims(shared)["claim-models"] == "models"
    # The model is on the same claim: one volume, read-only there and writable here.
    assert "readOnly" not in mounts(shared)["/cache"]


def test_weights_to_go_on_from_are_mounted_like_a_model() -> None:
    spec = pod_spec(model={"name": "org/chat-1b", "fromCheckpoint": {"uri": "pvc://earlier/model"}})
    assert mounts(spec)["/inputs/claims/earlier"]["readOnly"] is True
