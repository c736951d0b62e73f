"""The loss on episodes that are not trained on: the same frames and the same noise each time, and no trace of it after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from trainer.backends.lerobot.random_numbers import aside
from trainer.distributed.agreement import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer.backends.lerobot.foreign import Foreign

MOST_FRAMES: Final = 2048
"""That an evaluation looks at, evenly spread: neighbours hardly differ, and a camera's pictures are slow to decode."""
OF_THE_MEASURE: Final = 2
"""Marks the random numbers of an evaluation."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """What it takes to measure a policy; no `dataset`: there is nothing to measure on. All but the seed is LeRobot's."""

    policy: Foreign
    accelerator: Foreign
    preprocessor: Foreign
    dataset: Foreign
    config: Foreign
    seed: int

    def loss(self, goes_on: Callable[[], bool]) -> float | None:
        """The mean over all processes' frames, each of which takes its share; None when `goes_on` said no, or no dataset.

        `goes_on` is asked before each batch, equally often in all processes.
        """
        if self.dataset is None:
            return None
        total = torch.zeros(2, dtype=torch.float64, device=self.accelerator.device)
        self.policy.eval()
        try:
            with aside(self.seed, OF_THE_MEASURE, self.accelerator.process_index), torch.no_grad():
                for batch, rows in self._batches():
                    if not goes_on():
                        return None
                    with self.accelerator.autocast():
                        loss, _ = self.policy.forward(batch)
                    total += torch.tensor([float(loss) * rows, rows], dtype=torch.float64, device=total.device)
        finally:
            self.policy.train()
        if processes() > 1:
            torch.distributed.all_reduce(total)
        return float(total[0] / total[1])

    def _batches(self) -> Iterator[tuple[Foreign, int]]:
        """The batches of this process, prepared as LeRobot prepares those that it trains on."""
        sharers = self.accelerator.num_processes
        frames = evenly_spread(len(self.dataset), MOST_FRAMES, sharers)
        own = frames[self.accelerator.process_index :: sharers]
        workers = self.config.num_workers
        loader = torch.utils.data.DataLoader(
            torch.utils.data.Subset(self.dataset, own),
            batch_size=self.config.batch_size,
            num_workers=workers,
            multiprocessing_context=self.config.dataloader_multiprocessing_context if workers else None,
        )
        for batch in loader:
            for key in self.dataset.meta.camera_keys:
                if key in batch and batch[key].dtype == torch.uint8:
                    batch[key] = batch[key].to(dtype=torch.float32) / 255.0
            rows = len(batch["index"])
            yield self.preprocessor(batch), rows


def evenly_spread(count: int, most: int, sharers: int) -> list[int]:
    """At most `most` of so many indices, as far apart as they can be; each of `sharers` gets equally many."""
    taken = max(sharers, min(count, most) // sharers * sharers)
    return [index * count // taken for index in range(taken)]
