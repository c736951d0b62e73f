"""A job that trains until it is told to stop, and what must be true of it when its first training pod was lost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from finetune_operator.api import uris
from tests.demo.kubectl import Json
from tests.e2e.manifests import QUICK, finetunejob
from tests.e2e.training_pods import TrainingPods
from tests.e2e.world import World

SAVES: Final = 5
"""Steps between two checkpoints."""
MANY: Final = 1_900
"""Longer than the test looks, and few enough that metrics.jsonl tells every step."""
BY_STEPS: Final = {name: value for name, value in QUICK.items() if name != "epochs"}


@dataclass(frozen=True)
class Story:
    """One job in one namespace, with every pod that ever trained for it."""

    world: World
    pods: TrainingPods
    job: str

    def train(self, steps: int = MANY, **spec: object) -> None:
        """Apply it, and wait until it has made a checkpoint and more."""
        fields: Json = {"hyperparameters": BY_STEPS | {"steps": steps}, "checkpoints": {"everySteps": SAVES}}
        self.world.apply(finetunejob(self.job, **(fields | spec)))
        self.world.until_training(self.job, SAVES + 1)

    def ask(self, **spec: object) -> None:
        """Change fields of its spec."""
        where = ("finetunejob", self.job, f"--namespace={self.world.namespace}")
        self.world.kubectl.run("patch", *where, "--type=merge", f"--patch={json.dumps({'spec': spec})}")

    def goes_on(self) -> Json:
        """Wait until a second attempt trains, stop it, and say how all of it ended."""
        self.world.until_status(self.job, "training again", _trains_again)
        self.ask(stop=True)
        return self.world.succeeded(self.job)

    def changes_nothing(self) -> None:
        """A job that is over stays as it is, whatever becomes of its Jobs: looked at once the operator has seen it."""
        over = self.world.status(self.job)
        for child in self.world.children("jobs", self.job):
            self.world.kubectl.delete("job", child["metadata"]["name"], self.world.namespace)
        self.ask(hours=2)
        self.world.wait("the operator has looked again", lambda: self._seen_after(over["observedGeneration"]))
        assert self.world.status(self.job)["phase"] == over["phase"]
        assert self.world.status(self.job)["attempts"] == over["attempts"]
        assert not self.world.children("jobs", self.job)

    def _seen_after(self, generation: int) -> bool | None:
        return self.world.status(self.job)["observedGeneration"] > generation or None


def training(status: Json) -> list[Json]:
    """The attempts of the training, oldest first."""
    return [attempt for attempt in status.get("attempts", []) if attempt["stage"] == "train"]


def steps_by_attempt(world: World, status: Json) -> Mapping[int, Sequence[int]]:
    """The steps that each attempt made, by metrics.jsonl on the claim."""
    where = uris.parse(status["result"]["uri"])
    assert isinstance(where, uris.ClaimPath)
    steps: dict[int, list[int]] = {}
    for line in map(json.loads, world.shell("cat /claim/metrics.jsonl", where.claim).splitlines()):
        steps.setdefault(line["attempt"], []).append(line["step"])
    return steps


def assert_resumed_without_loss(story: Story, status: Json) -> int:
    """The first attempt saved the last step that it made, which is returned; the second began at the next one."""
    first, second = _one_after_the_other(story, status)
    assert second[0] == first[-1] + 1
    return first[-1]


def assert_resumed_from_a_checkpoint(story: Story, status: Json) -> None:
    """The first attempt was lost where it was; the second began after the newest step that was saved."""
    first, second = _one_after_the_other(story, status)
    saved = second[0] - 1
    assert saved > 0
    assert saved % SAVES == 0
    assert saved <= first[-1] <= saved + SAVES, "only what came after the last save was lost"


def _one_after_the_other(story: Story, status: Json) -> tuple[Sequence[int], Sequence[int]]:
    assert [attempt["number"] for attempt in training(status)] == [1, 2]
    assert training(status)[1]["outcome"] == "Succeeded"
    assert len(story.pods.names()) == 2
    assert story.pods.most_at_once() == 1
    steps = steps_by_attempt(story.world, status)
    for made in steps.values():
        assert list(made) == list(range(made[0], made[-1] + 1))
    return steps[1], steps[2]


def _trains_again(status: Json) -> bool:
    attempts = training(status)
    latest = attempts[-1] if attempts else {}
    made = status.get("progress", {}).get("step", 0) > status.get("progress", {}).get("checkpointStep", 0)
    return latest.get("number") == 2 and status.get("reason") == "Training" and made
