"""LeRobot's training loop, entered through its public entry point and held at as few places as it takes.

`lerobot-train` has no clock, hears no signal, keeps no rhythm of checkpoints but its own, and loses the random state on
resume. So while it runs, some functions that its module calls are stood in for; each does what it did, and asks a `Seam`
besides. All that this project knows of the loop's inside is in this module, and `test_lerobot_seam.py` fails loudly when
an upgrade moves any of it.
"""

from __future__ import annotations

import copy
import dataclasses
import shutil
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from trainer.backends.lerobot.decoding import quiet_about_decoders
from trainer.backends.lerobot.measuring import Measuring
from trainer.backends.lerobot.random_numbers import RandomState, aside
from trainer.distributed.agreement import is_first, processes
from trainer.failures import Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    from trainer.backends.lerobot.foreign import Foreign

HELD: Final = (
    *(
        "make_train_eval_datasets",
        "make_policy",
        "make_optimizer_and_scheduler",
        "load_training_state",
        "make_pre_post_processors",
    ),
    *("make_reward_pre_post_processors", "cycle", "update_policy", "should_save_checkpoint", "save_checkpoint"),
    *("update_last_checkpoint", "inside_slurm", "WandBLogger"),
)
"""The names in `lerobot.scripts.lerobot_train` that are stood in for."""
OF_THE_DATA: Final = 1
"""Marks the random numbers that fetch data, so that they are none of the training's."""


@dataclass(frozen=True, slots=True)
class Update:
    """The newest update of the weights: its number from 1, passes over the data so far, and LeRobot's metrics of it."""

    step: int
    epoch: float
    metrics: Mapping[str, float]


class Seam(Protocol):
    """What the loop asks, in this order. Alike in all processes of a training, but where it says otherwise."""

    @property
    def seed(self) -> int:
        """Of the random numbers that fetch data."""

    @property
    def validation_episodes(self) -> tuple[int, ...]:
        """Episodes of the dataset that are measured and not trained on; none: nothing is measured."""

    @property
    def ended(self) -> bool:
        """Whether no further update is to be made."""

    def configure(self, config: Foreign) -> None:
        """LeRobot has parsed and resolved everything: settings of its optimizer may be changed in place."""

    def schedule(self, optimizer: Foreign, scheduler: Foreign) -> Foreign:
        """Take LeRobot's learning-rate scheduler (None: it has none for this type), or put another in its place."""

    def received(self, fetched: Mapping[str, Foreign], batch: Mapping[str, Foreign], policy: Foreign) -> None:
        """The first batch, as it was fetched and as the policy will get it."""

    def begin(self, step: int) -> None:
        """Everything is loaded: the first update after `step` comes next."""

    def decide(self, update: Update, measure: Callable[[Callable[[], bool]], float | None]) -> bool:
        """Whether a checkpoint is to be taken after this update.

        `measure` gives the loss on the validation episodes; what it is given is asked before each batch whether to go
        on, and it gives None when not.
        """

    def folder(self, step: int) -> Path:
        """Where the checkpoint of `step` goes; asked of the first process alone."""

    def saved(self, step: int) -> None:
        """The files of that checkpoint are written; told to the first process alone, while the others wait."""


def train_loop(arguments: Sequence[str], seam: Seam) -> None:
    """Run `lerobot-train` with these arguments to the last step, or until the seam has ended it.

    Broken (ArgumentsRefused) when LeRobot does not take them: stage prepare parses them too, so nothing of the user's. NotMade
    when there is no policy.
    """
    from accelerate.state import AcceleratorState  # noqa: PLC0415 - heavy, and only stage train comes here
    from lerobot.scripts import lerobot_train  # noqa: PLC0415 - see above

    quiet_about_decoders()
    held = _Held(lerobot_train, seam)
    # A process may train twice, a reward model and then a policy, with another precision each time.
    AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001 - there is no public way
    with _standing_in(lerobot_train, {name: getattr(held, name) for name in HELD}), _argv(arguments):
        try:
            lerobot_train.main()
        except _Ended:
            pass
        except SystemExit as error:
            raise Broken(
                "ArgumentsRefused", f"lerobot-train did not take its arguments: {' '.join(arguments)}"
            ) from error


class NotMade(Exception):  # noqa: N818 - its cause is the error
    """LeRobot could not make the policy; why is the cause."""


class _Ended(Exception):  # noqa: N818 - nothing has failed
    """The way out of the loop, at the one place where all processes come and nothing is half done."""


