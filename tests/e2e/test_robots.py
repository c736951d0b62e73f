"""Robot policies and reward models on a real node: from three cameras, through kills and hours, to a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import pytest

from finetune_operator.api import uris
from finetune_operator.api.names import API_VERSION
from tests.demo.kubectl import Json
from tests.demo.target import Target
from tests.e2e import faults
from tests.e2e.conftest import LENDER
from tests.e2e.resumed import steps_by_attempt, training
from tests.e2e.robot_jobs import (
    CIRCLES,
    CLIP,
    FRONT,
    INSTANCE_TYPE,
    QUICK,
    SMOLVLA,
    TINY_ACT,
    TOP,
    WRIST,
    documented_job,
    robot_job,
    robots_volume,
    with_robots,
)
from tests.e2e.world import World

JOB, WEIGHTED = "robot", "weighted"
WITHIN = 600.0
"""Seconds: LeRobot alone takes half a minute to import on two busy cores, in each stage."""
# Not beside each other: their pods take more of the node than those of language models.
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("robots"), pytest.mark.timeout(3 * WITHIN)]
REWARD: Json = {"imageKey": TOP, "annotationMode": "single_stage", "hyperparameters": {"clipModel": CLIP}}


@pytest.fixture(scope="module")
def inputs(target: Target, base_model: Json) -> Json:
    """The volume with datasets and models; its namespace is there once the base model is."""
    assert base_model
    return robots_volume(target, LENDER)


@pytest.fixture
def robots(world: World, inputs: Json) -> Iterator[World]:
    """A namespace of the test's own with what robots start from."""
    with with_robots(world, inputs) as furnished:
        yield furnished


def test_the_documented_request_trains_from_its_three_cameras_until_its_hours_are_used_up(robots: World) -> None:
    documented = documented_job()
    documented["spec"] |= {
        "datasets": [{"name": "pusht", "uri": CIRCLES}],
        "instanceType": INSTANCE_TYPE,
        "hours": 0.01,
    }
    # What makes it small enough for a few seconds on two cores.
    documented["spec"]["hyperparameters"] |= {"batchSize": 2, "extra": TINY_ACT}
    documented["spec"]["output"] = {"storageSize": "2Gi"}
    robots.apply(documented)

    status = robots.succeeded(documented["metadata"]["name"], WITHIN)

    assert status["reason"] == "HoursExhausted"
    assert status["progress"]["step"] > 0
    assert status["report"]["imageKeys"] == [TOP, WRIST, FRONT]
    mapped = [camera["datasetKey"] for camera in status["resolved"]["cameras"]]
    assert mapped == [TOP, WRIST, FRONT]
    assert {"config.json", "model.safetensors", "policy_preprocessor.json"} <= set(status["result"]["files"])
    seen = _published(robots, status, "config.json")["input_features"]
    assert {key for key in seen if "image" in key} == {TOP, WRIST, FRONT}


def test_a_slot_that_is_left_out_stays_at_its_place_in_a_pretrained_policy(robots: World) -> None:
    robots.apply(
        robot_job(
            JOB,
            model={"type": "smolvla", "name": SMOLVLA},
            cameraMappings={"camera1": TOP, "camera3": FRONT},
            hyperparameters={"steps": 4, "batchSize": 2, "learningRate": 0.0005},
        )
    )

    status = robots.succeeded(JOB, WITHIN)

    assert status["progress"]["step"] == status["progress"]["totalSteps"] == 4
    assert status["progress"]["metrics"]["loss"] > 0
    assert "model.safetensors" in status["result"]["files"]


def test_a_reward_model_is_trained_and_weights_another_job(robots: World) -> None:
    robots.apply(
        robot_job(
            JOB,
            jobType="reward",
            model={"type": "sarm"},
            cameraMappings={"cam_1": TOP},
            hyperparameters={"steps": 4, "batchSize": 4},
            reward=REWARD,
        )
    )

    trained = robots.succeeded(JOB, WITHIN)

    assert trained["progress"]["step"] == 4
    assert "model.safetensors" in trained["result"]["files"]
    robots.apply(
        robot_job(
            WEIGHTED,
            model={"type": "smolvla", "name": SMOLVLA},
            cameraMappings={"camera1": TOP, "camera2": WRIST},
            hyperparameters={"steps": 3, "batchSize": 2, "learningRate": 0.0005},
            reward={
                "useRabc": True,
                "modelUri": trained["result"]["uri"],
                "imageKey": TOP,
                "headMode": "sparse",
                "kappa": 0.01,
                "hyperparameters": {"clipModel": CLIP},
            },
        )
    )

    status = robots.succeeded(WEIGHTED, WITHIN)

    assert status["progress"]["step"] == status["progress"]["totalSteps"] == 3
    assert "model.safetensors" in status["result"]["files"]
    where = uris.parse(status["result"]["uri"])
    assert isinstance(where, uris.ClaimPath)
    assert "reward/progress.parquet" in robots.shell("find /claim -name '*.parquet'", where.claim)


