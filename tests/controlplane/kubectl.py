"""The real kubectl, pointed at the test's API server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

from tests.support.apiserver import ApiServer

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


def kubectl_for(server: ApiServer) -> Kubectl:
    """The program; its arguments, and text for its standard input as ``given``."""
    program = shutil.which("kubectl") or _built()

    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            input=given,
            env=server.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def _built() -> str:
    from tests.cluster.build import ensure_program  # noqa: PLC0415 - building is for those who have none

    return str(ensure_program("kubectl"))
