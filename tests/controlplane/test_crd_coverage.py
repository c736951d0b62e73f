"""No rule without its refusal: whoever adds one to a model is asked for a manifest that breaks it, and for its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from finetune_operator.api.crd import KINDS, Kind, definition
from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from tests.controlplane.mistakes import ANSWERED, EDITED
from tests.controlplane.mistakes.mistake import Mistake
from tests.support.bounds import nodes
from tests.support.trial import RESOURCES, Trial, manifest

pytestmark = pytest.mark.controlplane

NAMES: Final = {
    "my.job": "starting with a letter: my.job",
    "a-job-of-forty-one-characters-is-too-long": "a-job-of-forty-one-characters-is-too-long has 41",
}


@dataclass(frozen=True)
class Spoken:
    """One rule as it would be heard: where it stands, and what it says with any values in it."""

    kind: str
    rule: str
    heard: re.Pattern[str]


def rules(kind: Kind) -> Iterator[Spoken]:
    """Every rule of a kind."""
    root = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for path, node in [("", {**root, "properties": {}}), *nodes(root["properties"]["spec"])]:
        for rule in node.get("x-kubernetes-validations", ()):
            place = re.escape(f"{path}{rule.get('fieldPath', '')}".lstrip(".") or "<nil>").replace(r"\[\]", r"\[\d+\]")
            yield Spoken(kind.kind, rule["rule"], re.compile(f"{place}: Invalid value: {_wording(rule)}"))


def _wording(rule: Json) -> str:
    """What the rule says, as a pattern: its own expression where it has one, so that a fallback is found out."""
    expression: str | None = rule.get("messageExpression")
    if not expression:
        return re.escape(str(rule["message"]))
    literal = re.match(r"'((?:[^'\\]|\\.)*)'", expression)
    assert literal, f"a messageExpression begins with its text: {expression}"
    text = re.sub(r"\\(.)", r"\1", literal.group(1))
    return ".+".join(re.escape(part) for part in re.split(r"%[sd]", text))


async def answers(trial: Trial, cluster: Cluster, namespace: str) -> list[tuple[str, str]]:
    """What the server says to every mistake, beside its kind."""
    heard = [(mistake.kind, await trial.refusal(mistake.manifest(mistake.wrong))) for mistake in ANSWERED.values()]
    for kind, spec in (("FineTuneJob", _some("FineTuneJob").smallest), ("Dataset", _some("Dataset").smallest)):
        heard += [(kind, await trial.refusal(manifest(kind, name, spec))) for name in NAMES]
    for number, mistake in enumerate(EDITED.values()):
        body = mistake.manifest({})
        body["metadata"]["name"] = f"job-{number}"
        await cluster.create(RESOURCES[mistake.kind], namespace, body)
        heard.append((mistake.kind, await trial.edit_refusal(body, namespace, mistake.wrong)))
    return heard


def _some(kind: str) -> Mistake:
    return next(mistake for mistake in ANSWERED.values() if mistake.kind == kind)


async def test_every_rule_is_heard_in_its_own_words(trial: Trial, cluster: Cluster, namespace: str) -> None:
    heard = await answers(trial, cluster, namespace)
    silent = [
        f"{rule.kind}: {rule.heard.pattern}"
        for kind in KINDS
        for rule in rules(kind)
        if not any(rule.kind == kind and rule.heard.search(answer) for kind, answer in heard)
    ]
    assert not silent


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_rule_says_what_is_wrong_and_where(kind: Kind) -> None:
    root = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for _, node in nodes(root, "root"):
        for rule in node.get("x-kubernetes-validations", ()):
            assert rule["message"]
            assert len(rule["message"]) < 300
