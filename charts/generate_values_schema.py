"""The catalog's part of the chart's values.schema.json, from the models: ``--check`` finds drift.

Values are laid over the shipped entries field by field, so that nothing is required here and null takes a field away;
the API server checks the whole.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from finetune_operator.api.basemodel import BaseModelSpec
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import ApiModel, Json
from finetune_operator.api.openapi import structural_schema

SCHEMA: Final = Path(__file__).parent / "finetune-operator/values.schema.json"
NAME: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
PARTS: Final[dict[str, tuple[str, type[ApiModel]]]] = {
    "instanceTypes": ("name of an InstanceType to its spec, laid over the shipped one", InstanceTypeSpec),
    "baseModels": ("name of a BaseModel to its spec, laid over the shipped one", BaseModelSpec),
}
QUANTITY: Final = {"$ref": "#/$defs/quantity"}
KEPT: Final = (
    "additionalProperties", "description", "enum", "items", "maxItems", "maxLength", "maxProperties", "maximum",
    "minItems", "minLength", "minProperties", "minimum", "pattern", "properties", "type",
)  # fmt: skip


def rendered(text: str) -> str:
    """The schema's text with the catalog's part as the models have it."""
    schema: Json = json.loads(text)
    for part, (description, model) in PARTS.items():
        schema["properties"][part] = {
            "type": "object",
            "description": description,
            "propertyNames": {"pattern": NAME, "maxLength": 63},
            "additionalProperties": _laid_over(structural_schema(model)),
        }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the schema, or with ``--check`` say that it differs and exit 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the schema differs")
    check = parser.parse_args(arguments).check
    text = SCHEMA.read_text(encoding="utf-8")
    wanted = rendered(text)
    if wanted == text:
        return 0
    if check:
        print(f"{SCHEMA.name} differs from the models: run `make generate` and commit the result", file=sys.stderr)
        return 1
    SCHEMA.write_text(wanted, encoding="utf-8")
    print(f"wrote {SCHEMA}")
    return 0


def _laid_over(node: Json) -> Json:
    """A structural schema as JSON Schema: unknown fields refused, null allowed everywhere, nothing required."""
    if node.get("x-kubernetes-int-or-string"):
        return {"anyOf": [QUANTITY, {"type": "null"}], "description": node.get("description", "")}
    result: Json = {key: value for key, value in node.items() if key in KEPT}
    for bound in ("Minimum", "Maximum"):
        # The older spelling of CRDs: a flag beside the bound.
        if node.get(f"exclusive{bound}"):
            result[f"exclusive{bound}"] = result.pop(bound.lower())
    if "properties" in node:
        result["properties"] = {name: _laid_over(child) for name, child in node["properties"].items()}
        result["additionalProperties"] = False
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            result[inner] = _laid_over(node[inner])
    if "enum" in result:
        return {**result, "type": [result["type"], "null"], "enum": [*result["enum"], None]}
    return {**result, "type": [result["type"], "null"]} if "type" in result else result


if __name__ == "__main__":
    sys.exit(main())
