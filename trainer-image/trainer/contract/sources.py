"""What is tuned and on what, as run.json says it: the model and the datasets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast, get_args

from trainer.contract.bounds import AT_LEAST_ONE
from trainer.contract.reading import Bounds, Fields, invalid

Split = Literal["train", "validation"]
ModelType = Literal[
    "causal_lm", "act", "smolvla", "pi0", "pi05", "gr00t_n1_5", "gr00t_n1_6", "sarm", "wall_oss", "xvla"
]
DataFormat = Literal["auto", "lerobot", "chat", "instruction", "preference", "text", "tokenized", "documents", "newton"]

MAX_DATASETS: Final = 16
MODEL_KEYS: Final = (*("name", "type", "path", "uri", "revision", "trustRemoteCode", "chatTemplate", "fromCheckpoint"),)
CHECKPOINT_KEYS: Final = ("name", "uri", "revision", "path", "step")
DATASET_KEYS: Final = ("name", "split", "uri", "path", "files", "revision", "format", "weight", "episodes")
EPISODES: Final = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


@dataclass(frozen=True, slots=True)
class CheckpointSource:
    """Weights to go on from: `path` a folder of weights or of an adapter, or another job's workspace.

    Of a workspace `step` says which checkpoint; None: its finished model, else its newest complete checkpoint. `name`
    is as the user wrote it; `path` is None when it is not mounted.
    """

    name: str
    path: Path | None
    uri: str = ""
    revision: str = ""
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """The model to start from: `name` as the user wrote it, `path` a folder in the Hugging Face layout.

    `path` is None when it is not mounted: then `uri` says where it lies, or it is trained from scratch.
    """

    name: str
    path: Path | None
    type: ModelType = "causal_lm"
    uri: str = ""
    revision: str = ""
    trust_remote_code: bool = False
    chat_template: str = ""
    from_checkpoint: CheckpointSource | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: `uri` as the user wrote it, `path` a file or a folder, `place` the field that it comes from.

    `path` is None when it is not mounted. No `files` means all that can be read; `weight` says how often its rows are
    seen in relation to the others of its split. `sampled`: at `path` lie `meta/` and the first episode's files alone.
    """

    name: str
    split: Split
    uri: str
    path: Path | None
    place: str
    files: tuple[str, ...] = ()
    revision: str = ""
    format: DataFormat = "auto"
    weight: float = 1.0
    episodes: str = ""
    sampled: bool = False

    @property
    def param(self) -> str:
        """The field of the job that says where it lies."""
        return f"{self.place}.uri"


def parse_model(document: Fields) -> Model:
    """The model under that key of run.json."""
    fields = document.section("model", MODEL_KEYS)
    return Model(
        name=fields.text("name"),
        path=_path(fields),
        type=cast("ModelType", fields.text_or("type", "causal_lm", get_args(ModelType))),
        uri=fields.text_or("uri"),
        revision=fields.text_or("revision"),
        trust_remote_code=fields.flag_or("trustRemoteCode"),
        chat_template=fields.text_or("chatTemplate"),
        from_checkpoint=_checkpoint(fields.section("fromCheckpoint", CHECKPOINT_KEYS))
        if "fromCheckpoint" in fields
        else None,
    )


def parse_datasets(document: Fields, place: str) -> tuple[Dataset, ...]:
    """The datasets under that key of run.json: at least one of them to train on.

    `place` is the field of the resource that an item stands for, with braces for its index.
    """
    items = document.items("datasets")
    if not 1 <= len(items) <= MAX_DATASETS:
        raise invalid("datasets", f"has {len(items)} items, must have 1 to {MAX_DATASETS}")
    datasets = tuple(
        _dataset(Fields(item, f"datasets[{index}]", DATASET_KEYS), place.format(index))
        for index, item in enumerate(items)
    )
    if all(dataset.split != "train" for dataset in datasets):
        raise invalid("datasets", "has no item with split 'train'")
    return datasets


def _checkpoint(fields: Fields) -> CheckpointSource:
    return CheckpointSource(
        name=fields.text("name"),
        path=_path(fields),
        uri=fields.text_or("uri"),
        revision=fields.text_or("revision"),
        step=fields.integer_or_none("step", AT_LEAST_ONE),
    )


def _dataset(fields: Fields, place: str) -> Dataset:
    episodes = fields.text_or("episodes")
    if episodes and not EPISODES.fullmatch(episodes):
        raise invalid(fields.path("episodes"), f"is '{episodes}', must be numbers and ranges, such as 0-49,60")
    return Dataset(
        name=fields.text("name"),
        split=cast("Split", fields.text("split", allowed=get_args(Split))),
        uri=fields.text("uri"),
        path=_path(fields),
        place=place,
        files=fields.texts_or("files"),
        revision=fields.text_or("revision"),
        format=cast("DataFormat", fields.text_or("format", "auto", get_args(DataFormat))),
        weight=fields.number_or("weight", 1.0, Bounds(above=0, most=1000)),
        episodes=episodes,
    )


def _path(fields: Fields) -> Path | None:
    return Path(fields.text("path")) if "path" in fields else None
