"""What may be edited on a stored job and what may not. The desk's smallest resource is the job before the edit."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.model import Json
from tests.controlplane.mistakes.mistake import LANGUAGE, ROBOT, Desk, Mistakes

BEFORE: Final[Json] = LANGUAGE | {
    "instanceType": "h100",
    "hours": 2,
    "nodes": 2,
    "hyperparameters": {"epochs": 3},
    "output": {"accessModes": ["ReadWriteMany"]},
    "restartGeneration": 3,
}
STOPPED: Final[Json] = BEFORE | {"stop": True, "cancel": True}
BARE: Final[Json] = LANGUAGE
edit: Final = Desk(BEFORE)
NEW_JOB: Final = "immutable: make a new job"
NEW_RUN: Final = "may change only in an update that also raises restartGeneration: a run keeps what it started with"
AGAIN: Final[Json] = {"restartGeneration": 4}
NOTHING: Final[Json] = {}
"""The remedy for what is immutable: leave it."""

FIXED: Final[Mistakes] = {
    "another job type": edit({"jobType": "style"}, "spec.jobType", "was sft, given style", "jobType is immutable: make a new job", NOTHING),
    "another model": edit({"model": {"name": "qwen3-8b"}}, "spec.model", "model", f"model is {NEW_JOB}", NOTHING),
    "another dataset": edit(
        {"datasets": [{"name": "other", "uri": "pvc://data/a"}]}, "spec.datasets", "datasets", f"datasets are {NEW_JOB}", NOTHING
    ),
    "a further dataset": edit(
        {"datasets": [*LANGUAGE["datasets"], {"name": "other", "uri": "pvc://data/a"}]},
        "spec.datasets",
        "datasets",
        f"datasets are {NEW_JOB}",
        NOTHING,
    ),
    "another output": edit({"output": {"suffix": "b"}}, "spec.output", "output", f"output is {NEW_JOB}", NOTHING),
    **{
        f"{field} that was left out": edit({field: value}, f"spec.{field}", field, f"{field} {verb} {NEW_JOB}", NOTHING)
        for field, verb, value in (
            ("evaluation", "is", {"fraction": 0.1}),
            ("checkpoints", "are", {"everySteps": 10}),
            ("integrations", "are", [{"type": "tensorboard"}]),
            ("cache", "is", {"claimName": "hub"}),
        )
    },
    "a style of another": Desk(LANGUAGE | {"jobType": "style", "style": {"baseModel": "general"}})(
        {"style": {"baseModel": "gpt-4o"}}, "spec.style", "style", f"style is {NEW_JOB}", NOTHING
    ),
    "another reward": Desk(ROBOT | {"reward": {"headMode": "sparse"}})(
        {"reward": {"headMode": "dense"}}, "spec.reward", "reward", f"reward is {NEW_JOB}", NOTHING
    ),
    "a change of a Dataset": Desk({"uri": "pvc://data/a"}, "Dataset")(
        {"uri": "pvc://data/b"}, "spec", "", "a Dataset does not change: jobs rely on it; register another one", NOTHING
    ),
}  # fmt: skip

PER_RUN: Final[Mistakes] = {
    **{
        f"{what} in the middle of a run": edit(
            {field: value}, f"spec.{field}", was_given or field, f"{field} {NEW_RUN}", {field: value, **AGAIN}
        )
        for what, field, value, was_given in (
            ("another instance type", "instanceType", "h200", "was h100, given h200"),
            ("no instance type", "instanceType", None, "was h100, given none"),
            ("a region", "region", "eu-north1", "was none, given eu-north1"),
            ("more nodes", "nodes", 4, "was 2, given 4"),
            ("an image", "image", "team/trainer:2", "was none, given team/trainer:2"),
            ("a queue", "queueName", "gpu", "was none, given gpu"),
            ("a word about memory", "allowMemoryOvercommit", True, "was false, given true"),
            ("other hyperparameters", "hyperparameters", {"seed": 1}, ""),
            ("no hyperparameters", "hyperparameters", None, ""),
            ("pods that bear more", "podTemplate", {"labels": {"team": "a"}}, ""),
        )
    },
    "another camera in the middle of a run": Desk(ROBOT)(
        {"cameraMappings": {"cam_1": "observation.images.front"}},
        "spec.cameraMappings",
        "cameraMappings",
        f"cameraMappings {NEW_RUN}",
        {"cameraMappings": {"cam_1": "observation.images.front"}, "restartGeneration": 1},
    ),
}  # fmt: skip

COUNTED: Final[Mistakes] = {
    "fewer hours": edit({"hours": 1}, "spec.hours", "was 2, given 1", "hours may only grow", {"hours": 2.5}),
    "fewer hours than a job without them has": Desk(BARE)(
        {"hours": 100}, "spec.hours", "was 168, given 100", "a job that names none has 168", {"hours": 168}
    ),
    "a lower restartGeneration": edit(
        {"restartGeneration": 2}, "spec.restartGeneration", "was 3, given 2", "restartGeneration never decreases", AGAIN
    ),
    "no restartGeneration": edit(
        {"restartGeneration": None}, "spec.restartGeneration", "was 3, given 0", "restartGeneration never decreases", AGAIN
    ),
    **{
        f"{field} taken back": Desk(STOPPED)(
            {field: False},
            f"spec.{field}",
            field,
            f"{field} may return to false only in an update that also raises restartGeneration",
            {field: False, **AGAIN},
        )
        for field in ("stop", "cancel")
    },
}  # fmt: skip

EDITS: Final[Mistakes] = FIXED | PER_RUN | COUNTED

ALLOWED: Final[dict[str, Json]] = {
    "the same again": {key: value for key, value in BEFORE.items() if key != "restartGeneration"},
    "more hours": {"hours": 3},
    "no hours, which is the longest budget": {"hours": None},
    "more retries": {"backoffLimit": 9},
    "no retries": {"backoffLimit": 0},
    "a pause": {"suspend": True},
    "an early end": {"stop": True},
    "an end without a model": {"cancel": True},
    "a new run": AGAIN,
    "a new run from the start": {**AGAIN, "restartFrom": "scratch"},
    "a limit of cost": {"maxCost": 100},
    "deadlines": {"startDeadlineSeconds": 60, "stallTimeoutSeconds": 600},
    "a time to tidy up": {"childrenTTLSecondsAfterFinished": 3600},
    "words for people": {"displayName": "Bot", "description": "A bot.", "tags": ["a"], "metadata": {"ticket": "1"}},
    "a priority": {"priorityClassName": "high"},
    "a new run with everything that a run may change": {
        **AGAIN,
        "instanceType": "h200",
        "region": "a",
        "nodes": 1,
        "image": "a/b:1",
        "queueName": "gpu",
        "allowMemoryOvercommit": True,
        "hyperparameters": {"seed": 7},
        "podTemplate": {"labels": {"team": "a"}},
    },
}
