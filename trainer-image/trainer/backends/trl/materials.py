"""What a training is made from: the model's folder looked at, and the datasets read, checked and in tokens.

Datasets may be larger than memory: they are read row by row, first to check them all and then to put them into tokens.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.backends.trl.abilities import check_abilities
from trainer.backends.trl.encoding import ChatTokenizer, Encoding, Keep, Tally, encode
from trainer.backends.trl.model_folder import PARAM, ModelFolder, context_length, folder_of, inspect_model
from trainer.backends.trl.starting_point import StartingPoint, starting_point, starting_warnings
from trainer.contract.run import Split
from trainer.dataset.lines import read_dataset
from trainer.dataset.setting_aside import set_aside
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
    """Ready to train from. `longest` is the most tokens that a row may have; `warnings` are sentences for the user."""

    folder: ModelFolder
    start: StartingPoint
    tokenizer: ChatTokenizer
    longest: int
    train: Tally
    validation: Tally
    warnings: tuple[str, ...]


def gather_materials(run: Run, keep: Mapping[Split, Keep]) -> Materials:
    """Read and check everything; UserError names what is wrong. Cheap checks go first, so that mistakes show in a second.

    The rows of each split in tokens are given to `keep` one by one, and not held here.
    """
    check_abilities(run)
    folder = inspect_model(run.model)
    start = starting_point(run)
    longest = context_length(run.hyperparameters.context_length, folder)
    ignored = ignored_keys(run)
    tokenizer = load_tokenizer(run)
    encoding = Encoding(tokenizer, longest, run.hyperparameters.train_on or "assistant")
    train, validation = (encode(rows_of(run, split), encoding, keep[split]) for split in SPLITS)
    if not train.rows:
        raise UserError(
            "DatasetEmpty",
            f"no row is left to learn from: in each the assistant's turns begin after the first {longest} tokens",
            param=next(dataset.param for dataset in run.datasets if dataset.split == "train"),
            advice="Raise contextLength, or shorten what stands before the answers.",
        )
    found = (
        *starting_warnings(start),
        *_warnings(ignored, train, longest),
        *_evaluation_warnings(run, validation.rows),
    )
    return Materials(folder, start, tokenizer, longest, train, validation, found)


def ignored_keys(run: Run) -> list[str]:
    """Check every row of every dataset, as read_dataset does; the keys in them that have no meaning, sorted."""
    return sorted({key for dataset in run.datasets for row in read_dataset(dataset) for key in row.ignored})


def rows_of(run: Run, split: Split) -> Iterator[ChatRow]:
    """The rows of a split: of its datasets, or a fraction of the training rows when none is for validation."""
    own = [dataset for dataset in run.datasets if dataset.split == split]
    fraction = run.evaluation.fraction
    if fraction is None or any(dataset.split == "validation" for dataset in run.datasets):
        for dataset in own:
            yield from read_dataset(dataset)
        return
    for row, aside in zip(_training_rows(run), set_aside(fraction, run.hyperparameters.seed), strict=False):
        if aside == (split == "validation"):
            yield row


def load_tokenizer(run: Run) -> ChatTokenizer:
    """The model's tokenizer, with the job's chat template if it gives one; UserError when it cannot be loaded."""
    # Slow to import: after everything that may refuse the job.
    from transformers import AutoTokenizer, PreTrainedTokenizerFast  # noqa: PLC0415

    folder = folder_of(run.model)
    named = read_json(folder / "tokenizer_config.json").get("tokenizer_class")
    # Looking the class up imports every model's code, which takes as long as all the rest of stage prepare.
    loader = PreTrainedTokenizerFast if named in GENERIC_CLASSES else AutoTokenizer
    trusted = {"trust_remote_code": True} if run.model.trust_remote_code and loader is AutoTokenizer else {}
    try:
        tokenizer = loader.from_pretrained(os.fspath(folder), local_files_only=True, **trusted)
    except Exception as error:
        raise UserError(
            "ModelUnsupported", f"{run.model.name}: no tokenizer can be made: {error}", param=PARAM
        ) from error
    if not tokenizer.is_fast:
        raise UserError(
            "ModelUnsupported", f"{run.model.name} has only a slow tokenizer; tokenizer.json is needed", param=PARAM
        )
    loaded: ChatTokenizer = tokenizer
    if run.model.chat_template:
        loaded.chat_template = run.model.chat_template
        _check_template(loaded)
    return loaded


def _check_template(tokenizer: ChatTokenizer) -> None:
    """UserError when the job's chat template is no Jinja, or shows nothing of what is said."""
    said = "a question"
    param = "spec.model.chatTemplate"
    try:
        shown = str(tokenizer.apply_chat_template([{"role": "user", "content": said}], tokenize=False))
    except Exception as error:  # jinja's own errors, and whatever a template raises
        raise UserError("ModelUnsupported", f"chatTemplate cannot be used: {error}", param=param) from error
    if said not in shown:
        raise UserError("ModelUnsupported", "chatTemplate leaves out what a user says", param=param)


def _training_rows(run: Run) -> Iterator[ChatRow]:
    for dataset in run.datasets:
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


def _evaluation_warnings(run: Run, rows: int) -> tuple[str, ...]:
    asked = run.evaluation
    if asked.fraction is not None and any(dataset.split == "validation" for dataset in run.datasets):
        return ("evaluation.fraction has no effect: there is a dataset for validation",)
    if asked.fraction is not None and not rows:
        return (f"evaluation.fraction {asked.fraction:g} of so few rows sets none aside: nothing is evaluated",)
    if asked.every_steps is not None and not rows:
        return (
            "evaluation.everySteps has no effect: there is neither a dataset for validation nor evaluation.fraction",
        )
    return ()
