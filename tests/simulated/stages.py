"""The life of a simulated pod as kwok's Stages: it begins, it ends by its fate, and when told to end it does so soon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import STAGE_LABEL
from tests.simulated.fates import SECONDS_LABEL
from tests.simulated.outcomes import outcomes

DELETED: Final = ".metadata.deletionTimestamp"
PHASE: Final = ".status.phase"
FOLDER: Final = Path(__file__).parent
PLAYED_AT_ONCE: Final = 64


@dataclass(frozen=True)
class Paces:
    """How long things take, in seconds: from binding to running, each stage's run, and from SIGTERM to the end."""

    start: float = 0.0
    prepare: float = 0.5
    train: float = 2.0
    publish: float = 0.5
    stop: float = 0.5


def stages(paces: Paces) -> Iterator[Json]:
    """The documents of kwok's configuration: its options, then a Stage each."""
    yield {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        # Four by default: while the API server is busy, that many pods at once would be all that these nodes can play.
        "options": {"podPlayStageParallelism": PLAYED_AT_ONCE},
    }
    table = json.dumps(outcomes(paces.train))
    yield _stage("begins", [_is(PHASE, "Pending"), _lacks(DELETED)], _begin(), _after(paces.start))
    for name, delay in _ends(paces).items():
        ends = _stage(f"{name}-ends", [_is(PHASE, "Running"), _lacks(DELETED)], _end(table), delay)
        # By label rather than by expression: kwok asks for it first, and expressions are dear for ten thousand pods.
        ends["spec"]["selector"]["matchLabels"] = {STAGE_LABEL: name}
        yield ends
    told = [_has(DELETED), _is(PHASE, "Running")]
    yield _stage("stops", told, _end(table, "terminated"), _after(paces.stop))
    # The Job controller keeps a finalizer on its pods and takes it off by itself: it is not ours to remove.
    yield _stage("goes", [_has(DELETED), _is(PHASE, "Pending", "Succeeded", "Failed")], {"delete": True}, {})


def _ends(paces: Paces) -> Json:
    """By stage: after what time a pod ends by itself."""
    return {"prepare": _after(paces.prepare), "train": _chosen(paces.train), "publish": _after(paces.publish)}


def _stage(name: str, where: list[Json], then: Json, delay: Json) -> Json:
    spec = {
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {"matchExpressions": where},
        "next": then,
        **({"delay": delay} if delay else {}),
    }
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": f"trainer-{name}"},
        "spec": spec,
    }


def _begin() -> Json:
    return {"statusTemplate": (FOLDER / "begin.gotmpl").read_text(encoding="utf-8")}


def _end(table: str, forced: str = "") -> Json:
    template = (FOLDER / "end.gotmpl").read_text(encoding="utf-8")
    body = template.split("-}}\n", 1)[1]  # without the comment, which names the places too
    return {"statusTemplate": body.replace("OUTCOMES", table).replace("FORCED", forced)}


def _after(seconds: float) -> Json:
    return {"durationMilliseconds": round(seconds * 1000)} if seconds else {}


def _chosen(seconds: float) -> Json:
    return {**_after(seconds), "durationFrom": {"expressionFrom": f'.metadata.labels["{SECONDS_LABEL}"]'}}


def _is(key: str, *values: str) -> Json:
    return {"key": key, "operator": "In", "values": list(values)}


def _has(key: str) -> Json:
    return {"key": key, "operator": "Exists"}


def _lacks(key: str) -> Json:
    return {"key": key, "operator": "DoesNotExist"}