def test_reward_progress_and_policy_follow_each_other_in_one_job(robots: World) -> None:
    robots.apply(
        robot_job(
            JOB,
            jobType="vla_w_reward",
            model={"type": "smolvla", "name": SMOLVLA},
            cameraMappings={"camera1": TOP, "camera2": WRIST},
            hyperparameters={"steps": 4, "batchSize": 2, "learningRate": 0.0005},
            reward=REWARD
            | {
                "headMode": "sparse",
                "kappa": 0.01,
                "hyperparameters": {"steps": 4, "batchSize": 4, "clipModel": CLIP},
            },
        )
    )

    status = robots.succeeded(JOB, 1.5 * WITHIN)

    assert status["progress"]["step"] == status["progress"]["totalSteps"]
    assert "model.safetensors" in status["result"]["files"]
    where = uris.parse(status["result"]["uri"])
    assert isinstance(where, uris.ClaimPath)
    assert "parquet" in robots.shell("find /claim -name '*.parquet'", where.claim)


def test_a_policy_is_trained_by_two_pods_together(robots: World) -> None:
    size: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    robots.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "shared"}, "spec": size})
    robots.apply(robot_job(JOB, nodes=2, output={"uri": "pvc://shared/runs/first"}))

    status = robots.succeeded(JOB, WITHIN)

    pods = robots.children("pods", JOB, "train")
    assert [pod["status"]["phase"] for pod in pods] == ["Succeeded", "Succeeded"]
    assert status["progress"]["step"] == status["progress"]["totalSteps"] == QUICK["steps"]
    assert "model.safetensors" in robots.shell("ls /claim/runs/first/model", "shared").split()


def test_a_camera_with_a_typo_is_refused_with_the_nearest_key_before_anything_is_trained(robots: World) -> None:
    robots.apply(robot_job(JOB, cameraMappings={"cam_1": TOP, "cam_2": "observation.images.rwist"}))

    status = robots.until_over(JOB, WITHIN)

    assert (status["phase"], status["reason"]) == ("Failed", "UserError")
    failure = status["failure"]
    assert failure["param"].startswith("spec.cameraMappings")
    assert "observation.images.rwist" in status["message"]
    assert f"Did you mean '{WRIST}'" in status["message"]
    assert not robots.children("jobs", JOB, "train")


def test_a_registered_dataset_lists_its_cameras_and_a_job_may_name_it(robots: World) -> None:
    # One is read by the image for robots; the other, whose format nobody names, by that for language models.
    robots.apply(_registered("circles"), _registered("told", format="lerobot"))
    robots.apply(robot_job(JOB, datasets=[{"name": "circles", "datasetRef": {"name": "circles"}}]))

    status = robots.succeeded(JOB, WITHIN)

    assert status["resolved"]["datasets"][0]["uri"] == CIRCLES
    for name in ("circles", "told"):
        found = robots.wait(f"the answer of {name}", partial(_inspected, robots, name), WITHIN)
        assert found["imageKeys"] == [TOP, WRIST, FRONT]
        assert (found["format"], found["rows"], found["frames"]) == ("lerobot", 4, 96)


def test_a_pod_that_is_killed_costs_the_steps_since_the_last_checkpoint_and_no_more(robots: World) -> None:
    robots.apply(robot_job(JOB, hyperparameters=QUICK | {"steps": 40}, checkpoints={"everySteps": 5}))
    robots.until_status(JOB, "behind a checkpoint", _has_saved, WITHIN)

    faults.kill(robots, faults.training_pod(robots, JOB))
    status = robots.succeeded(JOB, WITHIN)

    assert [attempt["outcome"] for attempt in training(status)][-1] == "Succeeded"
    assert len(training(status)) == 2
    first, second = (steps for _, steps in sorted(steps_by_attempt(robots, status).items()))
    assert second[0] > 1
    assert second[0] <= first[-1] + 1
    assert second[-1] == status["progress"]["totalSteps"] == 40


def _registered(name: str, **spec: object) -> Json:
    return {"apiVersion": API_VERSION, "kind": "Dataset", "metadata": {"name": name}, "spec": {"uri": CIRCLES, **spec}}


def _inspected(world: World, name: str) -> Json | None:
    status: Json = (world.kubectl.get("datasets.finetune.dev", name, world.namespace) or {}).get("status", {})
    return status if status.get("inspectedTime") else None


def _has_saved(status: Json) -> bool:
    progress = status.get("progress", {})
    return bool(0 < progress.get("checkpointStep", 0) < progress.get("step", 0))


def _published(world: World, status: Json, name: str) -> Json:
    """A JSON file of the finished model."""
    where = uris.parse(status["result"]["uri"])
    assert isinstance(where, uris.ClaimPath)
    document: Json = json.loads(world.shell(f"cat /claim/{where.path}/{name}", where.claim))
    return document
