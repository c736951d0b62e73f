"""Which numbers run.json may hold."""

from __future__ import annotations

from typing import Final

from trainer.contract.reading import Bounds

POSITIVE: Final = Bounds(above=0)
AT_LEAST_ONE: Final = Bounds(least=1)
NOT_NEGATIVE: Final = Bounds(least=0)
SHARE: Final = Bounds(least=0, most=1)
