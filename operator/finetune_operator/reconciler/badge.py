"""The leader's label on its own pod, by which the progress Service finds it."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from finetune_operator.api.names import LEADER_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError, NotFound
from finetune_operator.cluster.resources import PODS, Key

log = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 5.0


async def wear(cluster: Cluster, pod: Key | None) -> None:
    """Put the label on our pod, as often as it takes: without it no trainer reaches the leader."""
    while True:
        if await _label(cluster, pod, "true"):
            return
        await asyncio.sleep(AGAIN_SECONDS)


async def take_off(cluster: Cluster, pod: Key | None) -> None:
    """Take the label off our pod, if the API server lets us: the next leader's pod has its own."""
    await _label(cluster, pod, None)


async def _label(cluster: Cluster, pod: Key | None, value: str | None) -> bool:
    """Whether there is nothing more to do. Outside of a pod there is nothing to label."""
    if pod is None:
        return True
    try:
        await cluster.patch(PODS, *pod, {"metadata": {"labels": {LEADER_LABEL: value}}})
    except NotFound:
        log.info("there is no pod %s to label: not running in one", pod)
    except ClusterError as error:
        log.warning("cannot label our pod; trainers cannot report progress until it is labelled: %s", error)
        return False
    return True
