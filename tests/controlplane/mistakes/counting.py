"""How many rules, bounds and manifests are tried, for the end of a test run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finetune_operator.api.crd import KINDS
from tests.controlplane import test_crd_bounds, test_crd_coverage, test_crd_hosted, test_crd_mistakes
from tests.controlplane.mistakes import ANSWERED, EDITED
from tests.controlplane.mistakes.edits import ALLOWED


def tried(ran: Callable[[str], bool]) -> Iterator[str]:
    """A line for each of the tables whose module ran; ``ran`` tells by the module's name."""
    if ran("test_crd_coverage"):
        heard = {kind.kind: sum(1 for _ in test_crd_coverage.rules(kind)) for kind in KINDS}
        each = ", ".join(f"{kind} {count}" for kind, count in heard.items())
        yield f"{sum(heard.values())} rules, each heard in its own words: {each}"
    if ran("test_crd_mistakes"):
        good = len(test_crd_mistakes.ACCEPTED) + len(test_crd_hosted.REQUESTS)
        yield f"{len(ANSWERED)} wrong manifests, each beside its remedy; {good} further right ones"
    if ran("test_crd_edits"):
        yield f"{len(EDITED)} refused edits, each beside its remedy; {len(ALLOWED)} further allowed ones"
    if ran("test_crd_bounds"):
        yield f"{len(test_crd_bounds.CASES)} bounds, types and required fields, tried on both sides"
