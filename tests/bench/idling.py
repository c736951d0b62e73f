"""What an operator asks of the API server while nothing happens, counted by a proxy between the two."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Final

from finetune_operator.api.model import Json
from tests.bench.stand import Stand
from tests.support.faulty_proxy import faulty_proxy

AFTER_START_SECONDS: Final = 45.0
"""By then the first listings and the comparison that follows them are over."""


async def idle_requests(stand: Stand, seconds: float) -> Json:
    """Requests per minute of all kinds over so many seconds: a whole period of the comparison, 300, says most."""
    async with faulty_proxy(stand.world.server, stand.folder) as proxy:
        environment = {"KUBECONFIG": str(proxy.kubeconfig)}
        with stand.operator(environment) as operator:
            await operator.leads()
            await asyncio.sleep(min(AFTER_START_SECONDS, seconds))
            before = len(proxy.seen)
            await asyncio.sleep(seconds)
            seen = proxy.seen[before:]
    kinds = Counter(_kind(request) for request in seen)
    return {
        "idle_requests_per_minute": round(60 * len(seen) / seconds, 1),
        "idle_requests_by_kind": {kind: round(60 * number / seconds, 1) for kind, number in kinds.most_common()},
    }


def _kind(request: str) -> str:
    """Verb and kind, such as ``WATCH pods``."""
    method, _, path = request.partition(" ")
    plural = re.search(r"/v\d\w*/(?:namespaces/[^/?]+/)?([a-z]+)", path)
    verb = "WATCH" if "watch=true" in path else method
    return f"{verb} {plural.group(1) if plural else path.partition('?')[0]}"
