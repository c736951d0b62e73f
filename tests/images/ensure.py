"""Images where they are wanted: built if need be, on the node if it lacks them, and nothing done twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.cluster import progress
from tests.images.archive import send
from tests.images.build import build
from tests.images.debian import ensure_programs
from tests.images.disk import demand
from tests.images.node import LayerMissingError, Node
from tests.images.plan import plan
from tests.images.progress import step
from tests.images.recipes import CODE_ONLY, LOAD_SECONDS_PER_MEGABYTE, named
from tests.images.storage import Storage
from tests.images.workshop import held

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.images.plan import Plan
    from tests.images.progress import Say

# A cluster may still run pods of the builds before this one, and restart them.
_KEPT_BUILDS = 3
_COPIES = 2.1  # packed and unpacked, until the packed copy is dropped; small files take whole blocks


def references(names: Iterable[str] = ()) -> dict[str, str]:
    """Give the image reference of each of `names` (all, when none is given) for the sources as they are now.

    Builds nothing. Raises ImageError for an unknown name or a missing source.
    """
    return {recipe.name: plan(recipe).reference for recipe in named(names)}


def ensure(names: Iterable[str] = (), socket: Path | None = None, say: Say = progress.say) -> dict[str, str]:
    """Have the images called `names` (all, when none is given) built, and loaded into the containerd at `socket`.

    Answers with the image reference of each. Without a socket, images are only built. Raises ImageError with what
    to do about it.
    """
    plans = [plan(recipe) for recipe in named(names)]
    ensure_programs()
    node = Node(socket) if socket else None
    if node is None or not {wanted.reference for wanted in plans} <= set(node.images()):
        with held(say) as workshop:
            for wanted in plans:
                deliver(Storage(workshop), wanted, node, say)
    return {wanted.recipe.name: wanted.reference for wanted in plans}


def deliver(storage: Storage, wanted: Plan, node: Node | None, say: Say) -> None:
    """Have the image that `wanted` describes in the store, and on `node` if there is one. Raises ImageError."""
    if node is not None and wanted.reference in node.images():
        return
    build(storage, wanted, say)
    if node is not None:
        _load(storage, wanted, node, say)


def _load(storage: Storage, wanted: Plan, node: Node, say: Say) -> None:
    image = storage.image(wanted.reference)
    layers = node.lacking(image)
    megabytes = sum(layer.size for layer in layers) / 1e6
    demand(node.folder(), megabytes * _COPIES / 1e3, f"loading the {wanted.recipe.name} image into the node")
    seconds = CODE_ONLY.load_seconds + megabytes * LOAD_SECONDS_PER_MEGABYTE
    with step(say, f"Loading {wanted.reference}, {megabytes:.2f} MB to send", seconds):
        try:
            node.receive(lambda sink: send(storage, image, layers, sink))
        except LayerMissingError:
            # containerd's garbage collector was faster: what a killed import left was there when we looked.
            node.receive(lambda sink: send(storage, image, image.layers, sink))
    node.lighten(image)
    node.stamp(wanted.reference, time.time())
    node.keep_newest(wanted.recipe.repository, _KEPT_BUILDS)
