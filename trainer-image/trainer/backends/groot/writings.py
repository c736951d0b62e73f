"""The checkpoints that GR00T's trainers write: when one is whole, and how it becomes one of ours."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.workspace.checkpoints import Checkpoint, bring_to_disk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trainer.contract.sources import ModelType

LEROBOT: Final = "gr00t_n1_5"
"""The type that LeRobot trains; NVIDIA's launcher trains the other one."""
NUMBERED: Final = re.compile(r"(?:checkpoint-)?(\d+)")
QUIET_SECONDS: Final = 20.0
"""Without a change, after which a folder that nothing else declares whole is."""
STATE: Final = re.compile(
    r"optimizer\.pt|scheduler\.pt|scaler\.pt|rng_state.*|trainer_state\.json|training_args\.bin|latest|zero_to_fp32\.py|global_step\d+|COMPLETE\.json"
)
"""What a checkpoint of transformers has beside the model."""


@dataclass(frozen=True, slots=True)
class Written:
    """A checkpoint as a trainer wrote it, after `step` steps."""

    step: int
    path: Path


def written(output: Path, kind: ModelType) -> list[Written]:
    """What lies in a trainer's output folder, oldest first; not what it went on from, which is a link."""
    folder = output / "checkpoints" if kind == LEROBOT else output
    found = [
        Written(int(match.group(1)), path)
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.is_dir() and not path.is_symlink() and (match := NUMBERED.fullmatch(path.name))
    ]
    return sorted(found, key=lambda each: each.step)


class Whole:
    """Knows which of the checkpoints are whole while their trainer goes on.

    LeRobot says so by a link `last`. Of the other one a folder is whole once its `trainer_state.json` is there and nothing
    in it has changed for a while: what its makers' callbacks add comes after that file. `ended`: its trainer has, well.
    """

    def __init__(self, output: Path, kind: ModelType) -> None:
        self._output = output
        self._kind = kind
        self._seen: dict[Path, tuple[Mapping[str, int], float]] = {}

    def checkpoints(self, now: float, *, ended: bool = False) -> Iterator[Written]:
        """Those that are, oldest first; `now` in seconds of a clock that never steps back."""
        for each in written(self._output, self._kind):
            declared = self._last() >= each.step if self._kind == LEROBOT else self._is_quiet(each, now)
            if declared or (ended and self._is_begun(each)):
                yield each

    def _last(self) -> int:
        last = self._output / "checkpoints/last"
        match = NUMBERED.fullmatch(last.readlink().name) if last.is_symlink() else None
        return int(match.group(1)) if match else -1

    def _is_begun(self, each: Written) -> bool:
        return (each.path / ("training_state" if self._kind == LEROBOT else "trainer_state.json")).exists()

    def _is_quiet(self, each: Written, now: float) -> bool:
        if not self._is_begun(each):
            return False
        sizes = {str(file): file.stat().st_size for file in each.path.rglob("*") if file.is_file()}
        before, since = self._seen.get(each.path, ({}, now))
        self._seen[each.path] = (sizes, since if sizes == before else now)
        return sizes == before and now - since >= QUIET_SECONDS


def adopt(each: Written, folder: Path, attempt: int) -> Checkpoint:
    """Move a whole checkpoint to where ours lie, on the disk and still without its marker."""
    checkpoint = Checkpoint(each.step, attempt, folder / f"checkpoint-{each.step}")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(checkpoint.path, ignore_errors=True)
    each.path.rename(checkpoint.path)
    bring_to_disk(checkpoint)
    return checkpoint


def lend(checkpoint: Checkpoint, output: Path, kind: ModelType) -> Path:
    """The checkpoint where its trainer looks for one to go on from: a link for NVIDIA's, the folder itself for LeRobot."""
    output.mkdir(parents=True, exist_ok=True)
    if kind == LEROBOT:
        return checkpoint.path
    link = output / f"checkpoint-{checkpoint.step}"
    link.symlink_to(checkpoint.path, target_is_directory=True)
    return link


def take_model(checkpoint: Checkpoint, target: Path, kind: ModelType) -> None:
    """Copy what a checkpoint has of the model, without the state of its training, into the new folder `target`."""
    source = checkpoint.path / "pretrained_model" if kind == LEROBOT else checkpoint.path
    shutil.copytree(source, target, ignore=lambda _folder, names: [each for each in names if STATE.fullmatch(each)])
