"""The environment: which variables the trainer reads, and which it sets for the process that trains."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer import signs

if TYPE_CHECKING:
    from collections.abc import Mapping

RUN_JSON: Final = "FINETUNE_RUN_JSON"
TERMINATION_LOG: Final = "FINETUNE_TERMINATION_LOG"
VERDICT_FILE: Final = "FINETUNE_VERDICT_FILE"


@dataclass(frozen=True, slots=True)
class Places:
    """Files outside the workspace; other than the contract's only in local runs and tests."""

    run_json: Path
    termination_log: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Places:
        """The contract's paths, unless the environment names others."""
        return cls(
            run_json=Path(environment.get(RUN_JSON, "/etc/finetune/run.json")),
            termination_log=Path(environment.get(TERMINATION_LOG, "/dev/termination-log")),
        )


def worker_environment(environment: Mapping[str, str], cpus: float, folder: Path) -> dict[str, str]:
    """The variables for a process that works: it leaves its verdict and its signs of life in `folder`.

    Threads follow the CPU limit: more would fight over it, ten times slower.
    """
    return {
        **environment,
        **library_environment(),
        VERDICT_FILE: str(verdict_file(folder)),
        signs.FOLDER: str(folder),
        "USER": environment.get("USER", "finetune"),  # torch asks for a name, and an odd user id has none
        # transformers would push progress by itself, and 100 % after every end.
        "DISABLE_KUBEFLOW_INTEGRATION": "TRUE",
        "OMP_NUM_THREADS": str(max(1, int(cpus))),
        "PYTHONUNBUFFERED": "1",
    }


def verdict_file(folder: Path) -> Path:
    """Where in PID 1's folder the processes leave the verdict."""
    return folder / "verdict.json"


def library_environment() -> dict[str, str]:
    """The variables under which the libraries may be imported anywhere: a read-only root, any user id, no network.

    What they want to keep goes into a temporary folder; nothing is fetched, because model and data are in place.
    """
    home = tempfile.gettempdir()
    return {
        "HOME": home,
        "XDG_CACHE_HOME": f"{home}/cache",
        "HF_HOME": f"{home}/huggingface",
        "TRITON_CACHE_DIR": f"{home}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{home}/inductor",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
