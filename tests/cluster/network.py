"""The network of one cluster: a namespace of its own, joined to the host by one pair of virtual interfaces."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from tests.cluster.errors import ClusterError, log_tail

NODE_NAME = "node-0"
INDEXES = range(200)
API_PORT = 6443
SERVICES = "10.96.0.0/16"  # inside each namespace, so every cluster has the same
API_SERVICE = "10.96.0.1"

Block = ipaddress.IPv4Network


@dataclass(frozen=True)
class Network:
    """Addresses of the cluster with this index; no two running clusters have the same index."""

    index: int

    @property
    def interface(self) -> str:
        """Name of the host's end of the pair."""
        return f"ftcluster{self.index}"

    @property
    def link(self) -> Block:
        return ipaddress.IPv4Network(f"10.213.{self.index}.0/24")

    @property
    def pods(self) -> Block:
        return ipaddress.IPv4Network(f"10.214.{self.index}.0/24")

    @property
    def host_address(self) -> str:
        """Where pods and the API server reach processes of the host."""
        return str(self.link[1])

    @property
    def node_address(self) -> str:
        """Where the host reaches the API server and node ports."""
        return str(self.link[2])

    @property
    def server(self) -> str:
        """URL of the API server."""
        return f"https://{self.node_address}:{API_PORT}"


def choose(taken: Iterable[int], in_use: Iterable[Block]) -> Network:
    """The first network that no other cluster has and that overlaps nothing the host can reach already.

    Raises:
        ClusterError: all are taken.
    """
    occupied, used = set(taken), list(in_use)
    for index in INDEXES:
        network = Network(index)
        blocks = (network.link, network.pods)
        if index not in occupied and not any(block.overlaps(other) for block in blocks for other in used):
            return network
    raise ClusterError(
        "No address range of 10.213.0.0/16 and 10.214.0.0/16 is free on this machine.",
        "stop a cluster (python -m tests.cluster status), or remove the host's route to these ranges",
    )


def blocks_in_use() -> list[Block]:
    """Every range that the host has an address in or a route to, the default route apart."""
    addresses = json.loads(_ip("-json", "-4", "address"))
    routes = json.loads(_ip("-json", "-4", "route", "show", "table", "all"))
    found = [f"{each['local']}/{each['prefixlen']}" for link in addresses for each in link.get("addr_info", [])]
    found += [route["dst"] for route in routes if route["dst"] not in {"default", "0.0.0.0/0"}]
    return [ipaddress.IPv4Network(each, strict=False) for each in found]


def attach(network: Network, pid: int) -> None:
    """Join the network namespace of process `pid` to the host."""
    _ip("link", "add", network.interface, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip("address", "add", f"{network.host_address}/24", "dev", network.interface)
    _ip("link", "set", network.interface, "up")
    _ip("route", "add", str(network.pods), "via", network.node_address)
    inside = ("nsenter", f"--net=/proc/{pid}/ns/net", "ip")
    _run(*inside, "link", "set", "lo", "up")
    _run(*inside, "address", "add", f"{network.node_address}/24", "dev", "eth0")
    _run(*inside, "link", "set", "eth0", "up")
    _run(*inside, "route", "add", "default", "via", network.host_address)


def detach(network: Network) -> None:
    """Remove the pair, and with it the host's address and routes; nothing happens where it is gone already."""
    if attached(network):
        subprocess.run(["ip", "link", "delete", network.interface], capture_output=True, check=False)


def attached(network: Network) -> bool:
    """Whether the host has its end of the pair."""
    command = ["ip", "link", "show", network.interface]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _run(*command: str) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise ClusterError(
            f"`{' '.join(command)}` failed:\n{log_tail(run.stderr)}",
            "run as root, on a machine that allows virtual interfaces (veth)",
        )
    return run.stdout
