"""Where the API server is and who we are there: from the kubeconfig, or from the pod's service account."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yaml
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from finetune_operator.cluster.errors import ClusterError

DEFAULT_KUBECONFIG: Final = Path("~/.kube/config")
_UNREADABLE: Final = (ConfigException, OSError, yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError)
"""The loader takes a well-formed file for granted and stumbles over others in as many ways."""
IN_CLUSTER: Final = "KUBERNETES_SERVICE_HOST"


class NoCluster(ClusterError):  # noqa: N818
    """No API server is configured, or its configuration cannot be read. The text says what was looked at."""


@dataclass(frozen=True)
class Credentials:
    """The connection in plain terms, for a client that is not ours. ``token`` never shows in a repr."""

    server: str
    insecure: bool
    authority_path: str | None
    certificate_path: str | None
    key_path: str | None
    proxy: str | None
    scheme: str | None = None
    token: str | None = field(default=None, repr=False)

    def tls(self) -> ssl.SSLContext:
        """How to trust the server, and how to show who we are where a client certificate says it. Reads files."""
        context = ssl.create_default_context(cafile=self.authority_path)
        if self.certificate_path:
            context.load_cert_chain(self.certificate_path, self.key_path)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True)
class Connection:
    """How to find the API server: ``kubeconfig`` names a file, None means the pod's own service account."""

    kubeconfig: str | None

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Connection:
        """``KUBECONFIG`` where it is set, else the pod's service account, else ``~/.kube/config``. Raises NoCluster."""
        if named := environ.get("KUBECONFIG"):
            return cls(named)
        if environ.get(IN_CLUSTER):
            return cls(None)
        if (default := DEFAULT_KUBECONFIG.expanduser()).exists():
            return cls(str(default))
        raise NoCluster(
            f"no Kubernetes cluster: KUBECONFIG is not set, {DEFAULT_KUBECONFIG} does not exist, "
            "and this is not a pod. Set KUBECONFIG to the kubeconfig of a cluster"
        )

    async def load(self) -> Configuration:
        """A fresh client configuration, read anew so that rotated tokens and certificates are seen. Raises NoCluster."""
        if self.kubeconfig is not None and not _exists(self.kubeconfig):
            raise NoCluster(f"there is no kubeconfig {self.kubeconfig}; KUBECONFIG names the kubeconfig of a cluster")
        configuration = Configuration()
        try:
            if self.kubeconfig is None:
                load_incluster_config(configuration)  # type: ignore[no-untyped-call]
            else:
                await load_kube_config(  # type: ignore[no-untyped-call]
                    self.kubeconfig, client_configuration=configuration, persist_config=False
                )
        except _UNREADABLE as error:
            source = self.kubeconfig or "the pod's service account"
            raise NoCluster(f"cannot read the cluster's address and credentials from {source}: {error}") from error
        # A session that trusts the environment also looks for ~/.netrc before each request, in a thread of its own.
        configuration.client_session_kwargs = {"trust_env": _behind_proxy(configuration.host)}
        return configuration

    async def credentials(self) -> Credentials:
        """The same in plain terms, read anew. Raises NoCluster."""
        configuration = await self.load()
        authorization = await configuration.get_api_key_with_prefix("BearerToken") or ""
        scheme, _, token = authorization.strip().partition(" ")
        return Credentials(
            server=configuration.host,
            insecure=not configuration.verify_ssl,
            authority_path=configuration.ssl_ca_cert,
            certificate_path=configuration.cert_file,
            key_path=configuration.key_file,
            proxy=configuration.proxy,
            scheme=scheme or None,
            token=token or None,
        )


def _behind_proxy(server: str) -> bool:
    """Whether the environment names a proxy for this server."""
    address = urlsplit(server)
    return address.scheme in getproxies() and not proxy_bypass(address.hostname or "")


def _exists(kubeconfig: str) -> bool:
    """Whether at least one of the files is there: KUBECONFIG may name several."""
    return any(Path(part).exists() for part in kubeconfig.split(os.pathsep))
