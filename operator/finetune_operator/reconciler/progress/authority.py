"""The certificate authority of the progress endpoint, kept in a Secret so that all operators and restarts share it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import MANAGED_BY_LABEL, MANAGER
from finetune_operator.cluster import AlreadyExists, Cluster, Conflict, NotFound
from finetune_operator.cluster.resources import SECRETS
from finetune_operator.reconciler.progress.certificates import Pair, make_authority, read_authority

SECRET_NAME: Final = "finetune-operator-progress-ca"  # noqa: S105 - a name
ANNOUNCE_BEFORE: Final = timedelta(days=730)
"""So long before its end the authority gets a successor, which new pods trust beside it."""
HAND_OVER_BEFORE: Final = timedelta(days=365)
"""So long before its end the successor begins to issue; a pod that never heard of it would be a year old."""
MOST_TRIES: Final = 5


class AuthorityError(Exception):
    """The Secret of the certificate authority cannot be used. The text says why and what to do."""


@dataclass(frozen=True)
class Authority:
    """Who issues the serving certificate now, and who will next."""

    current: Pair
    successor: Pair | None = None

    @property
    def bundle(self) -> str:
        """PEM of all authorities that a pod started now should trust."""
        return self.current.certificate + (self.successor.certificate if self.successor else "")

    def at(self, now: datetime) -> Authority:
        """The same authority, unless it is time to name a successor or to hand over to it."""
        current, successor = self.current, self.successor
        left = current.not_after - now
        if successor is None and left < ANNOUNCE_BEFORE:
            successor = make_authority(now)
        if successor is not None and left < HAND_OVER_BEFORE:
            current, successor = successor, None
        return Authority(current, successor)


async def ensure_authority(cluster: Cluster, namespace: str, now: datetime) -> Authority:
    """The authority in the operator's namespace, made or rotated where it is time.

    Creating and replacing are compare-and-sets: who comes second reads what the first one wrote. Raises
    AuthorityError, or ClusterError when the Secret cannot be read or written.
    """
    for _ in range(MOST_TRIES):
        secret = await _read_or_make(cluster, namespace, now)
        held = _parse(secret, namespace)
        wanted = held.at(now)
        if wanted == held:
            return held
        try:
            version = secret["metadata"]["resourceVersion"]
            await cluster.replace(SECRETS, namespace, SECRET_NAME, _secret(wanted, namespace, version))
        except (Conflict, NotFound):
            continue
        return wanted
    raise AuthorityError(f"secret {namespace}/{SECRET_NAME} changes all the time: who else writes it?")


async def _read_or_make(cluster: Cluster, namespace: str, now: datetime) -> Json:
    try:
        return await cluster.get(SECRETS, namespace, SECRET_NAME)
    except NotFound:
        pass
    try:
        return await cluster.create(SECRETS, namespace, _secret(Authority(make_authority(now)), namespace))
    except AlreadyExists:
        return await cluster.get(SECRETS, namespace, SECRET_NAME)


def _secret(authority: Authority, namespace: str, version: str | None = None) -> Json:
    data = {"tls.crt": authority.current.certificate, "tls.key": authority.current.key}
    if authority.successor:
        data |= {"successor.crt": authority.successor.certificate, "successor.key": authority.successor.key}
    return {
        "apiVersion": SECRETS.api_version,
        "kind": SECRETS.kind,
        "metadata": {
            "name": SECRET_NAME,
            "namespace": namespace,
            "labels": {MANAGED_BY_LABEL: MANAGER},
            **({"resourceVersion": version} if version else {}),
        },
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in data.items()},
    }


def _parse(secret: Json, namespace: str) -> Authority:
    try:
        data = {name: base64.b64decode(text).decode() for name, text in (secret.get("data") or {}).items()}
        current = read_authority(data["tls.crt"], data["tls.key"])
        successor = read_authority(data["successor.crt"], data["successor.key"]) if "successor.crt" in data else None
    except (KeyError, ValueError, binascii.Error) as error:
        why = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise AuthorityError(
            f"secret {namespace}/{SECRET_NAME} holds no usable certificate authority ({why}). Delete it and restart the "
            "operator, which makes a new one; pods that run already will not be able to report progress"
        ) from error
    return Authority(current, successor)
