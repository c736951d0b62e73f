"""The frozen CLIP that SARM sees and reads with. LeRobot names a repository of the Hub, which a cluster need not reach."""

from __future__ import annotations

import json
import random
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trainer.backends.lerobot.side_models import in_their_places
from trainer.failures import Broken, UserError
from trainer.neighbours import listing, what_is_there
from trainer.rewards.hyperparameters import reward_hyperparameters
from trainer.transfer.hub_models import fetch_hub_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trainer.contract.run import Run

REPOSITORY: Final = "openai/clip-vit-base-patch32"
"""The one that LeRobot 0.6.1 names."""
EMBEDDING: Final = 512
"""Numbers of an embedding that SARM takes."""
PARAM: Final = "spec.reward.hyperparameters.clipModel"
FILES: Final = ("*.json", "*.txt", "*.safetensors", "pytorch_model.bin")
"""Of the repository, what is of use; its safetensors may be missing, and transformers reads the others without running code."""
WEIGHTS: Final = ("*.safetensors", "pytorch_model.bin")
TOKENIZERS: Final = ("tokenizer.json", "vocab.json")
IMAGE_PROCESSORS: Final = ("preprocessor_config.json", "processor_config.json")


def find_clip(run: Run) -> Path:
    """The folder of the CLIP: the one that is named, else the one in the Hub's cache, else it is fetched as all sources are.

    UserError (ClipMissing) when there is none, or it is not one that SARM can use.
    """
    named = reward_hyperparameters(run).clip_model
    if named:
        folder = Path(named)
        if not folder.is_dir():
            raise _missing(f"there is no folder {named}.{what_is_there(folder)}")
    else:
        folder = _cached() or _fetched(run)
    _check(folder)
    return folder


@contextmanager
def clip_at(folder: Path) -> Iterator[None]:
    """While in here SARM takes its CLIP from `folder`, whatever repository it names.

    And it draws its made-up tasks from Python's generator, whose state is in checkpoints: Faker has one of its own.
    """
    from lerobot.rewards.sarm import processor_sarm as sarm  # noqa: PLC0415 - heavy

    before = sarm.Faker
    sarm.Faker = _faker(before)
    try:
        with in_their_places({REPOSITORY: folder}):
            yield
    finally:
        sarm.Faker = before


class _Python(random.Random):
    """Python's own generator, for those who want one of their own."""

    def random(self) -> float:  # type: ignore[explicit-override]  # Python 3.11 has no typing.override
        """A number from 0 to 1."""
        return random.random()  # noqa: S311 - no secret

    def getrandbits(self, k: int, /) -> int:  # type: ignore[explicit-override]  # see above
        """So many random bits."""
        return random.getrandbits(k)


def _faker(original: Callable[[], Any]) -> Callable[[], Any]:
    def make() -> Any:  # noqa: ANN401 - a library's object
        fake = original()
        fake.random = _Python()
        return fake

    return make


def _cached() -> Path | None:
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - only where no folder is named

    found = try_to_load_from_cache(REPOSITORY, "config.json")
    return Path(found).parent if isinstance(found, str) else None


def _fetched(run: Run) -> Path:
    try:
        return fetch_hub_model(REPOSITORY, "main", "image encoder", FILES)
    except Broken as end:
        # A server that does not answer may answer the next time.
        raise Broken(
            end.code, f"{_SEES}: {end.message}", param=PARAM, advice=f"{end.advice} Without a way there: {_ADVICE}"
        ) from end
    except UserError as end:
        if run.stage != "prepare":
            raise
        problem = f"clipModel names no folder, it is not in the Hub's cache, and it cannot be fetched: {end.message}"
        raise _missing(problem) from end


def _check(folder: Path) -> None:
    config = _config(folder)
    if config.get("model_type") != "clip":
        raise _missing(f"the config.json in {folder} describes {config.get('model_type')!r}, must be 'clip'")
    if config.get("projection_dim", EMBEDDING) != EMBEDDING:
        raise _missing(
            f"the CLIP in {folder} makes embeddings of {config['projection_dim']} numbers, SARM takes {EMBEDDING}"
        )
    if not any(each for pattern in WEIGHTS for each in folder.glob(pattern)):
        raise _missing(f"{folder} holds no weights ({' or '.join(WEIGHTS)}).{listing(folder)}")
    for what, names in {"tokenizer": TOKENIZERS, "image processor": IMAGE_PROCESSORS}.items():
        if not any((folder / name).is_file() for name in names):
            raise _missing(f"{folder} holds no {what} ({' or '.join(names)}).{listing(folder)}")


def _config(folder: Path) -> Mapping[str, object]:
    try:
        config: object = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise _missing(f"{folder} holds no config.json.{listing(folder)}") from error
    except ValueError as error:
        raise _missing(f"the config.json in {folder} is not JSON: {error}") from error
    return config if isinstance(config, dict) else {}


def _missing(problem: str) -> UserError:
    return UserError(
        "ClipMissing",
        f"{_SEES}: {problem}",
        param=PARAM,
        advice=f"{_ADVICE[0].upper()}{_ADVICE[1:]}",
    )


_SEES: Final = f"a reward model sees with the CLIP {REPOSITORY}"
_ADVICE: Final = (
    "put that repository's files on a volume, mount it by spec.podTemplate.volumes, and set"
    " reward.hyperparameters.clipModel to the folder; or give spec.cache a volume whose Hub cache has it."
)