class _Held:
    """The stand-ins, each under the name that it has in LeRobot's module, and what they remember."""

    def __init__(self, loop: ModuleType, seam: Seam) -> None:
        self._seam = seam
        self._original = {name: getattr(loop, name) for name in HELD}
        self._step = 0
        self._resumed: RandomState | None = None
        self._fetched: Mapping[str, Foreign] | None = None
        self._preprocessor: Foreign = None
        self._tracker: Foreign = None
        self._optimizer: Foreign = None
        self._measuring: Measuring | None = None
        self._validation: Foreign = None
        self._config: Foreign = None

    def WandBLogger(self, cfg: Foreign) -> Foreign:  # noqa: N802 - LeRobot's name
        """As before, but that a run which goes on from a checkpoint may be new to wandb: LeRobot insists that it is not.

        The first run that goes on from an earlier one's checkpoint is; a run's later attempts are one with its first.
        """
        import wandb  # noqa: PLC0415 - heavy, and for those who report

        with _standing_in(wandb, {"init": partial(_known_or_new, wandb.init)}):
            return self._original["WandBLogger"](cfg)

    def make_train_eval_datasets(self, cfg: Foreign) -> tuple[Foreign, None]:
        """The dataset to train on; the one to measure is kept here, because LeRobot's own can only be the last episodes."""
        self._config = cfg
        make, episodes = self._original["make_train_eval_datasets"], self._seam.validation_episodes
        dataset, _ = make(cfg)
        if episodes:
            held_out = copy.copy(cfg)
            untouched = dataclasses.replace(cfg.dataset.image_transforms, enable=False)
            held_out.dataset = dataclasses.replace(cfg.dataset, episodes=list(episodes), image_transforms=untouched)
            self._validation, _ = make(held_out)
        return dataset, None

    def make_policy(self, *args: Foreign, **options: Foreign) -> Foreign:
        """As before; what goes wrong there is marked, because settings and a base may be to blame."""
        try:
            return self._original["make_policy"](*args, **options)
        except Exception as error:
            raise NotMade from error

    def make_pre_post_processors(self, *args: Foreign, **options: Foreign) -> tuple[Foreign, Foreign]:
        """As before; the first of them is remembered, to prepare what is measured."""
        pair: tuple[Foreign, Foreign] = self._original["make_pre_post_processors"](*args, **options)
        self._preprocessor = pair[0]
        return pair

    def make_reward_pre_post_processors(self, *args: Foreign, **options: Foreign) -> tuple[Foreign, Foreign]:
        """The same for reward models, which LeRobot leaves without statistics on resume: their states would be raw then."""
        options.setdefault("dataset_stats", options["dataset_meta"].stats)
        pair: tuple[Foreign, Foreign] = self._original["make_reward_pre_post_processors"](*args, **options)
        self._preprocessor = pair[0]
        return pair

    def make_optimizer_and_scheduler(self, cfg: Foreign, policy: Foreign) -> tuple[Foreign, Foreign]:
        """With the run's own settings, and its schedule."""
        self._seam.configure(cfg)
        optimizer, scheduler = self._original["make_optimizer_and_scheduler"](cfg, policy)
        return optimizer, self._seam.schedule(optimizer, scheduler)

    def load_training_state(
        self,
        checkpoint_dir: Path,
        optimizer: Foreign,
        scheduler: Foreign,
        **options: Foreign,
    ) -> tuple[int, Foreign, Foreign]:
        """What the checkpoint holds, but for what the run itself decides: learning rate and weight decay."""
        own = _settings_of(optimizer, scheduler)
        loaded = self._original["load_training_state"](checkpoint_dir, optimizer, scheduler, **options)
        self._step, optimizer, scheduler = loaded
        self._resumed = RandomState.present()
        if not is_first():
            # Only the first process's state was saved, and no two may draw the same noise.
            with aside(self._seam.seed, self._step, _rank()):
                self._resumed = RandomState.present()
        _set_again(optimizer, scheduler, own)
        return self._step, optimizer, scheduler

    def cycle(self, dataloader: Foreign) -> Iterator[Foreign]:
        """Batches for ever, or until the training has ended. To fetch one draws nothing from the training's generators."""
        batches = self._original["cycle"](dataloader)
        first = True
        while not self._seam.ended:
            with aside(self._seam.seed, OF_THE_DATA, self._step, _rank()):
                self._fetched = next(batches)
            if first:
                # All that came between loading the checkpoint and here has drawn random numbers.
                if self._resumed is not None:
                    self._resumed.restore()
                self._seam.begin(self._step)
                first = False
            yield self._fetched
        raise _Ended

    def update_policy(
        self,
        train_metrics: Foreign,
        policy: Foreign,
        batch: Foreign,
        optimizer: Foreign,
        *args: Foreign,
        accelerator: Foreign,
        **options: Foreign,
    ) -> tuple[Foreign, Foreign]:
        """As before; the first batch is shown first."""
        if self._measuring is None:
            bare = accelerator.unwrap_model(policy)
            self._measuring = Measuring(
                bare, accelerator, self._preprocessor, self._validation, self._config, self._seam.seed
            )
            # It would end the process group, which what follows needs.
            accelerator.end_training = _nothing
            self._seam.received(self._fetched or {}, batch, bare)
        self._tracker, output = self._original["update_policy"](
            train_metrics, policy, batch, optimizer, *args, accelerator=accelerator, **options
        )
        self._optimizer = optimizer
        return self._tracker, output

    def should_save_checkpoint(self, step: int, save_freq: int, total_steps: int) -> bool:
        """The seam decides; LeRobot asks after every update, in every process."""
        del save_freq, total_steps
        self._step = step
        metrics = {name: float(meter.val) for name, meter in self._tracker.metrics.items() if meter.count}
        # LeRobot tells the rate of the first group, which for X-VLA is a tenth of the one that was asked for.
        metrics["lr"] = max(float(group["lr"]) for group in self._optimizer.param_groups)
        update = Update(step, float(self._tracker.epochs), metrics)
        return self._seam.decide(update, self._measuring.loss if self._measuring else _never)

    def save_checkpoint(self, checkpoint_dir: Path, step: int, **options: Foreign) -> None:
        """As before, to the seam's place."""
        del checkpoint_dir
        folder = self._seam.folder(step)
        shutil.rmtree(folder, ignore_errors=True)  # what an earlier pod of this attempt did not complete
        self._original["save_checkpoint"](folder, step, **options)
        self._seam.saved(step)

    def update_last_checkpoint(self, checkpoint_dir: Path) -> None:
        """No link: which checkpoint is the newest is told by markers."""

    def inside_slurm(self) -> bool:
        """No progress bar: a pod's log is no terminal."""
        return True


