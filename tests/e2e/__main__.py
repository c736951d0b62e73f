"""`python -m tests.e2e`: the cluster, the images and the stores for the tests with real training, before any test's clock runs."""

from __future__ import annotations

import sys

from rich.console import Console

from tests.cluster import ClusterError
from tests.demo.steps import Steps
from tests.demo.target import reach
from tests.e2e.place import cluster_name
from tests.images.failure import ImageError
from tests.images.recipes import ROBOTS
from tests.servers.programs import FAKE_GCS_SERVER, VERSITYGW, program_of


def main() -> int:
    """Prepare; 0, or 1 after a sentence that says what to do."""
    try:
        reach(cluster_name(), Steps(Console(soft_wrap=True)), ROBOTS)
        for store in (VERSITYGW, FAKE_GCS_SERVER):
            program_of(store)
    except (ClusterError, ImageError) as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
