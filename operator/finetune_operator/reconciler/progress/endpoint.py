"""The progress endpoint as a whole: its authority, its serving certificate, its server, and their renewal."""

from __future__ import annotations

import asyncio
import logging
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from finetune_operator.cluster import Cluster, ClusterError
from finetune_operator.reconciler.progress.authority import Authority, AuthorityError, ensure_authority
from finetune_operator.reconciler.progress.certificates import Pair, issue, needs_renewal
from finetune_operator.reconciler.progress.reception import Reception
from finetune_operator.reconciler.progress.server import Address, ProgressServer
from finetune_operator.reconciler.settings import Settings, SettingsError

LOOK_EVERY: Final = 3600.0
"""Seconds between looks at what certificates are due; they are renewed days ahead."""

logger = logging.getLogger(__name__)


class TlsIdentity:
    """What the server shows to clients, and what clients must trust. Renewed in place: connections are not cut."""

    def __init__(self, authority: Authority, names: tuple[str, ...], now: Callable[[], datetime]) -> None:
        self.now = now
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.authority = authority
        self._names = names
        self._serving = self._issue()

    def renew(self, authority: Authority) -> bool:
        """Issue another serving certificate when the authority changed or the certificate ends soon. Whether it did."""
        changed = authority.current != self.authority.current
        self.authority = authority
        if not changed and not needs_renewal(self._serving, self.now()):
            return False
        self._serving = self._issue()
        return True

    def _issue(self) -> Pair:
        serving = issue(self.authority.current, self._names, self.now())
        # Python reads keys from files only; this one is ours alone and exists for a moment.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "serving.pem")
            path.write_text(serving.key + serving.certificate, encoding="ascii")
            self.tls.load_cert_chain(path)
        return serving


class Endpoint:
    """The endpoint as the operator holds it. Prepared first, since new pods must be told what to trust; run then."""

    def __init__(self, cluster: Cluster, settings: Settings, identity: TlsIdentity, reception: Reception) -> None:
        self._cluster = cluster
        self._settings = settings
        self._identity = identity
        self._reception = reception

    @classmethod
    async def prepare(
        cls, cluster: Cluster, settings: Settings, reception: Reception, now: Callable[[], datetime]
    ) -> Self:
        """Read or make the authority. Raises SettingsError, AuthorityError or ClusterError."""
        names = serving_names(settings)
        authority = await ensure_authority(cluster, settings.namespace, now())
        return cls(cluster, settings, TlsIdentity(authority, names, now), reception)

    @property
    def ca_bundle(self) -> str:
        """PEM of what a pod started now should trust. Read it for each pod: it changes every few years."""
        return self._identity.authority.bundle

    async def run(self) -> None:
        """Listen until cancelled. Raises OSError for an address that cannot be bound."""
        async with self.listening():
            while True:
                await asyncio.sleep(LOOK_EVERY)
                await self.refresh()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Listen while the context lasts. Yields the port, which the system chooses when the setting is 0."""
        address = Address(self._settings.progress.host, self._settings.progress.port)
        async with ProgressServer(address, self._identity.tls, self._reception) as server:
            logger.info("taking progress on port %d", server.port)
            yield server.port

    async def refresh(self) -> None:
        """Look once whether a certificate is due. A failure is logged: there are days to try again."""
        authority = self._identity.authority
        try:
            authority = await ensure_authority(self._cluster, self._settings.namespace, self._identity.now())
        except (AuthorityError, ClusterError) as error:
            logger.warning("the authority of the progress endpoint could not be looked after: %s", error)
        # Also then the authority in memory issues what is due.
        if self._identity.renew(authority):
            logger.info("the progress endpoint has a new serving certificate")


def serving_names(settings: Settings) -> tuple[str, ...]:
    """The names the serving certificate is for: the host of the URL that pods use, then the extra ones."""
    url = urlsplit(settings.progress.url)
    if url.scheme != "https" or not url.hostname:
        raise SettingsError(
            f"progress.url: given {settings.progress.url!r}; it must be the https:// URL under which pods reach the "
            "operator, such as https://finetune-operator-progress.finetune-system.svc:8443"
        )
    return tuple(dict.fromkeys((url.hostname, *settings.progress.subject_alt_names)))
