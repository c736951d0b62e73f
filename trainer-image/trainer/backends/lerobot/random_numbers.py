"""The random numbers of a training: kept apart from those that fetch its data and measure it, and the same after a kill.

Python's, numpy's and torch's generators. LeRobot's policies draw from all three.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_SEED: Final = 2**32
"""That numpy takes."""


@dataclass(frozen=True, slots=True)
class RandomState:
    """Where all generators of this process were at one moment; `cuda` is None without a GPU."""

    python: Any
    numpy: Any
    torch: torch.Tensor
    cuda: torch.Tensor | None

    @classmethod
    def present(cls) -> RandomState:
        """Where they are now."""
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        return cls(random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)  # noqa: NPY002 - what policies draw from

    def restore(self) -> None:
        """Put them back there."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002 - see above
        torch.set_rng_state(self.torch)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda)


def seed_all(*parts: int) -> None:
    """Seed all generators from some numbers: other ones with any other numbers."""
    seed = int(np.random.SeedSequence(parts).generate_state(1)[0]) % LARGEST_SEED
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - see above
    torch.manual_seed(seed)


@contextmanager
def aside(*parts: int) -> Iterator[None]:
    """Draw from generators seeded with these numbers; afterwards all are where they were."""
    before = RandomState.present()
    seed_all(*parts)
    try:
        yield
    finally:
        before.restore()
