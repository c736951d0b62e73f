"""A real Kubernetes on one Linux machine, without Docker and without an image registry.

Unmodified upstream programs (etcd, API server, controllers, scheduler, kubelet, kube-proxy, CoreDNS) and containerd run
in namespaces of their own, under one supervisor; when it ends, everything ends. On the command line:
`python -m tests.cluster --help`. In Python: `cluster = up("demo")`, and `down("demo")` at the end.
"""

from tests.cluster.build import ensure_program
from tests.cluster.cluster import Cluster
from tests.cluster.errors import ClusterError
from tests.cluster.starter import down, find, up

__all__ = ["Cluster", "ClusterError", "down", "ensure_program", "find", "up"]
