"""Models beside a policy that LeRobot knows by a name on the Hub: tokenizers, and the body of a vision-language model.

LeRobot itself fetches nothing: what is neither in the base model's folder nor in the Hub's cache is fetched as the run's
own sources are, and found again from then on. A folder takes the place of the name: the Hub's libraries take a folder of that
name below the working directory for the model itself, so one is linked there.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.start import BODY, config_of, document_of, is_makers_own
from trainer.failures import StageEnd, UserError
from trainer.transfer.hub_models import fetch_hub_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trainer.backends.lerobot.kinds import Kind
    from trainer.backends.lerobot.start import Start
    from trainer.contract.run import Run

PROCESSORS: Final = ("policy_preprocessor.json",)
PALIGEMMA: Final = "google/paligemma-3b-pt-224"
"""The tokenizer of π0 and π0.5, where a base model does not name another."""
FILES: Final = ("*.json", "*.txt", "*.model", "*.jinja")
"""Of such a repository, what is of use: its weights are in the base model."""
WEIGHTS: Final = "*.safetensors"
"""Unless the policy's configuration has LeRobot load them all the same, before it puts its own in their place."""


def side_models(run: Run, kind: Kind, start: Start) -> Mapping[str, Path]:
    """The folder of each model that is known by a name. UserError (ModelNotFound) for one that is nowhere."""
    found: dict[str, Path] = {}
    for name in _names(kind, start):
        folder = _folder(run, kind, start, name)
        if folder is not None:
            _check_weights(start, name, folder)
            found[name] = folder
    return found


@contextmanager
def in_their_places(models: Mapping[str, Path]) -> Iterator[None]:
    """Work where each model is found by its name."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="beside-") as folder:
        for name, path in models.items():
            link = Path(folder, name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve(), target_is_directory=True)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _names(kind: Kind, start: Start) -> list[str]:
    """What the policy and its processors load by name, each once."""
    if not kind.side or start.folder is None or is_makers_own(kind, start.folder):
        return []
    names = []
    for folder in dict.fromkeys((start.folder, start.base)):
        config = config_of(folder) if folder else {}
        names += [str(config[key]) for key in ("vlm_model_name", "tokenizer_name") if config.get(key)]
        names += [str(config[BODY])] if config.get(BODY) and start.body is None else []
        names += _of_processors(folder) if folder else []
    if kind.lerobot in {"pi0", "pi05"} and not names:
        names.append(PALIGEMMA)
    return [each for each in dict.fromkeys(names) if not Path(each).is_dir()]


def _of_processors(folder: Path) -> list[str]:
    names = []
    for file in (folder / each for each in PROCESSORS):
        steps = document_of(file).get("steps")
        for step in steps if isinstance(steps, list) else []:
            config = step.get("config") if isinstance(step, dict) else None
            name = config.get("tokenizer_name") if isinstance(config, dict) else None
            names += [str(name)] if name else []
    return names


def _folder(run: Run, kind: Kind, start: Start, name: str) -> Path | None:
    """Where the model `name` lies; None: in the Hub's own cache."""
    given, home = run.hyperparameters.extra.get(kind.side), start.base or start.folder
    if isinstance(given, str):
        folder = (home / given) if home else Path(given)
        if folder.is_dir():
            return folder
        raise UserError(
            "ModelNotFound",
            f"extra.{kind.side} is '{given}', and there is no such folder; relative ones are looked for in {run.model.name}",
            param=f"spec.hyperparameters.extra.{kind.side}",
            advice=f"Put the files of {name} into a folder of the base model's, and name that.",
        )
    if home is not None and (home / name).is_dir():
        return home / name
    if Path(name).is_absolute():
        raise UserError(
            "ModelNotFound",
            f"{start.name}: config.json names {name}, a folder that is not here",
            param="spec.model.name",
            advice="Name the base model that it was trained from beside fromCheckpoint.",
        )
    # Imported here: the command line's checks need no Hub.
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415

    if isinstance(try_to_load_from_cache(name, "tokenizer_config.json"), str):
        return None
    return _fetched(run, kind, start, name)


def _fetched(run: Run, kind: Kind, start: Start, name: str) -> Path:
    try:
        return fetch_hub_model(name, "main", "tokenizer", (*FILES, WEIGHTS) if _loads(start, name) else FILES)
    except StageEnd as end:
        # Once it has been found, what goes wrong may go better the next time.
        if run.stage != "prepare":
            raise
        own = kind.side != BODY
        raise UserError(
            "ModelNotFound",
            f"{run.model.type} needs {name} too, which is neither in the base model's folder nor in the Hub's cache, and"
            f" it cannot be fetched: {end.message}",
            param=f"spec.hyperparameters.extra.{kind.side}" if own else "spec.model.name",
            advice=f"Copy {name} (config and tokenizer; its weights where load_vlm_weights is true) into a folder of the base model's, such as {name}/, and"
            f" name another one in extra.{kind.side}; of one that is gated, accept the terms with the model's token."
            if own
            else "Name the base model that it was trained from beside fromCheckpoint.",
        ) from end


def _loads(start: Start, name: str) -> bool:
    """Whether LeRobot loads the weights of `name` too: SmolVLA's own base model wants it."""
    configs = [config_of(each) for each in (start.folder, start.base) if each]
    return any(
        (each.get("load_vlm_weights") is True and each.get("vlm_model_name") == name) or each.get(BODY) == name
        for each in configs
    )


def _check_weights(start: Start, name: str, folder: Path) -> None:
    if _loads(start, name) and not any(folder.glob(WEIGHTS)):
        raise UserError(
            "ModelUnsupported",
            f"{start.name}: config.json says load_vlm_weights, and the folder of {name} has no {WEIGHTS}",
            param="spec.model.name",
            advice=f"Put the weights of {name} there too, or set load_vlm_weights to false in config.json: the policy's own"
            " take their place in any case.",
        )
