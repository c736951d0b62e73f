"""Progress of every frame, computed by LeRobot's own function and put in place when it is whole.

The function is called, never its program: that uploads the file to the Hub whatever its options say.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trainer.backends.lerobot.rewards.clip import clip_at
from trainer.failures import UserError
from trainer.rewards.progress_file import MOST_MISSING
from trainer.workspace.durability import make_readable, sync
from trainer.workspace.fence import check_fence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from trainer.contract.robots import HeadMode

FAILED: Final = "Failed to process frame"
"""How LeRobot begins the one line that it writes for a frame that could not be computed."""
LINES: Final = 20
"""That are printed on the way."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is computed: by the model at `model`, of all frames of the dataset at `dataset`, for every `stride`th frame."""

    model: Path
    dataset: Path
    clip: Path
    head_mode: HeadMode
    stride: int
    frames: int
    device: str


def compute_progress(question: Question, target: Path, fence: tuple[Path, int], goes_on: Callable[[], None]) -> int:
    """Put the file of progress at `target`, in one step; the frames that could not be computed.

    `fence`: its file and this attempt. `goes_on` is asked before each frame, and may raise. UserError
    (ProgressIncomplete) as soon as too many frames have failed.
    """
    from lerobot.rewards.sarm import compute_rabc_weights as lerobot  # noqa: PLC0415 - heavy

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.stem}-of-{fence[1]}.parquet")
    failures = _Failures()
    asked = -(-question.frames // question.stride)
    with ExitStack() as held:
        held.enter_context(clip_at(question.clip))
        held.enter_context(_counting(failures))
        held.enter_context(_asking(lerobot, _Frames(goes_on, failures, asked)))
        held.callback(partial.unlink, missing_ok=True)
        lerobot.compute_sarm_progress(
            # Joined to the folder where LeRobot looks for datasets: an absolute path stays what it is.
            str(question.dataset.resolve()),
            str(question.model),
            output_path=str(partial),
            head_mode=question.head_mode,
            device=question.device,
            num_visualizations=0,
            stride=question.stride,
        )
        make_readable(partial)
        sync(partial)
        check_fence(*fence)
        partial.replace(target)
        sync(target.parent)
    return failures.count


class _Failures(logging.Handler):
    """Counts the frames that failed, which LeRobot tells its log alone."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]  # Python 3.11 has no typing.override
        message = record.getMessage()
        if message.startswith(FAILED):
            self.count += 1
            self.first = self.first or message


@dataclass(slots=True)
class _Frames:
    """Stands in for LeRobot's progress bar, through which all episodes and frames go."""

    goes_on: Callable[[], None]
    failures: _Failures
    asked: int
    seen: int = field(default=0)

    def __call__(self, items: Iterable[Any], desc: str = "", **_: object) -> Iterator[Any]:
        """The items; frames are counted, and each is asked for."""
        frames = desc.strip().startswith("Ep ")
        for item in items:
            self.goes_on()
            self._check()
            yield item
            self.seen += frames
            if frames and self.seen % max(1, self.asked // LINES) == 0:
                print(f"progress of {self.seen} of {self.asked} frames is computed", flush=True)

    def _check(self) -> None:
        if self.failures.count > MOST_MISSING * self.asked:
            raise UserError(
                "ProgressIncomplete",
                f"{self.failures.count} of {self.seen} frames could not be computed, more than {MOST_MISSING:.0%} of all;"
                f" the first: {self.failures.first}",
                param="spec.reward",
                advice="Mend the dataset, or leave broken episodes out by datasets[].episodes.",
            )


@contextmanager
def _counting(failures: _Failures) -> Iterator[None]:
    root = logging.getLogger()
    root.addHandler(failures)
    try:
        yield
    finally:
        root.removeHandler(failures)


@contextmanager
def _asking(lerobot: Any, frames: _Frames) -> Iterator[None]:  # noqa: ANN401 - a module
    before = lerobot.tqdm
    lerobot.tqdm = frames
    try:
        yield
    finally:
        lerobot.tqdm = before
