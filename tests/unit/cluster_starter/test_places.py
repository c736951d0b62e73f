"""Names, folders, locks and records."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import record
from tests.cluster.errors import ClusterError
from tests.cluster.places import ClusterFolder, cluster_folder, exclusive
from tests.cluster.supervision import Identity, identify


@pytest.mark.parametrize("name", ["", "Demo", "a_b", "-a", "a-", "../demo", "x" * 25])
def test_a_name_that_is_no_label_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="1 to 24 small letters"):
        cluster_folder(name)


def test_a_cache_folder_too_long_for_sockets_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ("long" * 30)))
    with pytest.raises(ClusterError, match="set XDG_CACHE_HOME to a shorter folder"):
        cluster_folder("demo")


def test_a_lock_is_free_again_when_its_holder_dies(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    script = f"from pathlib import Path; from tests.cluster.places import exclusive; exclusive(Path({str(lock)!r})).__enter__(); print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    with exclusive(lock):
        assert lock.exists()


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path)
    written = record.Record(Identity(1, 2, "boot"), index=3, programs="abc", control_plane=True)
    record.write(folder, written)
    assert record.read(folder) == written


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"supervisor": {}, "index": 0})])
def test_half_a_record_counts_as_none(tmp_path: Path, text: str) -> None:
    folder = ClusterFolder(tmp_path)
    folder.record.write_text(text, encoding="utf-8")
    assert record.read(folder) is None


def test_a_recycled_pid_is_not_taken_for_the_supervisor() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    real = identify(process.pid)
    assert real is not None
    assert real.alive
    assert not Identity(real.pid, real.started - 1, real.boot).alive
    assert not Identity(real.pid, real.started, "another boot").alive
    process.communicate(b"\n")
    assert not real.alive


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    with exclusive(lock):
        lock.unlink()
    with exclusive(lock):
        assert lock.exists()
