"""The local cluster's real node: pods run, names resolve, volumes bind, Services answer, and nothing stays."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from tests.cluster import Cluster, cgroups, down, record, up
from tests.cluster.footprint import remaining
from tests.cluster.places import cluster_folder
from tests.support.eventually import wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.xdist_group("cluster-node"),
    pytest.mark.skipif(os.environ.get("CLUSTER") == "current", reason="about the local cluster only"),
]
POD_SECONDS = 90.0
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    name = f"node-{secrets.token_hex(4)}"
    yield up(name)
    down(name, keep_images=False)


def test_a_restricted_pod_resolves_names_and_its_claim_binds(cluster: Cluster) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    script = "nslookup kubernetes.default.svc.cluster.local && echo kept > /data/file && cat /data/file"
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    _apply(cluster, claim)
    _apply(cluster, _pod(cluster, "writer", script, volume))
    wait_until(lambda: _phase(cluster, "writer") == "Succeeded", POD_SECONDS)
    said = cluster.kubectl("logs", "writer")
    assert "10.96.0.1" in said
    assert said.endswith("kept\n")
    assert cluster.kubectl("get", "pvc", "data", "--output=jsonpath={.status.phase}") == "Bound"


def test_a_name_outside_of_the_cluster_does_not_exist_and_nobody_waits_for_it(cluster: Cluster) -> None:
    _apply(cluster, _pod(cluster, "outside", "nslookup example.com"))
    wait_until(lambda: _phase(cluster, "outside") == "Failed", POD_SECONDS)
    assert "NXDOMAIN" in cluster.kubectl("logs", "outside")


def test_a_pod_reaches_another_through_a_service_by_name(cluster: Cluster) -> None:
    server = _pod(cluster, "server", "echo answered > /tmp/index.html && exec httpd -f -p 8080 -h /tmp")
    _apply(cluster, server)
    cluster.kubectl("expose", "pod", "server", "--port=80", "--target-port=8080")
    ask = "until wget -q -O - http://server.default.svc.cluster.local; do sleep 0.2; done"
    _apply(cluster, _pod(cluster, "client", ask))
    wait_until(lambda: _phase(cluster, "client") == "Succeeded", POD_SECONDS)
    assert cluster.kubectl("logs", "client").endswith("answered\n")


def test_a_pod_that_asks_for_gpus_is_placed_where_they_are_simulated(cluster: Cluster) -> None:
    cluster.simulate_gpus(8)
    _apply(cluster, _pod(cluster, "gpu", "true", limits={"nvidia.com/gpu": "2"}))
    wait_until(lambda: _phase(cluster, "gpu") == "Succeeded", POD_SECONDS)


def test_a_node_whose_kubelet_died_is_whole_again_after_up(cluster: Cluster) -> None:
    cluster.stop("kubelet")
    wait_until(lambda: cluster.programs()["kubelet"].pid == 0)
    assert up(cluster.name) == cluster
    assert cluster.programs()["kubelet"].pid
    _apply(cluster, _pod(cluster, "after", "true"))
    wait_until(lambda: _phase(cluster, "after") == "Succeeded", POD_SECONDS)


def test_images_outlive_a_killed_cluster_and_its_dead_pods_do_not(cluster: Cluster) -> None:
    _apply(cluster, _pod(cluster, "running", "sleep inf"))
    wait_until(lambda: _phase(cluster, "running") == "Running", POD_SECONDS)
    known = record.require(cluster.name, cluster_folder(cluster.name))
    os.kill(known.supervisor.pid, signal.SIGKILL)
    again = up(cluster.name)
    assert again.busybox_image in _control(again, "images", "list", "--quiet").split()
    assert _control(again, "containers", "list", "--quiet") == ""
    _apply(again, _pod(again, "second-life", "true"))
    wait_until(lambda: _phase(again, "second-life") == "Succeeded", POD_SECONDS)


def test_down_leaves_no_process_mount_interface_or_cgroup_of_running_pods() -> None:
    name = f"node-{secrets.token_hex(4)}"
    try:
        cluster = up(name)
        _apply(cluster, _pod(cluster, "running", "sleep inf"))
        wait_until(lambda: _phase(cluster, "running") == "Running", POD_SECONDS)
        addresses = record.require(name, cluster_folder(name)).network
        assert cgroups.existing(cluster_folder(name).control_group)
    finally:
        down(name, keep_images=False)
    assert remaining(cluster_folder(name), addresses) == []
    assert cgroups.existing(cluster_folder(name).control_group) == []


def _pod(
    cluster: Cluster, name: str, script: str, *volumes: Mapping[str, object], limits: Mapping[str, str] | None = None
) -> dict[str, object]:
    container = {
        "name": "main",
        "image": cluster.busybox_image,
        "command": ["sh", "-c", script],
        "securityContext": RESTRICTED,
        "resources": {"limits": dict(limits or {})},
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},
            *({"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes),
        ],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532},
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}, *volumes],
        },
    }


def _apply(cluster: Cluster, content: Mapping[str, object]) -> None:
    cluster.kubectl("apply", "--filename=-", content=json.dumps(content))


def _phase(cluster: Cluster, pod: str) -> str:
    return cluster.kubectl("get", "pod", pod, "--output=jsonpath={.status.phase}")


def _control(cluster: Cluster, *arguments: str) -> str:
    command = ["ctr", "--address", str(cluster.containerd_socket), "--namespace", "k8s.io", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
