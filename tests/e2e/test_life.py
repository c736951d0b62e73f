"""What a job's owner asks for while it trains, and the limits that the job sets itself: real pods, a real trainer."""

from __future__ import annotations

import json

import pytest

from finetune_operator.api import uris
from tests.demo.kubectl import Json
from tests.e2e.manifests import ENDLESS, QUICK, finetunejob, instance_type
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

JOB = "lives"
PRICED = "e2e-cpu-priced"
LONG = QUICK | {"epochs": 40}
"""Long enough to be asked something meanwhile."""
BY_STEPS = {name: value for name, value in QUICK.items() if name != "epochs"}


def ask(world: World, **spec: object) -> None:
    """Change fields of the job's spec."""
    world.kubectl.run(
        "patch",
        "finetunejob",
        JOB,
        f"--namespace={world.namespace}",
        "--type=merge",
        f"--patch={json.dumps({'spec': spec})}",
    )


def attempts(status: Json, stage: str = "train") -> list[Json]:
    return [attempt for attempt in status["attempts"] if attempt["stage"] == stage]


def until_phase(world: World, phase: str) -> Json:
    return world.until_status(JOB, phase, lambda status: status.get("phase") == phase)


def live_pods(world: World) -> list[Json]:
    over = {"Succeeded", "Failed"}
    return [pod for pod in world.children("pods", JOB) if pod["status"].get("phase") not in over]


def test_a_suspended_job_saves_frees_its_hardware_and_goes_on_where_it_was(world: World) -> None:
    world.apply(finetunejob(JOB, hyperparameters=LONG))
    world.until_training(JOB, step=3)

    ask(world, suspend=True)
    held = until_phase(world, "Suspended")

    assert live_pods(world) == []
    (first,) = attempts(held)
    assert (first["outcome"], first["reason"]) == ("Requested", "Suspended")
    saved = first["checkpointStep"]
    assert saved >= 3
    used = held["usage"]["trainingSeconds"]
    assert used > 0

    ask(world, suspend=False)
    done = world.succeeded(JOB)

    assert [attempt["number"] for attempt in attempts(done)] == [1, 2]
    assert done["progress"]["step"] == done["progress"]["totalSteps"]
    assert done["usage"]["trainingSeconds"] > used
    assert steps_of(world, done, attempt=2)[0] == saved + 1
    assert done["usage"]["wastedSeconds"] < 1


def steps_of(world: World, status: Json, attempt: int) -> list[int]:
    """The steps that an attempt made, by the metrics on the claim."""
    where = uris.parse(status["result"]["uri"])
    assert isinstance(where, uris.ClaimPath)
    lines = map(json.loads, world.shell("cat /claim/metrics.jsonl", where.claim).splitlines())
    return [line["step"] for line in lines if line["attempt"] == attempt]


def test_a_job_that_is_stopped_publishes_what_it_has(world: World) -> None:
    world.apply(finetunejob(JOB, hyperparameters=ENDLESS))
    world.until_training(JOB, step=2)

    ask(world, stop=True)
    done = world.succeeded(JOB)

    assert done["reason"] == "Stopped"
    assert done["progress"]["step"] < done["progress"]["totalSteps"]
    assert done["result"]["kind"] == "adapter"


def test_a_cancelled_job_ends_soon_publishes_nothing_and_stays_cancelled(world: World) -> None:
    world.apply(finetunejob(JOB, hyperparameters=ENDLESS))
    world.until_training(JOB, step=2)

    ask(world, cancel=True)
    status = until_phase(world, "Cancelled")

    assert "result" not in status
    assert live_pods(world) == []
    assert [attempt["reason"] for attempt in attempts(status)] == ["Cancelled"]


def test_hours_that_are_used_up_end_in_a_published_model_and_may_grow_while_it_trains(world: World) -> None:
    world.apply(finetunejob(JOB, hyperparameters=ENDLESS, hours=0.004))
    world.until_training(JOB, step=1)

    ask(world, hours=0.006)
    done = world.succeeded(JOB)

    assert done["reason"] == "HoursExhausted"
    assert done["usage"]["trainingSeconds"] >= 0.006 * 3600
    assert done["result"]["uri"].endswith("/model")


@pytest.mark.exhaustive
def test_a_cost_limit_ends_in_a_published_model(world: World) -> None:
    world.kubectl.apply(instance_type(PRICED, pricePerHour=3.6, currency="USD"))
    world.apply(finetunejob(JOB, hyperparameters=ENDLESS, instanceType=PRICED, maxCost=0.008))

    done = world.succeeded(JOB)

    assert done["reason"] == "MaxCostReached"
    assert 0.008 <= done["usage"]["cost"] < 0.02
    assert done["result"]["kind"] == "adapter"


def test_an_ended_job_is_run_again_from_its_checkpoint_with_more_steps_and_keeps_its_first_model(world: World) -> None:
    world.apply(finetunejob(JOB, hyperparameters=BY_STEPS | {"steps": 6}))
    first = world.succeeded(JOB)

    ask(world, restartGeneration=1, hyperparameters={"steps": 12})
    world.wait("it is run again", lambda: world.status(JOB).get("restartGeneration") == 1 or None, within=60)
    done = world.succeeded(JOB)

    assert done["progress"]["step"] == 12
    assert done["result"]["uri"] == f"{first['result']['uri']}-1"
    assert steps_of(world, done, attempt=2) == [7, 8, 9, 10, 11, 12]


def test_merged_weights_are_published_on_cpu_by_a_stage_of_their_own(world: World) -> None:
    output = {"storageSize": "1Gi", "merge": "merged"}
    world.apply(finetunejob(JOB, output=output))

    done = world.succeeded(JOB)

    assert done["result"]["kind"] == "model"
    assert [stage["name"] for stage in done["stages"]] == ["prepare", "train", "publish"]
    assert {stage["phase"] for stage in done["stages"]} == {"Succeeded"}
    assert "config.json" in done["result"]["files"]


@pytest.mark.exhaustive
def test_children_go_when_their_time_is_over_and_the_model_stays(world: World) -> None:
    world.apply(finetunejob(JOB, childrenTTLSecondsAfterFinished=1))
    done = world.succeeded(JOB)

    world.wait("the children are gone", lambda: not world.children("jobs", JOB) or None)

    assert world.status(JOB)["phase"] == "Succeeded"
    where = uris.parse(done["result"]["uri"])
    assert isinstance(where, uris.ClaimPath)
    assert "adapter_config.json" in world.shell("ls /claim/model", where.claim)


@pytest.mark.exhaustive
def test_what_is_restarted_while_it_trains_saves_ends_and_begins_a_new_run(world: World) -> None:
    world.apply(finetunejob(JOB, hyperparameters=ENDLESS))
    world.until_training(JOB, step=2)

    ask(world, restartGeneration=1, hyperparameters={"steps": 20, "epochs": None})
    world.wait("it is run again", lambda: world.status(JOB).get("restartGeneration") == 1 or None)
    done = world.succeeded(JOB)

    assert done["restartGeneration"] == 1
    assert [(a["run"], a["number"]) for a in attempts(done)] == [(0, 1), (1, 2)]
    assert attempts(done)[0]["reason"] == "Restarted"
