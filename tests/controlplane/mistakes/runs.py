"""Mistakes in how a job runs: its type, hours, nodes, deadlines, evaluation, checkpoints, tags."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.model import Json
from tests.controlplane.mistakes.mistake import Mistakes, language

NAME: Final = "should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'"
IMAGE: Final = (
    "image is NAME:TAG, HOST/NAME:TAG or HOST/NAME@sha256:DIGEST: without https://, the name in small letters"
)
TO_EVALUATE_ON: Final = (
    "keepBest, select: best and earlyStopping need something to evaluate on: a dataset with split validation, or "
    "evaluation.fraction"
)
HELD_OUT: Final[Json] = {"evaluation": {"fraction": 0.1}}
JOB_TYPES: Final = 'supported values: "sft", "dpo", "style", "vla", "reward", "vla_w_reward"'

BUDGETS: Final[Mistakes] = {
    "hours of nothing": language({"hours": 0}, "spec.hours", "0", "should be greater than 0", {"hours": 0.5}),
    "negative hours": language({"hours": -1}, "spec.hours", "-1", "should be greater than 0", {"hours": 1}),
    "169 hours": language({"hours": 169}, "spec.hours", "169", "should be less than or equal to 168", {"hours": 168}),
    "hours with their unit": language({"hours": "6h"}, "spec.hours", "string", "must be of type number", {"hours": 6}),
    "a negative price": language(
        {"maxCost": -1}, "spec.maxCost", "-1", "should be greater than or equal to 0", {"maxCost": 100}
    ),
    "a price with its currency": language(
        {"maxCost": "100 EUR"}, "spec.maxCost", "string", "must be of type number", {"maxCost": 100}
    ),
    "endless retries": language(
        {"backoffLimit": -1}, "spec.backoffLimit", "-1", "should be greater than or equal to 0", {"backoffLimit": 100}
    ),
    "a deadline in words": language(
        {"startDeadlineSeconds": "30m"},
        "spec.startDeadlineSeconds",
        "string",
        "must be of type integer",
        {"startDeadlineSeconds": 1800},
    ),
    "a hang after a second": language(
        {"stallTimeoutSeconds": 1},
        "spec.stallTimeoutSeconds",
        "1",
        "should be greater than or equal to 30",
        {"stallTimeoutSeconds": 600},
    ),
}  # fmt: skip

PLACES: Final[Mistakes] = {
    "no job type": language({"jobType": None}, "spec.jobType", "", "Required value", {"jobType": "sft"}),
    "a job type in capitals": language({"jobType": "SFT"}, "spec.jobType", '"SFT"', JOB_TYPES, {"jobType": "sft"}),
    "a job type that is a method": language({"jobType": "lora"}, "spec.jobType", '"lora"', JOB_TYPES, {"jobType": "sft"}),
    "an instance type with a blank": language(
        {"instanceType": "H100 x8"}, "spec.instanceType", '"H100 x8"', NAME, {"instanceType": "h100-x8"}
    ),
    "an empty instance type": language(
        {"instanceType": ""}, "spec.instanceType", '""', "should be at least 1 chars long", {"instanceType": None}
    ),
    "no nodes": language({"nodes": 0}, "spec.nodes", "0", "should be greater than or equal to 1", {"nodes": 1}),
    "two nodes that share nothing": language(
        {"nodes": 2},
        "spec.nodes",
        "2 nodes",
        "give output.accessModes [ReadWriteMany], or a claim that has it in output.uri",
        {"nodes": 2, "output": {"accessModes": ["ReadWriteMany"]}},
    ),
    "two nodes on a disk of one": language(
        {"nodes": 2, "output": {"accessModes": ["ReadWriteOnce"]}},
        "spec.nodes",
        "2 nodes",
        "give output.accessModes [ReadWriteMany]",
        {"nodes": 2, "output": {"uri": "pvc://shared"}},
    ),
    "an image that is an address": language(
        {"image": "https://images.example/trainer:1"},
        "spec.image",
        "given: https://images.example/trainer:1",
        IMAGE,
        {"image": "images.example:5000/team/trainer:1"},
    ),
    "an image with a capital": language(
        {"image": "images.example/Team/trainer:1"}, "spec.image", "given: images.example/Team/trainer:1", IMAGE, {"image": "images.example/team/trainer:1"}
    ),
    "a queue with a capital": language({"queueName": "GPU"}, "spec.queueName", "given: GPU", "the name of a LocalQueue: small letters", {"queueName": "gpu"}),
    "a start from yesterday": language(
        {"restartFrom": "beginning"},
        "spec.restartFrom",
        '"beginning"',
        'supported values: "checkpoint", "scratch"',
        {"restartFrom": "scratch"},
    ),
    "a pause in words": language({"suspend": "yes"}, "spec.suspend", "string", "must be of type boolean", {"suspend": True}),
}  # fmt: skip

BESIDE: Final[Mistakes] = {
    "the best checkpoint of no evaluation": language(
        {"checkpoints": {"keepBest": 1}}, "spec", "keepBest", TO_EVALUATE_ON, {"checkpoints": {"keepBest": 1}, **HELD_OUT}
    ),
    "the best model of no evaluation": language(
        {"output": {"select": "best"}}, "spec", "select: best", TO_EVALUATE_ON, {"output": {"select": "best"}, **HELD_OUT}
    ),
    "patience with no evaluation": language(
        {"evaluation": {"earlyStopping": {"patience": 3}}},
        "spec",
        "earlyStopping",
        TO_EVALUATE_ON,
        {"evaluation": {"earlyStopping": {"patience": 3}, "fraction": 0.1}},
    ),
    "patience without a number": language(
        {"evaluation": {"earlyStopping": {}}},
        "spec.evaluation.earlyStopping.patience",
        "",
        "Required value",
        {"evaluation": {"earlyStopping": {"patience": 3}, "fraction": 0.1}},
    ),
    "a fraction in per cent": language(
        {"evaluation": {"fraction": 10}}, "spec.evaluation.fraction", "given: 10", "above 0, at most 0.5", HELD_OUT
    ),
    "one checkpoint": language(
        {"checkpoints": {"keepLast": 1}},
        "spec.checkpoints.keepLast",
        "1",
        "should be greater than or equal to 2",
        {"checkpoints": {"keepLast": 2}},
    ),
    "a tag in place of a list": language({"tags": "my-ft-job"}, "spec.tags", "string", "must be of type array", {"tags": ["my-ft-job"]}),
    "a tag twice": language({"tags": ["a", "a"]}, "spec.tags[1]", '"a"', "Duplicate value", {"tags": ["a", "b"]}),
    **{
        f"{key} as metadata": language(
            {"metadata": {key: "hf_abcdefgh"}},
            "spec.metadata",
            f"given: {key}",
            "metadata holds what looks like a secret, which does not stand in a resource",
            {"metadata": {"ticket": "123"}},
        )
        for key in ("HF_TOKEN", "wandbApiKey", "password")
    },
    "a number as metadata": language(
        {"metadata": {"ticket": 123}}, "spec.metadata.ticket", "integer", "must be of type string", {"metadata": {"ticket": "123"}}
    ),
}  # fmt: skip

RUNS: Final[Mistakes] = BUDGETS | PLACES | BESIDE

ACCEPTED: Final[dict[str, Json]] = {
    "the smallest job": {},
    "the shortest budget": {"hours": 0.0001},
    "the longest budget": {"hours": 168},
    "no retries": {"backoffLimit": 0},
    "no cost": {"maxCost": 0},
    "a job that starts paused": {"suspend": True},
    "eight nodes": {"nodes": 8, "output": {"uri": "pvc://shared/results"}},
    "an evaluation on data of its own": {
        "datasets": [{"name": split, "split": split, "uri": f"pvc://data/{split}"} for split in ("train", "validation")],
        "evaluation": {"everySteps": 10, "prompts": ["hello"], "earlyStopping": {"patience": 1}},
        "checkpoints": {"everySteps": 10, "everyMinutes": 0.5, "keepLast": 2, "keepBest": 1},
        "output": {"select": "best"},
    },
    **{
        f"the image {image}": {"image": image}
        for image in ("trainer", "a__b_c/d", "images.example:5000/a/b_c:1.0-rc", "a/b@sha256:" + "0" * 64, "a:1@sha256:" + "f" * 64)
    },
    "everything that people write for themselves": {
        "displayName": "Support bot", "description": "d" * 1024, "tags": ["a"], "metadata": {"Ticket no.": "1", "tokens": "", "keyboard": "de"},
    },
}  # fmt: skip
