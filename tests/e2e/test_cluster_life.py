"""The local cluster's life on this host, with control planes only: starting, dying, side by side, and leaving."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cluster import Cluster, ClusterError, down, find, record, up
from tests.cluster.footprint import remaining, strays
from tests.cluster.places import ClusterFolder, cache_folder, cluster_folder
from tests.support.eventually import wait_until

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.exhaustive,
    pytest.mark.skipif(os.environ.get("CLUSTER") == "current", reason="about the local cluster only"),
]
START_SECONDS = 120.0
CUT_OFF = '{"supervisor": {"pid": 1'
OF_ANOTHER_BOOT = json.dumps({"supervisor": {"pid": 1, "started": 0, "boot": "x"}, "index": 0, "programs": ""})


@pytest.fixture
def name() -> Iterator[str]:
    """A name that no other run uses; its cluster is ended whatever happens."""
    chosen = f"life-{secrets.token_hex(4)}"
    yield chosen
    down(chosen)


@pytest.fixture
def other_name() -> Iterator[str]:
    chosen = f"life-{secrets.token_hex(4)}"
    yield chosen
    down(chosen)


def test_a_second_up_finds_the_first(name: str) -> None:
    first = up(name, node=False)
    supervisor = _record(name).supervisor
    assert up(name, node=False) == first == find(name)
    assert _record(name).supervisor == supervisor


def test_two_control_planes_run_side_by_side_and_know_nothing_of_each_other(name: str, other_name: str) -> None:
    one, other = up(name, node=False), up(other_name, node=False)
    one.kubectl("create", "namespace", "only-in-one")
    assert "only-in-one" in one.kubectl("get", "namespaces", "--output=name")
    assert "only-in-one" not in other.kubectl("get", "namespaces", "--output=name")
    down(name)
    assert other.kubectl("get", "--raw=/readyz") == "ok"


def test_after_the_supervisor_is_killed_nothing_runs_and_up_starts_afresh(name: str) -> None:
    up(name, node=False).kubectl("create", "namespace", "of-the-first-life")
    killed = _record(name)
    os.kill(killed.supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not any("process" in each for each in remaining(_folder(name), killed.network)))
    with pytest.raises(ClusterError, match=f"up --name {name}"):
        find(name)
    again = up(name, node=False)
    assert "of-the-first-life" not in again.kubectl("get", "namespaces", "--output=name")


def test_up_copes_with_an_up_that_was_killed_halfway(name: str) -> None:
    command = [sys.executable, "-m", "tests.cluster", "up", "--control-plane-only", "--name", name]
    halfway = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until((_folder(name).logs / "kube-apiserver.log").exists, within=START_SECONDS)
    halfway.kill()
    halfway.wait()
    assert strays(_folder(name))
    assert up(name, node=False).kubectl("get", "--raw=/readyz") == "ok"


@pytest.mark.parametrize("left", [CUT_OFF, OF_ANOTHER_BOOT], ids=["cut-off", "of-another-boot"])
def test_up_copes_with_what_a_lost_machine_left(name: str, left: str) -> None:
    folder = _folder(name)
    for half in (folder.etcd, folder.certificates, folder.configuration):
        half.mkdir(parents=True)
        (half / "half").write_text("written", encoding="utf-8")
    folder.supervisor_socket.touch()
    folder.record.write_text(left, encoding="utf-8")
    assert up(name, node=False).kubectl("get", "--raw=/readyz") == "ok"


def test_a_program_that_crashes_is_started_again(name: str) -> None:
    cluster = up(name, node=False)
    cluster.signal("etcd", signal.SIGKILL)
    wait_until(lambda: cluster.programs()["etcd"].starts == 2)
    wait_until(lambda: _answers(cluster))


def test_a_program_that_was_stopped_stays_so_until_it_is_started(name: str) -> None:
    cluster = up(name, node=False)
    cluster.stop("kube-scheduler")
    wait_until(lambda: cluster.programs()["kube-scheduler"].pid == 0)
    cluster.start("kube-scheduler")
    assert cluster.programs()["kube-scheduler"].pid
    with pytest.raises(ClusterError, match="runs no 'kubelet'"):
        cluster.stop("kubelet")


def test_simulated_nodes_run_pods(name: str) -> None:
    cluster = up(name, node=False)
    cluster.add_simulated_node("gpu-1", {"cpu": "96", "memory": "1Ti", "nvidia.com/gpu": "8"}, {"pool": "a"})
    cluster.kubectl("run", "probe", "--image=anything")
    wait_until(lambda: cluster.kubectl("get", "pod", "probe", "--output=jsonpath={.status.phase}") == "Running")


def test_down_leaves_nothing(name: str) -> None:
    before = _host()
    up(name, node=False)
    addresses = _record(name).network
    assert remaining(_folder(name), addresses)
    down(name)
    assert remaining(_folder(name), addresses) == []
    assert not _folder(name).root.exists()
    wait_until(lambda: _host() == before)


def test_down_of_what_never_ran_is_no_error(name: str) -> None:
    down(name)


def test_down_all_ends_every_cluster_of_its_cache_folder_and_no_other(name: str) -> None:
    elsewhere = up(name, node=False)
    with TemporaryDirectory() as cache:
        own = Path(cache) / "finetune-operator"
        own.mkdir()
        (own / "bin").symlink_to(cache_folder() / "bin")
        for each in ("one", "two"):
            _cluster_in(cache, "up", "--control-plane-only", "--name", each)
        assert _cluster_in(cache, "down", "--all") == "Ended: one, two\n"
        assert list((own / "clusters").glob("*/")) == []
    assert elsewhere.kubectl("get", "--raw=/readyz") == "ok"


def _cluster_in(cache: str, *arguments: str) -> str:
    """What the program says that has its files in another cache folder."""
    command = [sys.executable, "-m", "tests.cluster", *arguments]
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def _folder(name: str) -> ClusterFolder:
    return cluster_folder(name)


def _record(name: str) -> record.Record:
    found = record.read(_folder(name))
    assert found is not None
    return found


def _answers(cluster: Cluster) -> bool:
    try:
        return cluster.kubectl("get", "--raw=/readyz") == "ok"
    except ClusterError:
        return False


def _host() -> tuple[str, ...]:
    # Interfaces and firewall of other clusters, which other tests start and end meanwhile, are left out.
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout
    return mounts, tables
