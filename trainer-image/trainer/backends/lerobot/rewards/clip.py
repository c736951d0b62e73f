"""The frozen CLIP that SARM sees and reads with. LeRobot names a repository of the Hub, which a cluster need not reach."""

from __future__ import annotations

import json
import random
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trainer.failures import UserError
from trainer.neighbours import listing, what_is_there
from trainer.rewards.hyperparameters import reward_hyperparameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trainer.contract.run import Run

REPOSITORY: Final = "openai/clip-vit-base-patch32"
"""The one that LeRobot 0.6.1 names."""
EMBEDDING: Final = 512
"""Numbers of an embedding that SARM takes."""
PARAM: Final = "spec.reward.hyperparameters.clipModel"
TOKENIZERS: Final = ("tokenizer.json", "vocab.json")
IMAGE_PROCESSORS: Final = ("preprocessor_config.json", "processor_config.json")


def find_clip(run: Run) -> Path:
    """The folder of the CLIP: the one that is named, else the Hub's cache has it.

    UserError (ClipMissing) when there is none, or it is not one that SARM can use.
    """
    named = reward_hyperparameters(run).clip_model
    if named:
        folder = Path(named)
        if not folder.is_dir():
            raise _missing(f"there is no folder {named}.{what_is_there(folder)}")
    else:
        cached = _cached()
        if cached is None:
            raise _missing(f"{REPOSITORY} is not in the Hub's cache, and clipModel names no folder")
        folder = cached
    _check(folder)
    return folder


@contextmanager
def clip_at(folder: Path) -> Iterator[None]:
    """While in here SARM takes its CLIP from `folder`, whatever repository it names.

    And it draws its made-up tasks from Python's generator, whose state is in checkpoints: Faker has one of its own.
    """
    from lerobot.rewards.sarm import processor_sarm as sarm  # noqa: PLC0415 - heavy

    before = sarm.CLIPModel, sarm.CLIPProcessor, sarm.Faker
    sarm.CLIPModel, sarm.CLIPProcessor = _From(before[0], folder), _From(before[1], folder)
    sarm.Faker = _faker(before[2])
    try:
        yield
    finally:
        sarm.CLIPModel, sarm.CLIPProcessor, sarm.Faker = before


class _From:
    """Stands in for a class of transformers' whose `from_pretrained` is given a repository."""

    def __init__(self, loaded: Any, folder: Path) -> None:  # noqa: ANN401 - a class of transformers'
        self._loaded = loaded
        self._folder = folder

    def from_pretrained(self, _repository: str, **options: Any) -> Any:  # noqa: ANN401 - see above
        """What lies in the folder."""
        return self._loaded.from_pretrained(self._folder, **options)


class _Python(random.Random):
    """Python's own generator, for those who want one of their own."""

    def random(self) -> float:
        """A number from 0 to 1."""
        return random.random()  # noqa: S311 - no secret

    def getrandbits(self, k: int, /) -> int:
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


def _check(folder: Path) -> None:
    config = _config(folder)
    if config.get("model_type") != "clip":
        raise _missing(f"the config.json in {folder} describes {config.get('model_type')!r}, must be 'clip'")
    if config.get("projection_dim", EMBEDDING) != EMBEDDING:
        raise _missing(
            f"the CLIP in {folder} makes embeddings of {config['projection_dim']} numbers, SARM takes {EMBEDDING}"
        )
    if not any(folder.glob("*.safetensors")):
        raise _missing(f"{folder} holds no weights as safetensors.{listing(folder)}")
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
        f"a reward model sees with the CLIP {REPOSITORY}: {problem}",
        param=PARAM,
        advice="Put that repository's files with its safetensors on a volume, mount it by spec.podTemplate.volumes, and"
        " set reward.hyperparameters.clipModel to the folder; or give spec.cache a volume whose Hub cache has it.",
    )
