"""What a training is made from: the model's folder looked at, and the datasets read, checked and in tokens.

Datasets may be larger than memory: they are read row by row, first to check them all and then to put them into tokens.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.backends.trl.encoding import ChatTokenizer, Keep, Tally, encode
from trainer.backends.trl.model_folder import PARAM, ModelFolder, context_length, inspect_model
from trainer.contract.run import Split
from trainer.dataset.lines import read_dataset
from trainer.failures import UserError
from trainer.workspace.jsonfile import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.contract.run import Run
    from trainer.dataset.rows import ChatRow


SPLITS: Final[tuple[Split, Split]] = ("train", "validation")
GENERIC_CLASSES: Final = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Names of the class whose tokenizers are wholly in tokenizer.json."""


@dataclass(frozen=True, slots=True)
class Materials:
    """Ready to train from. `warnings` are sentences for the user."""

    folder: ModelFolder
    tokenizer: ChatTokenizer
    train: Tally
    validation: Tally
    warnings: tuple[str, ...]


def gather_materials(run: Run, keep: Mapping[Split, Keep]) -> Materials:
    """Read and check everything; UserError names what is wrong. Cheap checks go first, so that mistakes show in a second.

    The rows of each split in tokens are given to `keep` one by one, and not held here.
    """
    folder = inspect_model(run.model)
    longest = context_length(run.hyperparameters.context_length, folder)
    ignored = ignored_keys(run)
    tokenizer = load_tokenizer(run)
    train, validation = (encode(_rows(run, split), tokenizer, longest, keep[split]) for split in SPLITS)
    if not train.rows:
        raise UserError(
            "DatasetEmpty",
            f"no row is left to learn from: in each the assistant's turns begin after the first {longest} tokens",
            param=next(dataset.param for dataset in run.datasets if dataset.split == "train"),
            advice="Raise contextLength, or shorten what stands before the answers.",
        )
    return Materials(folder, tokenizer, train, validation, _warnings(ignored, train, longest))


def ignored_keys(run: Run) -> list[str]:
    """Check every row of every dataset, as read_dataset does; the keys in them that have no meaning, sorted."""
    return sorted({key for split in SPLITS for row in _rows(run, split) for key in row.ignored})


def load_tokenizer(run: Run) -> ChatTokenizer:
    """The model's tokenizer; UserError (ModelUnsupported) when it cannot be loaded."""
    # Slow to import: after everything that may refuse the job.
    from transformers import AutoTokenizer, PreTrainedTokenizerFast  # noqa: PLC0415

    named = read_json(run.model.path / "tokenizer_config.json").get("tokenizer_class")
    # Looking the class up imports every model's code, which takes as long as all the rest of stage prepare.
    loader = PreTrainedTokenizerFast if named in GENERIC_CLASSES else AutoTokenizer
    try:
        tokenizer = loader.from_pretrained(os.fspath(run.model.path), local_files_only=True)
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


def _rows(run: Run, split: Split) -> Iterator[ChatRow]:
    for dataset in run.datasets:
        if dataset.split == split:
            yield from read_dataset(dataset)


def _warnings(ignored: list[str], train: Tally, longest: int) -> tuple[str, ...]:
    found = []
    if train.dropped:
        found.append(
            f"{train.dropped} rows are left out: in them the assistant's turns begin after the first {longest} tokens"
        )
    if train.truncated > train.dropped:
        found.append(f"{train.truncated - train.dropped} rows are cut off after {longest} tokens: raise contextLength")
    if ignored:
        found.append(f"keys of the dataset that have no meaning here were passed over: {', '.join(ignored[:8])}")
    if not train.ends_learned:
        found.append("the chat template leaves the end of a turn out of the loss: the model may not learn when to stop")
    return tuple(found)
