"""The alerts of the chart ask for what is measured, and each has a runbook."""

from __future__ import annotations

import re
from typing import Final

import pytest
import yaml

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.reconciler.tallies import GPU_CLASSES
from tests.chart.rendering import CHART, RELEASE, of_kind, rendered

DOCS: Final = CHART.parents[1] / "docs"
RULES: Final[list[Json]] = yaml.safe_load((CHART / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
METRIC: Final = re.compile(r"\bfinetune_\w+")
SELECTOR: Final = re.compile(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"')
LABELS: Final[dict[str, set[str]]] = {"phase": set(Phase), "reason": set(Reason), "class": set(GPU_CLASSES)}
"""Labels whose values are ours."""

each_alert = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def test_they_come_only_when_asked_for_and_then_as_they_are_in_the_file() -> None:
    assert not of_kind("PrometheusRule", rendered())
    found = of_kind("PrometheusRule", rendered({"prometheusRule": {"enabled": True, "labels": {"release": "prom"}}}))
    assert found[RELEASE]["metadata"]["labels"]["release"] == "prom"
    assert found[RELEASE]["spec"]["groups"][0]["rules"] == RULES


@each_alert
def test_an_alert_asks_for_metrics_that_are_documented(rule: Json) -> None:
    documented = set(METRIC.findall((DOCS / "metrics.md").read_text(encoding="utf-8")))
    asked = set(METRIC.findall(rule["expr"]))
    assert asked
    assert asked <= documented


@each_alert
def test_an_alert_selects_phases_reasons_and_classes_that_exist(rule: Json) -> None:
    selected = [(label, set(values.split("|"))) for label, values in SELECTOR.findall(rule["expr"]) if label in LABELS]
    assert [(label, unknown) for label, values in selected if (unknown := values - LABELS[label])] == []


@each_alert
def test_an_alert_says_how_bad_it_is_and_what_to_read(rule: Json) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_every_alert_has_a_runbook_and_no_runbook_is_for_an_alert_that_is_gone() -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (Finetune\w+)$", page, re.MULTILINE)) == {rule["alert"] for rule in RULES}
