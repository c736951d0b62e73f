"""The leader's label on its own pod, by which the progress Service finds it."""

from __future__ import annotations

import logging

from finetune_operator.api.names import LEADER_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError, NotFound
from finetune_operator.cluster.resources import PODS, Key

log = logging.getLogger(__name__)


async def wear(cluster: Cluster, pod: Key | None, *, leading: bool) -> None:
    """Put the label on our pod or take it off. Outside of a pod there is nothing to do."""
    if pod is None:
        return
    label = "true" if leading else None
    try:
        await cluster.patch(PODS, *pod, {"metadata": {"labels": {LEADER_LABEL: label}}})
    except NotFound:
        log.info("there is no pod %s to label: not running in one", pod)
    except ClusterError as error:
        log.warning("cannot label our pod; trainers cannot report progress until it is labelled: %s", error)
