"""The process that trains can write to the workspace and a temporary folder only, whatever the image says."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.trainer.documents import CHECKOUT
from trainer.environment import worker_environment

CACHES = ("HOME", "XDG_CACHE_HOME", "HF_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")


@pytest.mark.parametrize("name", CACHES)
def test_every_cache_is_in_the_temporary_folder(name: str, tmp_path: Path) -> None:
    image = dict.fromkeys(CACHES, "/cache/of-the-image")
    given = worker_environment(image, cpus=2, folder=tmp_path)
    assert Path(given[name]).is_relative_to(tempfile.gettempdir())


@pytest.mark.parametrize(
    "module", ["failures", "contract.result", "contract.reading", "contract.run", "contract.verdict"]
)
def test_each_module_of_the_contract_can_be_imported_first(module: str) -> None:
    command = [sys.executable, "-c", f"import typing; typing.TYPE_CHECKING = True; import trainer.{module}"]
    environment = {"PYTHONPATH": str(CHECKOUT / "trainer-image"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
