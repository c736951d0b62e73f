"""What people read when this machine cannot have a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cluster import packages
from tests.cluster.__main__ import main
from tests.cluster.build import build
from tests.cluster.cluster import current_cluster
from tests.cluster.components import Component
from tests.cluster.errors import ClusterError
from tests.cluster.starter import down, find, up

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root can")


@needs_root
def test_without_root_it_says_so_and_names_the_way_out() -> None:
    script = "import os; from tests.cluster.__main__ import main; os.setuid(65534); raise SystemExit(main(['up']))"
    environment = {**os.environ, "XDG_CACHE_HOME": "/nonexistent"}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith("Error: A local cluster needs root")
    assert "CLUSTER=current" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_cluster_of_the_own_kubeconfig_is_used_and_never_touched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.touch()
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'missing'}{os.pathsep}{config}")
    cluster = up("current")
    assert cluster.kubeconfig == config
    assert cluster.containerd_socket is None
    down("current")
    with pytest.raises(ClusterError, match="never stopped"):
        cluster.stop("kubelet")


def test_current_without_a_kubeconfig_says_where_it_looked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(ClusterError, match="there is none at "):
        current_cluster()


def test_a_cluster_that_does_not_run_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/nonexistent")
    with pytest.raises(ClusterError, match=r"no running cluster 'demo' \(running: none\)"):
        find("demo")


def test_status_of_nothing_says_how_to_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["status"]) == 0
    assert "Start one" in capsys.readouterr().out


def test_ending_all_of_none_needs_no_root_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/nonexistent")
    assert main(["down", "--all"]) == 0
    assert "there was no cluster" in capsys.readouterr().out


@needs_root
def test_a_cluster_that_cannot_be_ended_is_named_and_no_success_is_reported() -> None:
    script = "import os; from tests.cluster.__main__ import main; os.setuid(65534); raise SystemExit(main(['down', '--all']))"
    with TemporaryDirectory() as cache:
        for name in ("one", "two", "Not_Ours"):
            (Path(cache) / "finetune-operator" / "clusters" / name).mkdir(parents=True)
        for folder in (Path(cache), *Path(cache).rglob("*")):
            folder.chmod(0o755)
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
        )
    assert run.returncode == 1
    assert run.stderr.startswith("Error: Not ended: one, two. A local cluster needs root")


def test_an_empty_name_is_answered_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--name", ""]) == 1
    assert "'' cannot be a cluster's name" in capsys.readouterr().err


def test_a_package_counts_as_there_when_one_of_its_files_is(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    wanted = {"first": f"{tmp_path}/no|{there}", "second": f"{tmp_path}/no"}
    assert packages.missing(wanted) == ["second"]


def test_a_build_that_fails_shows_its_last_lines_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    module = tmp_path / "broken"
    module.mkdir()
    (module / "go.mod").write_text("module broken\n\ngo 1.25\n\nrequire example.invalid/broken v1.0.0\n")
    (module / "go.sum").touch()
    broken = Component("broken", "example.invalid/broken", ("broken",), (), 0, modules=tmp_path)
    with pytest.raises(ClusterError, match=r"Building broken v1\.0\.0 failed"):
        build([broken])
    assert list((tmp_path / "finetune-operator" / "bin").glob("broken*/")) == []
