"""Mistakes in ``spec.datasets``."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.model import Json
from tests.controlplane.mistakes.mistake import Mistakes, language, robot

TRAIN: Final[Json] = {"name": "questions", "uri": "configmap://questions/train.jsonl"}
PLACE: Final = f"uri must be {uris.DATASET_WORDS}"
EITHER: Final = "dataset questions needs either datasetRef or uri, and not both"
SPLITS: Final = 'supported values: "train", "validation"'


def one(**fields: object) -> Json:
    """One dataset with these fields."""
    return {"datasets": [{key: value for key, value in {**TRAIN, **fields}.items() if value is not None}]}


def at(uri: str) -> Json:
    """One dataset in this place."""
    return one(uri=uri)


DATASETS: Final[Mistakes] = {
    "no datasets": language({"datasets": None}, "spec.datasets", "", "Required value", one()),
    "an empty list of datasets": language({"datasets": []}, "spec.datasets", "0", "should have at least 1 items", one()),
    "one dataset in place of a list": language(
        {"datasets": TRAIN}, "spec.datasets.name", "", "unknown field", one()
    ),
    "two train splits named alike": language(
        {"datasets": [TRAIN, TRAIN | {"uri": "pvc://data/more.jsonl"}]},
        "spec.datasets[1]",
        '{"name":"questions","split":"train"}',
        "Duplicate value",
        {"datasets": [TRAIN, TRAIN | {"name": "more", "uri": "pvc://data/more.jsonl"}]},
    ),
    "validation data alone": language(
        one(split="validation"),
        "spec.datasets",
        "",
        "at least one dataset must have split train",
        {"datasets": [TRAIN, TRAIN | {"split": "validation"}]},
    ),
    "the split eval": language(one(split="eval"), "spec.datasets[0].split", '"eval"', SPLITS, one(split="train")),
    "the split test": language(one(split="test"), "spec.datasets[0].split", '"test"', SPLITS, one(split="train")),
    "a dataset without a name": language(one(name=None), "spec.datasets[0].name", "", "Required value", one()),
    "a dataset with a capital": language(
        one(name="Questions"), "spec.datasets[0].name", '"Questions"', "should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'", one()
    ),
    "a dataset that lies nowhere": language(one(uri=None), "spec.datasets[0]", "neither", EITHER, one()),
    "a dataset in two places": language(
        one(datasetRef={"name": "questions"}),
        "spec.datasets[0]",
        "both",
        EITHER,
        one(uri=None, datasetRef={"name": "questions"}),
    ),
    "a reference in a word": language(
        one(uri=None, datasetRef="questions"),
        "spec.datasets[0].datasetRef",
        "string",
        "must be of type object",
        one(uri=None, datasetRef={"name": "questions"}),
    ),
    "a revision of a registered dataset": language(
        one(uri=None, datasetRef={"name": "questions"}, revision="main"),
        "spec.datasets[0]",
        "",
        "revision and secretRef belong to uri: a Dataset has its own",
        one(uri=None, datasetRef={"name": "questions"}),
    ),
    "a file of this machine": language(
        at("file:///data/train.jsonl"),
        "spec.datasets[0].uri",
        "file:///data/train.jsonl",
        "to a claim (pvc://) or, when small, into a ConfigMap (configmap://)",
        at("pvc://data/train.jsonl"),
    ),
    "a path without a scheme": language(
        at("./train.jsonl"), "spec.datasets[0].uri", "./train.jsonl", PLACE, at("pvc://data/train.jsonl")
    ),
    "data by http": language(
        at("http://data.example/train.jsonl"),
        "spec.datasets[0].uri",
        "http://data.example/train.jsonl",
        PLACE,
        at("https://data.example/train.jsonl"),
    ),
    "a dataset of the Hub without a scheme": language(
        at("lerobot/pusht"), "spec.datasets[0].uri", "lerobot/pusht", PLACE, at("hf://lerobot/pusht")
    ),
    "a claim with a capital": language(at("pvc://Data"), "spec.datasets[0].uri", "pvc://Data", PLACE, at("pvc://data")),
    "too many files": language(
        one(uri="pvc://data", files=[f"{n}.txt" for n in range(33)]),
        "spec.datasets[0].files",
        "33",
        "must have at most 32 items",
        one(uri="pvc://data", files=[f"{n}.txt" for n in range(32)]),
    ),
    "a file with too long a name": language(
        one(uri="pvc://data", files=["f" * 254]),
        "spec.datasets[0].files[0]",
        "Too long",
        "may not be more than 253 bytes",
        one(uri="pvc://data", files=["f" * 253]),
    ),
    "a ConfigMap without a key": language(
        at("configmap://questions"), "spec.datasets[0].uri", "configmap://questions", PLACE, at("configmap://questions/a.jsonl")
    ),
    "a bucket with a capital": language(
        at("s3://Data/train"), "spec.datasets[0].uri", "s3://Data/train", PLACE, at("s3://data/train")
    ),
    "a file given from the root": language(
        one(uri="pvc://data/a", files=["/train.jsonl"]),
        "spec.datasets[0].files[0]",
        '"/train.jsonl"',
        "should match",
        one(uri="pvc://data/a", files=["train.jsonl"]),
    ),
    "a file twice": language(
        one(uri="pvc://data/a", files=["a.txt", "a.txt"]),
        "spec.datasets[0].files[1]",
        '"a.txt"',
        "Duplicate value",
        one(uri="pvc://data/a", files=["a.txt", "b.txt"]),
    ),
    "a format by its ending": language(
        one(format="jsonl"),
        "spec.datasets[0].format",
        '"jsonl"',
        'supported values: "auto", "lerobot", "chat", "instruction", "preference", "text", "tokenized", "documents", "newton"',
        one(format="auto"),
    ),
    "a weight of nothing": language(
        one(weight=0), "spec.datasets[0].weight", "0", "should be greater than 0", one(weight=0.5)
    ),
    "episodes in words": robot(
        {"datasets": [{"name": "pusht", "uri": "hf://lerobot/pusht", "episodes": "first 50"}]},
        "spec.datasets[0].episodes",
        "given: first 50",
        "episodes is a list of numbers and ranges without blanks, such as 0-49,60",
        {"datasets": [{"name": "pusht", "uri": "hf://lerobot/pusht", "episodes": "0-49"}]},
    ),
    "a range of episodes backwards": robot(
        {"datasets": [{"name": "pusht", "uri": "hf://lerobot/pusht", "episodes": "1,10-5"}]},
        "spec.datasets[0].episodes",
        "given: 1,10-5",
        "a range of episodes goes from the smaller to the larger number, such as 5-10",
        {"datasets": [{"name": "pusht", "uri": "hf://lerobot/pusht", "episodes": "1,5-10,7-7"}]},
    ),
    "episodes of a text": language(
        one(episodes="0-49"),
        "spec.datasets",
        "sft",
        "episodes are for robot job types (vla, reward, vla_w_reward)",
        one(),
    ),
}  # fmt: skip

ACCEPTED: Final[dict[str, Json]] = {
    **{
        f"data at {uri}": at(uri)
        for uri in (
            "pvc://data", "pvc://data/", "pvc://data/a/b.jsonl", "configmap://a.b/c_d-e.jsonl", "hf://lerobot/pusht", "hf://datasets/org/name/data",
            "s3://bucket", "s3://bucket/a/b", "gs://bucket/a", "https://data.example/train.jsonl?version=2",
        )
    },
    "sixteen datasets": {"datasets": [TRAIN | {"name": f"d{n}"} for n in range(16)]},
    "a dataset of one name in both splits": {"datasets": [TRAIN, TRAIN | {"split": "validation"}]},
    "text files at the root of a claim": one(uri="pvc://texts", files=["a.txt"], format="documents"),
    "several text files of one place": one(uri="pvc://texts/.", files=["a.txt", "b.txt"], format="documents"),
    "a mixture": {"datasets": [TRAIN | {"weight": 1}, {"name": "b", "datasetRef": {"name": "b"}, "weight": 0.25}]},
    "a commit of a private dataset": one(uri="hf://org/a", revision="0" * 40, secretRef={"name": "hub", "key": "token"}),
}  # fmt: skip
