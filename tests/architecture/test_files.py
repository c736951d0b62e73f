"""What is generated is fresh, what is pinned is pinned, and nothing names a place that only one machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml
from pip._internal.models.index import PyPI

from finetune_operator.api.crd import KINDS
from finetune_operator.api.model import ApiModel, Json
from tests.architecture.tree import ROOT, text_of, tracked_files

SAMPLES: Final = sorted((ROOT / "crds" / "samples").rglob("*.yaml"))
SPECS: Final = {kind.kind: kind.spec for kind in KINDS}
REQUIREMENTS: Final = sorted(path for path in tracked_files() if re.search(r"requirements.*\.(txt|in)$", path))

MACHINE_PLACES: Final = re.compile(r"(?<![\w.$}/-])/(work|root|home)/[\w.]")
"""A home or a workplace of somebody's machine."""


def test_the_definitions_are_what_the_models_say() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "finetune_operator.api.crd", "--check"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_commented_and_valid(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    for body in yaml.safe_load_all(text):
        model = SPECS.get(body["kind"])
        if model is not None:
            assert _known(body["spec"], model), f"{path}: a field that the schema does not know"


@pytest.mark.parametrize("path", REQUIREMENTS)
def test_requirements_come_from_whatever_index_the_machine_uses(path: str) -> None:
    lines = text_of(path).splitlines()
    assert not [
        line for line in lines if re.match(r"\s*(-i|--index-url|--extra-index-url|--find-links|--trusted-host)\b", line)
    ]


@pytest.mark.parametrize("path", [path for path in REQUIREMENTS if path.endswith(".txt")])
def test_compiled_requirements_are_pinned_with_hashes(path: str) -> None:
    joined = text_of(path).replace("\\\n", " ")
    packages = [line for line in joined.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    loose = [line.split()[0] for line in packages if "==" not in line or "--hash=sha256:" not in line]
    assert packages
    assert not loose


def test_no_file_names_a_place_of_one_machine() -> None:
    found = {path: MACHINE_PLACES.findall(text_of(path)) for path in tracked_files() if not path.endswith("go.sum")}
    assert not {path for path, places in found.items() if places} - {"tests/architecture/test_files.py"}


def test_no_file_names_a_registry_that_this_machine_uses() -> None:
    hosts = _registry_hosts()
    assert hosts, "pip always has an index"
    named = re.compile("|".join(map(re.escape, sorted(hosts))))
    assert not [path for path in tracked_files() if named.search(text_of(path))]


def test_no_secret_is_kept() -> None:
    secret = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]|eyJhbGciOi\w+\.eyJ")
    assert not [path for path in tracked_files() if secret.search(text_of(path))]


def _registry_hosts() -> set[str]:
    """From the machine's own settings: named here, they would stand in a tracked file."""
    said = [PyPI.url, PyPI.file_storage_domain and f"https://{PyPI.file_storage_domain}"]
    if go := shutil.which("go"):
        said.append(subprocess.run([go, "env", "GOPROXY"], capture_output=True, text=True, check=False).stdout)
    sources = [*Path("/etc/apt").glob("sources.list*"), *Path("/etc/apt/sources.list.d").glob("*.sources")]
    said += [path.read_text(encoding="utf-8") for path in sources if path.is_file()]
    return set(re.findall(r"https?://([\w.-]+)", "\n".join(said)))


def _known(given: Json, model: type[ApiModel]) -> bool:
    return _subset(given, model.model_validate(given).wire())


def _subset(part: object, whole: object) -> bool:
    """Whether everything that was written is still there after reading: what a model does not know, it drops."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _subset(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(_subset, part, whole))
    return True
