"""``python -m tests.controlplane.ahead``: the operator with a clock that is ahead of the cluster's.

Who failed for the first time is tried again ten seconds later. Here it takes three, and is a wait all the same: it is
told, and whoever is killed in it must not forget it.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from finetune_operator.reconciler.assembly import assemble
from finetune_operator.reconciler.logs import configure
from finetune_operator.reconciler.settings import load_settings
from finetune_operator.reconciler.wiring import Assembly, Parts, operate

AHEAD: Final = timedelta(seconds=7)
MODULE: Final = "tests.controlplane.ahead"


def main() -> None:
    """Run until it is killed."""
    settings = load_settings(os.environ)
    configure(settings.log_level)
    asyncio.run(operate(settings, os.environ, _assembled_ahead))


async def _assembled_ahead(parts: Parts) -> Assembly:
    """Its leadership goes by the true time: only what it thinks of jobs is ahead."""

    def now() -> datetime:
        return parts.now() + AHEAD

    return await assemble(replace(parts, now=now))


if __name__ == "__main__":
    main()
