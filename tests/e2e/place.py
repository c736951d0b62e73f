"""Where the end-to-end tests run."""

from __future__ import annotations

import os

from tests.cluster.cluster import CURRENT

VARIABLE = "FINETUNE_E2E_CLUSTER"


def cluster_name() -> str:
    """The local cluster `test` or as FINETUNE_E2E_CLUSTER says; the user's own with CLUSTER=current."""
    return CURRENT if os.environ.get("CLUSTER") == CURRENT else os.environ.get(VARIABLE, "test")
