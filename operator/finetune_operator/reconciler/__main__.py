"""``python -m finetune_operator.reconciler``: the operator as a process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys

from finetune_operator.cluster.connection import NoCluster
from finetune_operator.reconciler.assembly import assemble
from finetune_operator.reconciler.logs import configure
from finetune_operator.reconciler.progress import AuthorityError
from finetune_operator.reconciler.resync import RewoundError
from finetune_operator.reconciler.settings import Settings, SettingsError, load_settings
from finetune_operator.reconciler.wiring import operate

log = logging.getLogger("finetune_operator")


def main() -> None:
    """Run until SIGTERM or SIGINT. Exit code 0 then, 2 for what somebody must set right, 1 for anything else."""
    try:
        settings = load_settings(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    configure(settings.log_level)
    # What was imported stays: the collector need not look through it again for each page of a list that is read.
    gc.freeze()
    try:
        asyncio.run(_until_told(settings))
    except Exception as error:  # noqa: BLE001 - explained, and the exit code tells
        sys.exit(_explained(_first(error)))


async def _until_told(settings: Settings) -> None:
    work = asyncio.ensure_future(operate(settings, os.environ, assemble))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        log.info("ending as asked")


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _explained(error: Exception) -> int:
    """Log why we end; the exit code. A sentence for a mistake that can be set right, a traceback for a defect."""
    if isinstance(error, NoCluster | SettingsError | AuthorityError | OSError):
        log.error("cannot run: %s", error)
        return 2
    if isinstance(error, RewoundError):
        log.error("ending, to begin anew: the API server was set back to an earlier state: %s", error)
        return 1
    log.error("ending because of a defect", exc_info=error)
    return 1


if __name__ == "__main__":
    main()
