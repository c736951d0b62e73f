"""The steps from an empty namespace to a ready control plane, and from there to a ready node."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.cluster import controlplane
from tests.cluster import node as node_programs
from tests.cluster.errors import ClusterError, log_tail
from tests.cluster.network import NODE_NAME
from tests.cluster.places import ClusterFolder
from tests.cluster.programs import ProgramSpec, Setting
from tests.cluster.progress import step
from tests.cluster.rest import ApiServer, RefusedError
from tests.cluster.supervision import ask
from tests.cluster.tool_image import NAMESPACE, ToolImage, import_into
from tests.cluster.waiting import wait_until

READY_SECONDS = 90.0  # a loaded machine with two cores; normally 5
CRASHES_ALLOWED = 5
PROBE_SECONDS = 0.5
DNS_PORT, PROXY_HEALTH_PORT = 53, 10256


@dataclass(frozen=True)
class Goal:
    """Something to wait for: a condition in words and as a question, and the program that has to bring it about."""

    words: str
    reached: Callable[[], bool]
    program: str


def control_plane(setting: Setting) -> None:
    """Start etcd, the API server and the controllers, and wait until a pod could be created."""
    with step("control plane (about 5 s)"):
        for each in (controlplane.etcd(setting), controlplane.api_server(setting), *controlplane.controllers(setting)):
            run(setting, each)
        api = ApiServer(setting.folder.kubeconfig)
        await_goal(setting.folder, Goal("the API server is ready", api.ready, "kube-apiserver"))
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        has_account = Goal("pods can be created", lambda: _exists(api, account), "kube-controller-manager")
        await_goal(setting.folder, has_account)


def node(setting: Setting, image: ToolImage) -> None:
    """Start the node's programs and wait until it is ready and has names, Services and volumes."""
    with step("node (about 5 s)"):
        _containerd(setting, image)
        api = ApiServer(setting.folder.kubeconfig)
        for content in node_programs.volume_objects():
            _apply(api, content)
        for each in (node_programs.kubelet(setting), *node_programs.services(setting, image.reference)):
            run(setting, each)
        address = setting.network.node_address
        goals = (
            Goal("the node is ready", lambda: node_is_ready(setting), "kubelet"),
            Goal("CoreDNS listens", lambda: _listens(address, DNS_PORT), "coredns"),
            Goal("Services work", lambda: _listens(address, PROXY_HEALTH_PORT), "kube-proxy"),
        )
        for goal in goals:
            await_goal(setting.folder, goal)


def node_is_ready(setting: Setting) -> bool:
    """Whether every program runs and the API server calls the real node ready."""
    if not all(state.pid for state in ask(setting.folder, do="status").values()):
        return False
    try:
        found = ApiServer(setting.folder.kubeconfig).request("GET", f"/api/v1/nodes/{NODE_NAME}")
    except (OSError, RefusedError):
        return False
    match found:
        case {"status": {"conditions": [*conditions]}}:
            return any(_is_ready(each) for each in conditions)
        case _:
            return False


def run(setting: Setting, program: ProgramSpec) -> None:
    """Hand `program` to the supervisor, which starts it unless it runs already."""
    ask(setting.folder, do="start", name=program.name, program=program.as_request())


def await_goal(folder: ClusterFolder, goal: Goal, seconds: float = READY_SECONDS) -> None:
    """Wait for `goal`; give up early when its program dies again and again.

    Raises:
        ClusterError: with the end of the program's log.
    """
    started = time.monotonic()
    deaths_before = _starts(folder, goal.program)
    hopeless = False

    def decided() -> bool:
        nonlocal hopeless
        hopeless = _starts(folder, goal.program) - deaths_before > CRASHES_ALLOWED
        return goal.reached() or hopeless

    if not wait_until(decided, seconds) or hopeless:
        log = folder.logs / f"{goal.program}.log"
        tail = log_tail(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else ""
        waited = time.monotonic() - started
        raise ClusterError(
            f"After {waited:.0f} s it is still not true that {goal.words}. The end of {log}:\n{tail}",
            "read the lines above; if they say nothing, run the command again on a less busy machine",
        )


def _containerd(setting: Setting, image: ToolImage) -> None:
    program = node_programs.containerd(setting, image.reference)
    answers = Goal("containerd answers", lambda: _control(setting, "version") is not None, "containerd")
    run(setting, program)
    await_goal(setting.folder, answers)
    if not node_has_started(setting) and _forget_containers(setting):
        # containerd's memory of them is in its process; what was removed behind its back it sees after a restart.
        ask(setting.folder, do="signal", name="containerd", signal=9)
        await_goal(setting.folder, answers)
    import_into(setting.folder, image)


def node_has_started(setting: Setting) -> bool:
    """Whether kubelet was ever started in this life of the cluster; then containers are its own and alive."""
    return "kubelet" in ask(setting.folder, do="status")


def _forget_containers(setting: Setting) -> bool:
    left = (_control(setting, "containers", "list", "--quiet") or "").split()
    if left:
        _control(setting, "containers", "delete", *left)
    return bool(left)


def _control(setting: Setting, *arguments: str) -> str | None:
    socket_path = str(setting.folder.containerd_socket)
    command = ["ctr", "--address", socket_path, "--namespace", NAMESPACE, *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if finished.returncode else finished.stdout


def _apply(api: ApiServer, content: dict[str, object]) -> None:
    match content:
        case {"kind": "Namespace", "metadata": {"name": str(name)}}:
            path = f"/api/v1/namespaces/{name}"
        case {"kind": "ConfigMap", "metadata": {"name": str(name), "namespace": str(namespace)}}:
            path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        case {"kind": "StorageClass", "metadata": {"name": str(name)}}:
            path = f"/apis/storage.k8s.io/v1/storageclasses/{name}"
        case _:
            raise ClusterError(f"No path is known for {content.get('kind')}.", "add it to bringup.py")
    api.apply(path, content)


def _exists(api: ApiServer, path: str) -> bool:
    try:
        api.request("GET", path)
    except (OSError, RefusedError):
        return False
    return True


def _is_ready(condition: object) -> bool:
    match condition:
        case {"type": "Ready", "status": "True"}:
            return True
        case _:
            return False


def _listens(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False


def _starts(folder: ClusterFolder, program: str) -> int:
    state = ask(folder, do="status").get(program)
    return 0 if state is None else state.starts
