"""The authority's Secret on a real API server: made once, read by all, rotated without a gap."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest

from finetune_operator.cluster import Cluster
from finetune_operator.cluster.resources import SECRETS
from finetune_operator.reconciler.progress.authority import SECRET_NAME, AuthorityError, ensure_authority

pytestmark = pytest.mark.controlplane

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=365)


async def test_operators_that_start_together_agree_on_one_authority(cluster: Cluster, namespace: str) -> None:
    found = await asyncio.gather(*(ensure_authority(cluster, namespace, NOW) for _ in range(8)))
    assert len({authority.bundle for authority in found}) == 1


async def test_a_restarted_operator_finds_the_authority_it_made(cluster: Cluster, namespace: str) -> None:
    made = await ensure_authority(cluster, namespace, NOW)
    version = (await cluster.get(SECRETS, namespace, SECRET_NAME))["metadata"]["resourceVersion"]
    assert await ensure_authority(cluster, namespace, NOW + YEAR) == made
    assert (await cluster.get(SECRETS, namespace, SECRET_NAME))["metadata"]["resourceVersion"] == version


async def test_operators_that_rotate_together_agree_on_one_successor(cluster: Cluster, namespace: str) -> None:
    young = await ensure_authority(cluster, namespace, NOW)
    later = NOW + 8.5 * YEAR
    found = await asyncio.gather(*(ensure_authority(cluster, namespace, later) for _ in range(8)))
    assert len({authority.bundle for authority in found}) == 1
    assert found[0].current == young.current
    assert found[0].successor is not None
    after = await ensure_authority(cluster, namespace, NOW + 9.1 * YEAR)
    assert (after.current, after.successor) == (found[0].successor, None)


async def test_the_secret_is_of_the_type_for_certificates(cluster: Cluster, namespace: str) -> None:
    authority = await ensure_authority(cluster, namespace, NOW)
    secret = await cluster.get(SECRETS, namespace, SECRET_NAME)
    assert secret["type"] == "kubernetes.io/tls"
    assert base64.b64decode(secret["data"]["tls.crt"]).decode() == authority.bundle


async def test_a_spoilt_secret_is_not_overwritten_and_says_what_to_do(cluster: Cluster, namespace: str) -> None:
    await ensure_authority(cluster, namespace, NOW)
    spoilt = {"data": {"tls.crt": base64.b64encode(b"no certificate").decode()}}
    await cluster.patch(SECRETS, namespace, SECRET_NAME, spoilt)
    with pytest.raises(AuthorityError, match="Delete it and restart the operator"):
        await ensure_authority(cluster, namespace, NOW)
