"""docs/reference, a page for each kind, from the models: ``python docs/generate_reference.py``, ``--check`` finds drift."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from finetune_operator.api.crd import FINETUNEJOB, KINDS, Kind, definition
from finetune_operator.api.finetunejob.rules import FIXED_OPTIONAL, FIXED_REQUIRED, PER_RUN_OPTIONAL, PER_RUN_REQUIRED
from finetune_operator.api.model import Json

FOLDER: Final = Path(__file__).with_name("reference")
ANY_TIME: Final = "any time"
CHANGES: Final = {
    **dict.fromkeys((*FIXED_REQUIRED, *FIXED_OPTIONAL), "never"),
    **dict.fromkeys((*PER_RUN_REQUIRED, *PER_RUN_OPTIONAL), "with a new run"),
    "hours": "any time, upwards",
    "restartGeneration": "any time, upwards",
    "stop": "to true any time, to false with a new run",
    "cancel": "to true any time, to false with a new run",
}
"""When a field of a FineTuneJob's spec may change."""
SIZES: Final = {"Length": "characters", "Items": "items", "Properties": "entries"}
"""What the schema's bounds of size count."""

LEGEND: Final = {
    "FineTuneJob": "«Changes» says when a field may be edited: *any time*, *with a new run* (only in an update that also "
    "raises `restartGeneration`), or *never* (make a new job).",
    "Dataset": "A Dataset never changes: jobs rely on it. Register another one.",
    "InstanceType": "Every field may change at any time. A job that was accepted keeps the entry as it was then.",
    "BaseModel": "Every field may change at any time. A job that was accepted keeps the entry as it was then.",
}


@dataclass(frozen=True)
class Part:
    """One object of a schema, with the path that leads to it."""

    path: str
    schema: Json

    @property
    def fields(self) -> list[tuple[str, Json]]:
        """Path and schema of each field of it."""
        return [(f"{self.path}.{name}", field) for name, field in self.schema["properties"].items()]


def pages() -> dict[str, str]:
    """File name → text of every page."""
    return {f"{kind.kind.lower()}.md": _page(kind) for kind in KINDS}


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or with ``--check`` say which differ and exit 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page differs")
    check = parser.parse_args(arguments).check
    wanted = {FOLDER / name: text for name, text in pages().items()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check:
        for path in stale:
            print(f"docs/reference/{path.name} differs from the models: run `make generate`", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path}")
    return 0


def _page(kind: Kind) -> str:
    (version,) = definition(kind)["spec"]["versions"]
    root = version["schema"]["openAPIV3Schema"]
    head = [
        "<!-- Generated from operator/finetune_operator/api by `python docs/generate_reference.py`. Do not edit. -->",
        f"# {kind.kind}",
        kind.description,
        _usage(kind),
        LEGEND[kind.kind],
    ]
    rules = _rules(root)
    parts = [part for name in ("spec", "status") for part in _parts(name, root["properties"].get(name))]
    return "\n\n".join([*head, *rules, *(_section(kind, part) for part in parts)]) + "\n"


def _usage(kind: Kind) -> str:
    scope = "namespaced" if kind.namespaced else "cluster-wide"
    explain = f"`kubectl explain {kind.kind.lower()}.spec` says the same in a terminal."
    return f"`kubectl get {kind.plural}` or `{kind.short}`; {scope}. {explain}"


def _parts(path: str, schema: Json | None) -> Iterator[Part]:
    """An object and all objects in it, outer ones first."""
    if schema is None:
        return
    if "properties" in schema:
        part = Part(path, schema)
        yield part
        for inner_path, inner in part.fields:
            yield from _parts(inner_path, inner)
    elif "items" in schema:
        yield from _parts(f"{path}[]", schema["items"])


def _section(kind: Kind, part: Part) -> str:
    depth = "##" if "." not in part.path else "###"
    lines = [f"{depth} {part.path}", _text(part.schema), _table(kind, part), *_rules(part.schema)]
    return "\n\n".join(line for line in lines if line)


def _table(kind: Kind, part: Part) -> str:
    changing = kind is FINETUNEJOB and part.path.startswith("spec")
    head = ("Field", "Type", "Default", "Bounds", *(("Changes",) if changing else ()), "Meaning")
    required = part.schema.get("required", ())
    rows = []
    for path, field in part.fields:
        name = path.rpartition(".")[2]
        default = "**required**" if name in required else _default(field)
        changes = (_changes(path),) if changing else ()
        rows.append((f"`{path}`", _type(field), default, ", ".join(_bounds(field)), *changes, _text(field)))
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _changes(path: str) -> str:
    top = path.split(".")[1].removesuffix("[]")
    return CHANGES.get(top, ANY_TIME)


def _default(field: Json) -> str:
    if "default" not in field:
        return ""
    value = field["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(field: Json) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "quantity"
    if "items" in field:
        return f"list of {_type(field['items'])}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"map of {_type(field['additionalProperties'])}"
    if "enum" in field:
        return "one of " + " ".join(f"`{word}`" for word in field["enum"])
    return "date and time" if field.get("format") == "date-time" else str(field.get("type", "anything"))


def _bounds(field: Json) -> Iterator[str]:
    if field.get("x-kubernetes-int-or-string"):
        return
    if "minimum" in field:
        yield f"{'>' if field.get('exclusiveMinimum') else '≥'} {field['minimum']}"
    if "maximum" in field:
        yield f"{'<' if field.get('exclusiveMaximum') else '≤'} {field['maximum']}"
    yield from (f"{_range(field, size)} {words}" for size, words in SIZES.items() if f"max{size}" in field)
    if pattern := field.get("pattern"):
        yield f"`{pattern}`"
    if keys := field.get("x-kubernetes-list-map-keys"):
        yield f"unique by {' and '.join(keys)}"
    if field.get("x-kubernetes-list-type") == "set":
        yield "no item twice"
    inner = field.get("items") or field.get("additionalProperties")
    if isinstance(inner, dict) and "properties" not in inner:
        yield from (f"each {bound}" for bound in _bounds(inner))


def _range(field: Json, size: str) -> str:
    least, most = field.get(f"min{size}"), field[f"max{size}"]
    return f"at most {most}" if least is None else f"{least} to {most}"


def _rules(schema: Json) -> list[str]:
    """What the API server checks across fields; what it says of changes stands in the column."""
    given = [rule["message"] for rule in schema.get("x-kubernetes-validations", ()) if "oldSelf" not in rule["rule"]]
    if not given:
        return []
    return ["Rules:\n\n" + "\n".join(f"- {_escaped(message)}" for message in dict.fromkeys(given))]


def _text(schema: Json) -> str:
    return _escaped(" ".join(schema.get("description", "").split()))


def _escaped(text: str) -> str:
    """Signs that Markdown would take for its own."""
    return text.replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(main())
