"""What `make` runs, and that a commit is held to the same checks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import yaml

from tests.checks import CHECKS

ROOT: Final = Path(__file__).parents[2]


def planned(target: str, **variables: str) -> list[str]:
    """The commands that make would run."""
    given = [f"{name}={value}" for name, value in variables.items()]
    command = ["make", "--dry-run", "--silent", target, *given]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_a_commit_is_held_to_the_checks_of_make_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert {hook["id"] for hook in hooks} == {check.name for check in CHECKS}
    assert [hook["entry"] for hook in hooks] == [f".venv/bin/python -m tests.checks {hook['id']}" for hook in hooks]


def test_the_cache_is_removed_after_all_clusters_and_never_through_a_mount(tmp_path: Path) -> None:
    (tmp_path / "clusters" / "one").mkdir(parents=True)
    ending, removing = planned("clean-cache", CACHE=str(tmp_path))[-2:]
    assert ending.endswith("python -m tests.cluster down --all")
    assert removing == f"rm -rf --one-file-system {tmp_path}"


def test_an_environment_is_not_made_to_be_removed(tmp_path: Path) -> None:
    assert [line for line in planned("clean-cache", CACHE=str(tmp_path)) if line] == [
        f"rm -rf --one-file-system {tmp_path}"
    ]


def test_an_empty_name_of_a_cluster_reaches_the_program_that_answers_it() -> None:
    for target, module in {
        "demo": "tests.demo",
        "cluster": "tests.cluster up",
        "cluster-down": "tests.cluster down",
    }.items():
        (command,) = (line for line in planned(target, CLUSTER="") if module in line)
        assert "''" in command


def test_all_tests_are_those_of_make_test_and_more() -> None:
    assert planned("test-all")[-1] == f"{planned('test')[-1]} --all"
