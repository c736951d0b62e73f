"""What kopf lists, taken out of its hands page by page.

Left to itself it makes an event of each object of a list, and lists on while they wait for its workers: ten thousand
jobs with their children then stand in memory whole. So an answer that is a page of ours is delivered before kopf sees
it, who finds it empty and reads on once the page was taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
from pydantic_core import from_json
from typing_extensions import override

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import Resource
from finetune_operator.reconciler.source import LABELS

PAGE: Final = 100
"""Objects a page: some megabytes once they are read, and six kinds are listed at once."""

Take = Callable[[Resource, list[Json]], Awaitable[None]]
"""Takes a page; returns when all of it was taken."""

_LISTS: Final = {(resource.api_version, f"{resource.kind}List"): resource for resource in LABELS}


def answers(take: Take) -> type[aiohttp.ClientResponse]:
    """The class of answers to kopf's requests, which hands pages of our kinds to ``take``."""

    class Answer(aiohttp.ClientResponse):
        @override
        async def json(self, **options: Any) -> Any:
            document = await super().json(**options | {"loads": from_json})
            if resource := _listed(document):
                items, document["items"] = document["items"], []
                await take(resource, [resource.whole(item) for item in items])
            return document

    return Answer


def _listed(document: object) -> Resource | None:
    if not isinstance(document, dict):
        return None
    return _LISTS.get((str(document.get("apiVersion")), str(document.get("kind"))))
