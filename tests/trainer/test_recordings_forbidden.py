"""Files that only their owner may read, looked at by another user: told as such, and nobody copies them again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.trainer.recording_faults import EPISODES, OLD_TABLE, TABLE, VIDEO
from tests.trainer.recordings_on_disk import TOP, write_recording

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root can")

NOBODY: Final = 65534
SCRIPT: Final = """
import json, os, sys
from pathlib import Path
from tests.trainer.robot_runs import robot_run
from trainer.failures import StageEnd
from trainer.recordings.preflight import check_recordings
import trainer.recordings.making
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
told = {}
for folder in sorted(Path(sys.argv[2]).iterdir()):
    try:
        check_recordings(robot_run(Path("/nowhere"), [folder]))
    except StageEnd as end:
        told[folder.name] = [type(end).__name__, end.code, end.message, end.advice]
print(json.dumps(told))
"""
V21: Final[dict[str, Any]] = {"version": "v2.1"}
VIDEOS: Final[dict[str, Any]] = {"videos": True}
CLOSED: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "info": ("meta/info.json", {}),
    "statistics": ("meta/stats.json", {}),
    "tasks": ("meta/tasks.parquet", {}),
    "episodes": (EPISODES, {}),
    "table": (TABLE, {}),
    "video": (VIDEO, VIDEOS),
    "whole": (".", {}),
    "metadata": ("meta", {}),
    "list-of-episodes": ("meta/episodes", {}),
    "chunk-of-episodes": ("meta/episodes/chunk-000", {}),
    "tables": ("data", {}),
    "camera": (f"videos/{TOP}", VIDEOS),
    "old-episodes": ("meta/episodes.jsonl", V21),
    "old-tasks": ("meta/tasks.jsonl", V21),
    "old-statistics": ("meta/episodes_stats.jsonl", V21),
    "old-table": (OLD_TABLE, V21),
}
"""What is closed to others, and of which dataset."""
ENDS: Final = (".json", ".jsonl", ".parquet", ".mp4")


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, list[str]]]:
    """What another user is told of each; pytest's own folders are closed to him."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        for case, (path, plan) in CLOSED.items():
            folder = write_recording(root / case, **plan)
            for each in (folder, *folder.rglob("*")):
                each.chmod(0o755 if each.is_dir() else 0o644)
            closed = folder / path
            closed.chmod(0o700 if closed.is_dir() else 0o600)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        arguments = [sys.executable, "-c", SCRIPT, str(NOBODY), name]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)


@pytest.mark.parametrize("case", CLOSED)
def test_what_another_user_may_not_read_is_named_with_its_mode(told: dict[str, list[str]], case: str) -> None:
    path, _ = CLOSED[case]
    kind, code, message, advice = told[case]
    assert (kind, code) == ("UserError", "DatasetUnreadable")
    assert message.startswith(f"pvc://data/{case}: ")
    assert f"{'the folder itself' if path == '.' else path} cannot be read by user id {NOBODY}" in message
    assert f"its mode is {'0600' if path.endswith(ENDS) else '0700'}, and it belongs to user id 0" in message
    assert "damaged" not in message
    assert "chmod" in advice
    assert "Copy" not in advice