def _rank() -> int:
    if processes() == 1:
        return 0
    from torch import distributed  # noqa: PLC0415 - only where there are several

    return int(distributed.get_rank())


def _settings_of(optimizer: Foreign, scheduler: Foreign) -> tuple[list[dict[str, float]], list[float]]:
    """Of each group of weights what the run decides, and the scheduler's learning rates at its peak."""
    groups = [
        {"initial_lr": group.get("initial_lr", group["lr"]), "weight_decay": group.get("weight_decay", 0.0)}
        for group in optimizer.param_groups
    ]
    return groups, list(scheduler.base_lrs) if scheduler is not None else []


def _set_again(optimizer: Foreign, scheduler: Foreign, own: tuple[list[dict[str, float]], list[float]]) -> None:
    groups, peaks = own
    if scheduler is not None:
        scheduler.base_lrs = peaks
    factors = [factor(scheduler.last_epoch) for factor in scheduler.lr_lambdas] if scheduler is not None else []
    for index, (group, settings) in enumerate(zip(optimizer.param_groups, groups, strict=True)):
        if "weight_decay" in group:
            group["weight_decay"] = settings["weight_decay"]
        if scheduler is not None:
            group["initial_lr"] = peaks[index]
        group["lr"] = peaks[index] * factors[index] if scheduler is not None else settings["initial_lr"]


def _known_or_new(init: Callable[..., Foreign], **options: Foreign) -> Foreign:
    return init(**{**options, "resume": "allow"})


@contextmanager
def _standing_in(module: ModuleType, stand_ins: Mapping[str, object]) -> Iterator[None]:
    """Put these in the places of a module's names, and back what was there."""
    with ExitStack() as back:
        for name, stand_in in stand_ins.items():
            back.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, stand_in)
        yield


@contextmanager
def _argv(arguments: Sequence[str]) -> Iterator[None]:
    """LeRobot reads its arguments there, more than once."""
    before = sys.argv
    sys.argv = ["lerobot-train", *arguments]
    try:
        yield
    finally:
        sys.argv = before


def _nothing() -> None:
    """Done already, or not yet."""


def _never(_goes_on: Callable[[], bool]) -> None:
    """No update has been made, so there is nothing to measure."""
