"""The folder of a language model, looked at without loading it: whether it is whole and this trainer can use it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.neighbours import listing, what_is_there
from trainer.workspace.soundness import read_safetensors_header

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.contract.run import Model

PARAM: Final = "spec.model.name"
LONGEST_CONTEXT: Final = 4096
"""Tokens per row when neither the job nor the model asks for less: memory grows with it."""
ADAPTER_CONFIG: Final = "adapter_config.json"
TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer.model", "vocab.json")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What a folder says about its model: `parameters` in all, `longest_row` in tokens (0: it does not tell)."""

    parameters: int
    longest_row: int


def inspect_model(model: Model) -> ModelFolder:
    """Look at the folder; UserError (ModelNotFound, ModelUnsupported) when it cannot be used."""
    folder = folder_of(model)
    if not folder.exists():
        raise _missing(f"{model.name} does not exist.{what_is_there(folder)}")
    if not folder.is_dir():
        raise _missing(f"{model.name} is a file, must be a folder")
    config = _config(model)
    if "auto_map" in config and not model.trust_remote_code:
        raise _unsupported(
            model, "needs code from its own folder, which is run only if spec.model.trustRemoteCode is true"
        )
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise _missing(f"{model.name} has no tokenizer (none of {', '.join(TOKENIZER_FILES)})")
    positions = config.get("max_position_embeddings")
    return ModelFolder(
        parameters=sum(_parameters_in(model, file) for file in _weight_files(model)),
        longest_row=positions if isinstance(positions, int) else 0,
    )


def folder_of(model: Model) -> Path:
    """Where the model is mounted; UserError (ModelNotFound) when it is not."""
    if model.path is None:
        raise _missing(f"{model.name} is not mounted in this pod")
    return model.path


def context_length(asked: int | None, folder: ModelFolder) -> int:
    """Tokens that a row may have: what was asked, else what the model can, up to LONGEST_CONTEXT.

    UserError when more is asked than the model can.
    """
    can = folder.longest_row or asked or LONGEST_CONTEXT
    if asked is not None and asked > can:
        raise UserError(
            "HyperparameterUnsupported",
            f"contextLength {asked} is more than the {can} tokens that the model can take",
            param="spec.hyperparameters.contextLength",
        )
    return asked or min(can, LONGEST_CONTEXT)


def _config(model: Model) -> dict[str, object]:
    path = folder_of(model) / "config.json"
    if not path.is_file():
        raise _no_config(model, path.parent)
    try:
        config: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unsupported(model, f"has a config.json that cannot be read: {error}") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise _unsupported(model, "has a config.json without 'model_type'")
    return config


def _no_config(model: Model, folder: Path) -> UserError:
    if (folder / ADAPTER_CONFIG).is_file():
        return UserError(
            "ModelNotFound",
            f"{model.name} is an adapter: it has {ADAPTER_CONFIG} and no config.json",
            param=PARAM,
            advice=f"Name the model that it was trained on in {PARAM}, and the adapter in spec.model.fromCheckpoint.",
        )
    return _missing(f"{model.name} has no config.json.{listing(folder)}")


def _weight_files(model: Model) -> list[Path]:
    folder = folder_of(model)
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        weight_map = json.loads(index.read_text(encoding="utf-8")).get("weight_map", {})
        files = [folder / name for name in sorted(set(weight_map.values()))]
        absent = [file.name for file in files if not file.is_file()]
        if absent:
            raise _missing(f"{model.name} is not whole: {', '.join(absent[:4])} is missing")
        return files
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    if list(folder.glob("*.bin")):
        raise _unsupported(model, "has its weights as pickles, which can run code: convert them to safetensors")
    raise _missing(f"{model.name} has no weights (model.safetensors)")


def _parameters_in(model: Model, file: Path) -> int:
    try:
        header = read_safetensors_header(file)
        shapes = [tensor["shape"] for tensor in header.values()]
        return sum(math.prod(shape) for shape in shapes if isinstance(shape, list))
    except (OSError, ValueError, KeyError) as error:
        raise _unsupported(model, f"has weights that cannot be read: {file.name}: {error}") from error


def _missing(message: str) -> UserError:
    return UserError("ModelNotFound", message, param=PARAM, advice="Name a folder in the Hugging Face layout.")


def _unsupported(model: Model, problem: str) -> UserError:
    return UserError("ModelUnsupported", f"{model.name} {problem}", param=PARAM)
