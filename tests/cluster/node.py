"""The real node: containerd, kubelet, kube-proxy, CoreDNS and the volume provisioner, with their configuration."""

from __future__ import annotations

import shutil

from tests.cluster.cgroups import path_of
from tests.cluster.network import NODE_NAME
from tests.cluster.programs import ProgramSpec, Setting, spec, write_json, write_text, write_toml, write_yaml

CONTAINERD_STATE = "/run/containerd"  # in the cluster's own /run, so dead containers' state goes with the namespaces
CNI_PROGRAMS = "/usr/lib/cni"
VOLUME_NAMESPACE = "local-path-storage"
VOLUME_SETTINGS = "local-path-config"
MOST_PODS = 240  # the pod range has 254 addresses
LABELS = {
    "node.kubernetes.io/instance-type": "local",
    "topology.kubernetes.io/region": "local",
    "topology.kubernetes.io/zone": "local-a",
}
CRI = 'plugins."io.containerd.grpc.v1.cri"'


def containerd(setting: Setting, pause_image: str) -> ProgramSpec:
    """The container runtime, with a root, a state and a socket of its own."""
    network_folder = setting.folder.configuration / "cni"
    write_json(network_folder / "10-pods.conflist", _pod_network(setting))
    config = write_toml(setting.folder.configuration / "containerd.toml", _containerd(setting, pause_image))
    return spec(setting, str(shutil.which("containerd")), {"config": config})


def kubelet(setting: Setting) -> ProgramSpec:
    """kubelet, registered under `NODE_NAME`."""
    config = write_yaml(setting.folder.configuration / "kubelet.yaml", _kubelet(setting))
    flags: dict[str, str | bool] = {
        "config": config,
        "kubeconfig": setting.kubeconfig("kubelet"),
        "hostname-override": NODE_NAME,
        "node-ip": setting.network.node_address,
        "node-labels": ",".join(f"{name}={value}" for name, value in LABELS.items()),
        "root-dir": "/var/lib/kubelet",  # the cluster's own folder is mounted there
    }
    return spec(setting, "kubelet", flags)


def services(setting: Setting, tool_image: str) -> tuple[ProgramSpec, ...]:
    """kube-proxy, CoreDNS and the volume provisioner."""
    proxy = write_yaml(setting.folder.configuration / "kube-proxy.yaml", _kube_proxy(setting))
    names = write_text(setting.folder.configuration / "Corefile", _corefile(setting))
    return (
        spec(setting, "kube-proxy", {"config": proxy, "hostname-override": NODE_NAME}),
        spec(setting, "coredns", {"conf": names}),
        _provisioner(setting, tool_image),
    )


def _containerd(setting: Setting, pause_image: str) -> dict[str, dict[str, object]]:
    folder = setting.folder
    return {
        "": {"version": 2, "root": str(folder.containerd), "state": CONTAINERD_STATE},
        "grpc": {"address": str(folder.containerd_socket)},
        'plugins."io.containerd.internal.v1.opt"': {"path": str(folder.containerd / "opt")},
        CRI: {
            "sandbox_image": pause_image,
            # Without CAP_SYS_RESOURCE every sandbox would die when it lowers its score for the out-of-memory killer.
            "restrict_oom_score_adj": True,
            # A profile would be loaded into the host's kernel and stay there.
            "disable_apparmor": True,
        },
        f"{CRI}.containerd": {"snapshotter": "overlayfs", "default_runtime_name": "runc"},
        f"{CRI}.containerd.runtimes.runc": {"runtime_type": "io.containerd.runc.v2"},
        f"{CRI}.containerd.runtimes.runc.options": {"SystemdCgroup": False},
        f"{CRI}.cni": {"bin_dir": CNI_PROGRAMS, "conf_dir": str(folder.configuration / "cni")},
    }


def _pod_network(setting: Setting) -> dict[str, object]:
    # A pair of interfaces per pod and routes between them. A bridge would need the host's br_netfilter module before
    # Services work between pods of the same node.
    ranges = [[{"subnet": str(setting.network.pods)}]]
    addresses = {"type": "host-local", "dataDir": "/run/cni", "routes": [{"dst": "0.0.0.0/0"}], "ranges": ranges}
    pair = {"type": "ptp", "ipMasq": False, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [pair, ports]}


def _kubelet(setting: Setting) -> dict[str, object]:
    socket = f"unix://{setting.folder.containerd_socket}"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": setting.certificate("authority")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": setting.certificate("kubelet-server"),
        "tlsPrivateKeyFile": setting.key("kubelet-server"),
        "containerRuntimeEndpoint": socket,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": path_of(setting.folder.control_group),
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # lowering it needs CAP_SYS_RESOURCE
        "clusterDNS": [setting.network.node_address],
        "clusterDomain": "cluster.local",
        "resolvConf": "",  # pods that take the node's names get none: nothing outside is reachable
        "maxPods": MOST_PODS,
        "podLogsDir": str(setting.folder.pod_logs),
        "volumePluginDir": str(setting.folder.configuration / "volume-plugins"),
        # Nothing can be pulled again here, so no image may be collected as garbage.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
        "nodeStatusUpdateFrequency": "5s",
    }


def _kube_proxy(setting: Setting) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": setting.kubeconfig("kube-proxy")},
        "clusterCIDR": str(setting.network.pods),
        "bindAddress": setting.network.node_address,
        "metricsBindAddress": "127.0.0.1:10249",
        # Zero leaves the kernel's limits as they are.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "oomScoreAdj": 0,
    }


def _corefile(setting: Setting) -> str:
    bind = f"    bind {setting.network.node_address}"
    lines = [
        "cluster.local in-addr.arpa {",
        bind,
        "    errors",
        "    kubernetes {",
        f"        kubeconfig {setting.kubeconfig('admin')}",
        "    }",
        "}",
        # Anything else does not exist: a pod that asks for the internet learns so at once and does not wait.
        # A block of its own, because within one block `template` answers before `kubernetes` is asked.
        ". {",
        bind,
        "    template ANY ANY {",
        "        rcode NXDOMAIN",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _provisioner(setting: Setting, tool_image: str) -> ProgramSpec:
    configuration = setting.folder.configuration / "volumes"
    paths = [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [str(setting.folder.volumes)]}]
    flags: dict[str, str | bool] = {
        "config": write_json(configuration / "config.json", {"nodePathMap": paths}),
        "helper-pod-file": write_yaml(configuration / "helper-pod.yaml", _helper_pod(tool_image)),
        "helper-image": tool_image,
        "kubeconfig": setting.kubeconfig("admin"),
        "namespace": VOLUME_NAMESPACE,
        "service-account-name": "default",
        "configmap-name": VOLUME_SETTINGS,
        "provisioner-name": "rancher.io/local-path",
    }
    return spec(setting, "local-path-provisioner", flags, "start")


def _helper_pod(tool_image: str) -> dict[str, object]:
    container = {"name": "helper-pod", "image": tool_image, "imagePullPolicy": "Never"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "helper-pod"},
        "spec": {"priorityClassName": "system-node-critical", "containers": [container]},
    }


def volume_objects() -> list[dict[str, object]]:
    """What the provisioner wants to find in the cluster: its namespace, its scripts, and the default StorageClass."""
    scripts = {
        "setup": '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n',
        "teardown": '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n',
    }
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": VOLUME_NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": VOLUME_SETTINGS, "namespace": VOLUME_NAMESPACE},
            "data": scripts,
        },
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "local-path", "annotations": default},
            "provisioner": "rancher.io/local-path",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
    ]
