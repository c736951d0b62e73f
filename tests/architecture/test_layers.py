"""The layers: every import contract of pyproject.toml is kept, and a contract that is broken is noticed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the linter says of a checkout."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_contract_is_kept() -> None:
    said = linted(ROOT)
    assert said.returncode == 0, said.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in said.stdout


BREACHES = {
    "the pure core reads the clock": ("planning/decide.py", "import time"),
    "the pure core reads the environment": ("api/names.py", "import os"),
    "planning reaches for the cluster": ("planning/decide.py", "import finetune_operator.cluster.client"),
    "the cluster reaches for planning": ("cluster/client.py", "import finetune_operator.planning.decide"),
    "the api reaches for the catalog": ("api/names.py", "import finetune_operator.catalog.lookup"),
    "the reconciler talks to Kubernetes itself": ("reconciler/reconcile.py", "import kubernetes"),
    "the cluster listens to kopf": ("cluster/client.py", "import kopf"),
    "one manifest knows another": ("planning/manifests/claim.py", "import finetune_operator.planning.manifests.pod"),
}


@pytest.mark.parametrize(("module", "statement"), BREACHES.values(), ids=BREACHES)
def test_it_is_noticed_when(tmp_path: Path, module: str, statement: str) -> None:
    shutil.copytree(ROOT / "operator", tmp_path / "operator", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "operator" / "finetune_operator" / module
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{statement}\n", encoding="utf-8")
    said = linted(tmp_path)
    assert said.returncode == 1
    assert "1 broken" in said.stdout or "2 broken" in said.stdout
