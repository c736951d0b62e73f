"""The operator dies, is doubled, is away, is misconfigured: no job is lost, none is trained twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.demo.kubectl import Json
from tests.e2e.audit import Audit
from tests.e2e.manifests import ENDLESS, QUICK, finetunejob
from tests.e2e.operators import Operators
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

JOB = "steady"
A_WHILE = QUICK | {"epochs": 90}
"""Long enough to see the operator die and come back."""


def test_an_operator_killed_while_a_job_trains_comes_back_and_starts_no_second_training(
    world: World, operators: Operators, audit: Audit
) -> None:
    world.apply(finetunejob(JOB, hyperparameters=A_WHILE))
    world.until_training(JOB)
    restarts = operators.restarts()

    operators.kill(operators.pods()[0])

    world.wait("the operator was started again", lambda: True if operators.restarts() > restarts else None)
    operators.until_ready()
    status = world.succeeded(JOB)
    assert len(audit.jobs("train")) == 1
    assert [attempt["number"] for attempt in status["attempts"]] == [1, 1]


@pytest.mark.parametrize("stage", ["prepare", "train"])
def test_an_operator_killed_as_soon_as_a_stage_begins_makes_no_second_job_of_it(
    world: World, operators: Operators, audit: Audit, stage: str
) -> None:
    world.apply(finetunejob(JOB))
    world.wait(f"there is a Job for {stage}", lambda: world.children("jobs", JOB, stage) or None)

    operators.kill(operators.pods()[0])

    world.succeeded(JOB)
    assert (len(audit.jobs("prepare")), len(audit.jobs("train"))) == (1, 1)


def test_of_two_operators_one_acts_and_the_other_takes_over_when_it_dies(
    world: World, operators: Operators, audit: Audit
) -> None:
    operators.scale(2)
    leader = world.wait("one operator leads", lambda: _only(operators.leaders()))
    world.apply(finetunejob(JOB, hyperparameters=A_WHILE))
    world.until_training(JOB)
    assert [pod["metadata"]["name"] for pod in operators.leaders()] == [leader["metadata"]["name"]]

    world.kubectl.run(
        "delete", "pod", leader["metadata"]["name"], "--namespace=finetune-system", "--grace-period=0", "--force"
    )

    status = world.succeeded(JOB)
    assert (len(audit.jobs("prepare")), len(audit.jobs("train"))) == (1, 1)
    assert status["retries"] == 0


def test_helm_waits_until_the_operator_has_seen_a_new_job(world: World, operators: Operators, tmp_path: Path) -> None:
    chart = _chart(tmp_path, finetunejob(JOB, hyperparameters=ENDLESS))
    place = (f"--namespace={world.namespace}", "--wait")
    operators.scale(0)

    unseen = world.target.helm.run("install", "unseen", str(chart), *place, "--timeout=8s")

    assert unseen.returncode, "nobody has seen the job, and Helm says that it is ready"
    assert _unseen(world.status(JOB))
    operators.scale(1)
    seen = world.target.helm.run("upgrade", "unseen", str(chart), *place, "--timeout=120s")
    assert seen.returncode == 0, seen.stderr
    assert world.status(JOB)["phase"] == "Running"


def test_a_job_applied_while_the_operator_is_away_is_trained_when_it_is_back(
    world: World, operators: Operators
) -> None:
    operators.scale(0)
    world.apply(finetunejob(JOB))
    assert _unseen(world.status(JOB))

    operators.scale(1)

    world.succeeded(JOB)


def test_an_image_that_cannot_be_pulled_is_told_in_the_kubelets_words(
    world: World, reconfigure: Callable[[Json], None]
) -> None:
    reconfigure({"settings": {"images": {"trl": "registry.invalid/trainer:absent"}}})
    world.apply(finetunejob(JOB))

    status = world.until_status(JOB, "without its image", lambda status: status.get("reason") == "ImagePullFailed")

    assert "registry.invalid/trainer:absent" in status["message"]
    assert not world.children("jobs", JOB, "train")


def _unseen(status: Json) -> bool:
    """Whether a job has nothing but what the schema gives to a new one."""
    return status["observedGeneration"] == -1 and "phase" not in status and "conditions" not in status


def _only(pods: list[Json]) -> Json | None:
    return pods[0] if len(pods) == 1 else None


def _chart(folder: Path, job: Json) -> Path:
    """A chart with one resource."""
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True)
    about = {"apiVersion": "v2", "name": "one-job", "version": "0.1.0"}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    (chart / "templates" / "job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    return chart
