"""Values that are refused, in words that help; and a schema that says what the operator and the CRD say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import cast

import pytest
import yaml
from pydantic import TypeAdapter

from finetune_operator.api.model import Json
from finetune_operator.reconciler.settings import Settings
from tests.chart.rendering import CHART, refusal

SCHEMA = cast("Json", json.loads((CHART / "values.schema.json").read_text(encoding="utf-8")))
BY_THE_CHART = {"namespace", "podName"}
"""Settings that the pod's own environment gives."""


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"replicass": 2}, "at '': additional properties 'replicass' not allowed"),
        ({"settings": {"logLevle": "info"}}, "at '/settings': additional properties 'logLevle' not allowed"),
        (
            {"settings": {"logLevel": "loud"}},
            "at '/settings/logLevel': value must be one of 'debug', 'info', 'warning'",
        ),
        ({"settings": {"workers": "many"}}, "at '/settings/workers': got string, want integer"),
        ({"settings": {"progress": {"url": "http://x"}}}, "at '/settings/progress/url': 'http://x' does not match"),
        ({"settings": {"namespace": "x"}}, "at '/settings': additional properties 'namespace' not allowed"),
        ({"image": {"digest": "abc"}}, "at '/image/digest': 'abc' does not match pattern"),
        ({"image": {"pullPolicy": "always"}}, "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent'"),
        ({"catalog": {"default": False}}, "at '/catalog': additional properties 'default' not allowed"),
        ({"baseModels": {"a": {"famly": "trl"}}}, "at '/baseModels/a': additional properties 'famly' not allowed"),
        (
            {"baseModels": {"act": {"type": "acd"}}},
            "at '/baseModels/act/type': value must be one of 'causal_lm', 'act'",
        ),
        (
            {"instanceTypes": {"a": {"cpu": "1", "memory": "1Gi", "gpus": 1}}},
            "at '/instanceTypes/a': additional properties 'gpus' not allowed",
        ),
        ({"instanceTypes": {"a": {"cpu": "1 core", "memory": "1Gi"}}}, "at '/instanceTypes/a/cpu': '1 core' does not"),
        ({"instanceTypes": {"A": {"cpu": "1", "memory": "1Gi"}}}, "'A' does not match pattern"),
    ],
)
def test_a_value_that_is_wrong_is_refused_with_its_place(values: Json, sentence: str) -> None:
    assert sentence in refusal(values)


def test_every_default_of_the_chart_is_in_its_schema_and_the_other_way_round() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert values.keys() == SCHEMA["properties"].keys() - {"global", "enabled"}


def test_the_schema_knows_exactly_the_settings_that_the_operator_knows() -> None:
    known = TypeAdapter(Settings).json_schema(by_alias=True)
    assert _tree(SCHEMA["properties"]["settings"], SCHEMA) == {
        name: part for name, part in _tree(known, known).items() if name not in BY_THE_CHART
    }


def test_the_catalog_in_the_schema_is_what_the_models_say() -> None:
    said = subprocess.run(
        [sys.executable, str(CHART.parent / "generate_values_schema.py"), "--check"],
        env={**os.environ, "PYTHONPATH": str(CHART.parents[1] / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize(("part", "kind"), [("instanceTypes", "instancetypes"), ("baseModels", "basemodels")])
def test_the_schema_knows_exactly_the_fields_that_the_crd_knows(part: str, kind: str) -> None:
    crd = yaml.safe_load((CHART / f"crds/{kind}.finetune.dev.yaml").read_text(encoding="utf-8"))
    (version,) = crd["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert _tree(SCHEMA["properties"][part]["additionalProperties"], SCHEMA) == _tree(spec, spec)


def _tree(schema: Json, root: Json) -> Json:
    """The names of a schema's properties, nested; types are the business of who reads the values in the end."""
    if reference := schema.get("$ref"):
        schema = _followed(reference, root)
    if "properties" in schema:
        return {name: _tree(part, root) for name, part in schema["properties"].items()}
    return _tree(schema["items"], root) if isinstance(schema.get("items"), dict) else {}


def _followed(reference: str, root: Json) -> Json:
    found = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found
