"""Registered datasets on a real node: looked at once, and the jobs that name them wait for the answer."""

from __future__ import annotations

import pytest

from finetune_operator.api.names import API_VERSION
from tests.demo.kubectl import Json
from tests.e2e.manifests import DATASET, dataset, finetunejob
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

JOB = "named"


def test_a_job_waits_for_a_dataset_that_it_names_and_trains_once_that_is_found_valid(world: World) -> None:
    world.apply(finetunejob(JOB, datasets=[{"name": "questions", "datasetRef": {"name": "questions"}}]))
    waiting = world.until_status(JOB, "waiting", lambda status: status.get("reason") == "DatasetNotReady")
    assert "'questions'" in waiting["message"]

    world.apply(_registered("questions", f"configmap://{DATASET}/train.jsonl"))

    status = world.succeeded(JOB)
    assert status["resolved"]["datasets"][0]["uri"] == f"configmap://{DATASET}/train.jsonl"
    found = world.wait("the dataset's answer", lambda: _status(world, "questions"))
    assert (found["rows"], found["format"]) == (48, "chat")
    assert found["digest"].startswith("sha256:")


def test_a_dataset_with_a_malformed_line_is_told_with_file_and_line_and_holds_its_jobs_back(world: World) -> None:
    world.apply(
        dataset("broken", ['{"messages": []}', "no JSON"]), _registered("broken", "configmap://broken/train.jsonl")
    )
    world.apply(finetunejob(JOB, datasets=[{"name": "questions", "datasetRef": {"name": "broken"}}]))

    status = world.until_status(JOB, "refused", lambda status: status.get("reason") == "InvalidDataset")

    assert status["phase"] == "Pending"
    found = world.wait("the dataset's answer", lambda: _status(world, "broken"))
    assert any("line 2" in fault for fault in found["faults"]), found
    assert not world.children("jobs", JOB)


def _registered(name: str, uri: str) -> Json:
    return {"apiVersion": API_VERSION, "kind": "Dataset", "metadata": {"name": name}, "spec": {"uri": uri}}


def _status(world: World, name: str) -> Json | None:
    """What the inspection found, once it has ended."""
    status = (world.kubectl.get("datasets.finetune.dev", name, world.namespace) or {}).get("status", {})
    return status if status.get("inspectedTime") else None
