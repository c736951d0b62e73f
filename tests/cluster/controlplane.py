"""The control plane: its identities, and the command lines of etcd, API server, controllers, scheduler and kwok."""

from __future__ import annotations

import shutil
from datetime import datetime

from tests.cluster.certificates import Authority, Subject, kubeconfig
from tests.cluster.network import API_PORT, API_SERVICE, NODE_NAME, SERVICES
from tests.cluster.programs import ProgramSpec, Setting, spec

ETCD = "http://127.0.0.1:2379"
ADMIN = Subject("admin", groups=("system:masters",))
# User names that Kubernetes' own role bindings know.
USERS: dict[str, Subject] = {
    "admin": ADMIN,
    "kube-controller-manager": Subject("system:kube-controller-manager"),
    "kube-scheduler": Subject("system:kube-scheduler"),
    "kube-proxy": Subject("system:kube-proxy"),
    "kubelet": Subject(f"system:node:{NODE_NAME}", groups=("system:nodes",)),
}


def prepare(setting: Setting, now: datetime) -> None:
    """Fresh folders, certificates and kubeconfigs; logs of an earlier run that failed are removed."""
    folder = setting.folder
    shutil.rmtree(folder.logs, ignore_errors=True)
    for made in (folder.configuration, folder.etcd, folder.logs, folder.kubelet, folder.pod_logs, folder.volumes):
        made.mkdir(parents=True)
    folder.containerd.mkdir(exist_ok=True)
    folder.etcd.chmod(0o700)
    _write_identities(setting, Authority(now))


def etcd(setting: Setting) -> ProgramSpec:
    """The store, on loopback; it does not wait for the disk, because the cluster is fresh at every start anyway."""
    flags: dict[str, str | bool] = {
        "data-dir": str(setting.folder.etcd),
        "listen-client-urls": ETCD,
        "advertise-client-urls": ETCD,
        "listen-peer-urls": "http://127.0.0.1:2380",
        "unsafe-no-fsync": True,
        "logger": "zap",
        "log-level": "warn",
    }
    return spec(setting, "etcd", flags)


def api_server(setting: Setting) -> ProgramSpec:
    """The API server, reachable from the host and from pods at the node's address."""
    flags: dict[str, str | bool] = {
        "advertise-address": setting.network.node_address,
        "secure-port": str(API_PORT),
        "etcd-servers": ETCD,
        "service-cluster-ip-range": SERVICES,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction,PodNodeSelector",
        "allow-privileged": True,
        "client-ca-file": setting.certificate("authority"),
        "tls-cert-file": setting.certificate("kube-apiserver"),
        "tls-private-key-file": setting.key("kube-apiserver"),
        "kubelet-client-certificate": setting.certificate("kubelet-client"),
        "kubelet-client-key": setting.key("kubelet-client"),
        "kubelet-certificate-authority": setting.certificate("authority"),
        # Without it `kubectl logs` asks DNS for the node's name.
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": setting.certificate("service-accounts"),
        "service-account-signing-key-file": setting.key("service-accounts"),
    }
    return spec(setting, "kube-apiserver", flags)


def controllers(setting: Setting) -> tuple[ProgramSpec, ...]:
    """Controller manager, scheduler, and kwok, which plays the nodes that carry its annotation."""
    shared: dict[str, str | bool] = {"leader-elect": False, "bind-address": "127.0.0.1"}
    manager: dict[str, str | bool] = {
        **shared,
        "kubeconfig": setting.kubeconfig("kube-controller-manager"),
        "use-service-account-credentials": True,
        # Each of forty controllers asks for a token first; the default rate makes that take seconds.
        "kube-api-qps": "500",
        "kube-api-burst": "1000",
        "root-ca-file": setting.certificate("authority"),
        "service-account-private-key-file": setting.key("service-accounts"),
        "cluster-signing-cert-file": setting.certificate("authority"),
        "cluster-signing-key-file": setting.key("authority"),
    }
    scheduler: dict[str, str | bool] = {
        **shared,
        "kubeconfig": setting.kubeconfig("kube-scheduler"),
        # At its own 50 requests a second it, and not what is measured, would set the pace of a benchmark.
        "kube-api-qps": "500",
        "kube-api-burst": "1000",
    }
    simulated: dict[str, str | bool] = {
        "kubeconfig": setting.kubeconfig("admin"),
        "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
        "node-lease-duration-seconds": "40",
    }
    return (
        spec(setting, "kube-controller-manager", manager),
        spec(setting, "kube-scheduler", scheduler),
        spec(setting, "kwok", simulated),
    )


def _write_identities(setting: Setting, authority: Authority) -> None:
    folder, address = setting.folder.certificates, setting.network.node_address
    authority.pair.write(folder, "authority")
    api_names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    issued = {
        "kube-apiserver": Subject("kube-apiserver", names=(*api_names, "localhost", "127.0.0.1", API_SERVICE, address)),
        "kubelet-client": Subject("kube-apiserver-kubelet-client", groups=("system:masters",)),
        "kubelet-server": Subject(NODE_NAME, names=(NODE_NAME, address)),
        "service-accounts": Subject("service-accounts"),
    }
    for name, subject in issued.items():
        authority.issue(subject).write(folder, name)
    for name, subject in USERS.items():
        content = kubeconfig(setting.network.server, authority.pair.certificate, authority.issue(subject))
        _write_private(setting, name, content)


def _write_private(setting: Setting, user: str, content: str) -> None:
    path = setting.folder.kubeconfig if user == "admin" else None
    for target in filter(None, (path, setting.folder.configuration / f"{user}.kubeconfig")):
        target.touch(mode=0o600)
        target.write_text(content, encoding="utf-8")
