"""What a training is made from: the model's folder looked at, and the datasets read, checked and in tokens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.backends.trl.encoding import ChatTokenizer, EncodedDataset, encode
from trainer.backends.trl.model_folder import PARAM, ModelFolder, context_length, inspect_model
from trainer.dataset.lines import read_dataset
from trainer.failures import UserError

if TYPE_CHECKING:
    from trainer.contract.run import Run, Split
    from trainer.dataset.rows import ChatRow


@dataclass(frozen=True, slots=True)
class Materials:
    """Ready to train from. `warnings` are sentences for the user."""

    folder: ModelFolder
    tokenizer: ChatTokenizer
    train: EncodedDataset
    validation: EncodedDataset
    warnings: tuple[str, ...]


def gather_materials(run: Run) -> Materials:
    """Read and check everything; UserError names what is wrong. Cheap checks go first, so that mistakes show in a second."""
    folder = inspect_model(run.model)
    longest = context_length(run.hyperparameters.context_length, folder)
    rows = {split: _rows(run, split) for split in ("train", "validation")}
    tokenizer = load_tokenizer(run)
    train = encode(rows["train"], tokenizer, longest)
    validation = encode(rows["validation"], tokenizer, longest)
    if not train.rows:
        raise UserError(
            "DatasetEmpty",
            f"no row is left to learn from: in each the assistant's turns begin after the first {longest} tokens",
            param=next(dataset.param for dataset in run.datasets if dataset.split == "train"),
            advice="Raise contextLength, or shorten what stands before the answers.",
        )
    everything = (*rows["train"], *rows["validation"])
    return Materials(folder, tokenizer, train, validation, _warnings(everything, train, longest))


def load_tokenizer(run: Run) -> ChatTokenizer:
    """The model's tokenizer; UserError (ModelUnsupported) when it cannot be loaded."""
    from transformers import AutoTokenizer  # noqa: PLC0415 - slow to import: after everything that may refuse the job

    try:
        tokenizer = AutoTokenizer.from_pretrained(os.fspath(run.model.path), local_files_only=True)
    except Exception as error:
        raise UserError(
            "ModelUnsupported", f"{run.model.name}: no tokenizer can be made: {error}", param=PARAM
        ) from error
    if not tokenizer.is_fast:
        raise UserError(
            "ModelUnsupported", f"{run.model.name} has only a slow tokenizer; tokenizer.json is needed", param=PARAM
        )
    loaded: ChatTokenizer = tokenizer
    return loaded


def _rows(run: Run, split: Split | str) -> list[ChatRow]:
    return [row for dataset in run.datasets if dataset.split == split for row in read_dataset(dataset)]


def _warnings(rows: tuple[ChatRow, ...], train: EncodedDataset, longest: int) -> tuple[str, ...]:
    found = []
    if train.dropped:
        found.append(
            f"{train.dropped} rows are left out: in them the assistant's turns begin after the first {longest} tokens"
        )
    if train.truncated > train.dropped:
        found.append(f"{train.truncated - train.dropped} rows are cut off after {longest} tokens: raise contextLength")
    ignored = sorted({key for row in rows for key in row.ignored})
    if ignored:
        found.append(f"keys of the dataset that have no meaning here were passed over: {', '.join(ignored[:8])}")
    if not train.ends_learned:
        found.append("the chat template leaves the end of a turn out of the loss: the model may not learn when to stop")
    return tuple(found)
