"""The documents name only what exists: links, paths, make targets, fields, reasons and failure codes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import yaml
from pydantic import ValidationError

from finetune_operator.api.crd import KINDS
from finetune_operator.api.model import Json
from finetune_operator.api.names import API_VERSION
from finetune_operator.planning.manifests.event import WARNINGS

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "trainer-image/CONTRACT.md"])
PLACES: Final = (ROOT, ROOT / "operator/finetune_operator", ROOT / "trainer-image")
"""What a path in a document may be relative to."""
MADE_BY_RUNNING: Final = ("build/",)
ENDS: Final = ("UserError", "Broken", "Interrupted", "OutOfMemory", "StageEnd")
"""The trainer's exceptions that carry a failure code."""

FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
SPAN: Final = re.compile(r"`([^`\n]+)`")
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ +(.+)$", re.MULTILINE)
PATH: Final = re.compile(r"^[\w.*-]+(/[\w.*-]+)+/?$")
TARGET: Final = re.compile(r"(?:^|&&)\s*make ([a-z][a-z-]*)", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One Markdown file. ``prose`` is its text without fenced blocks."""

    path: Path
    text: str

    @property
    def prose(self) -> str:
        return FENCE.sub("", self.text)

    @property
    def spans(self) -> list[str]:
        return SPAN.findall(self.prose)

    @property
    def blocks(self) -> list[tuple[str, str]]:
        return [(language, textwrap.dedent(text)) for language, text in FENCE.findall(self.text)]


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Document:
    path: Path = request.param
    return Document(path, path.read_text(encoding="utf-8"))


def test_every_relative_link_leads_to_a_file_and_a_heading_of_it(document: Document) -> None:
    links = LINK.findall(SPAN.sub("", document.prose))
    assert [link for link in links if not _leads_somewhere(link, document)] == []


def test_every_path_that_is_named_exists(document: Document) -> None:
    named = [span for span in document.spans if _is_a_path_of_ours(span)]
    assert [path for path in named if not _exists(path)] == []


def test_every_make_target_that_is_named_exists(document: Document) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = [*document.spans, *(text for language, text in document.blocks if language != "mermaid")]
    assert {target for command in commands for target in TARGET.findall(command)} <= targets


def test_every_manifest_of_ours_is_accepted_by_the_models_and_has_no_unknown_field(document: Document) -> None:
    faults = [fault for manifest in _manifests(document) for fault in _faults(manifest)]
    assert faults == []


@pytest.mark.parametrize("generator", ["generate_reasons.py", "generate_reference.py"])
def test_what_is_generated_from_the_models_is_up_to_date(generator: str) -> None:
    command = [sys.executable, str(ROOT / "docs" / generator), "--check"]
    run = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_troubleshooting_names_every_reason_that_warns() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    assert {reason for reason in WARNINGS if f"`{reason}`" not in page} == set()


def test_troubleshooting_names_every_failure_code_of_the_trainer() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    assert {code for code in _trainer_codes() if f"`{code}`" not in page} == set()


def test_every_failure_code_in_troubleshooting_is_one_that_exists() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    section = page.partition("## Codes of the trainer")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    assert named
    assert named - _trainer_codes() == set()


def test_decisions_are_numbered_without_gaps_and_follow_the_template() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [int(record.name[:4]) for record in records]
    assert numbers == list(range(len(records)))
    template, *others = [HEADING.findall(record.read_text(encoding="utf-8"))[1:] for record in records]
    assert [headings for headings in others if headings != template] == []


def _leads_somewhere(link: str, document: Document) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    path, _, anchor = link.partition("#")
    target = (document.path.parent / path).resolve() if path else document.path
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target.read_text(encoding="utf-8"))


def _anchors(text: str) -> set[str]:
    """As GitHub makes them: lower case, punctuation dropped, blanks to hyphens."""
    headings = HEADING.findall(FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _is_a_path_of_ours(span: str) -> bool:
    """A path whose first part is a folder of ours; ``checkpoints/attempt-1`` or an image's name is none."""
    if not PATH.match(span) or span.startswith(MADE_BY_RUNNING):
        return False
    first = span.split("/", maxsplit=1)[0]
    return any((place / first).is_dir() for place in PLACES)


def _exists(path: str) -> bool:
    return any(next(place.glob(path.rstrip("/")), None) is not None for place in PLACES)


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"}


def _manifests(document: Document) -> Iterator[Json]:
    texts = [text for language, text in document.blocks if language == "yaml"]
    for text in texts:
        for manifest in yaml.safe_load_all(text):
            if isinstance(manifest, dict) and manifest.get("apiVersion") == API_VERSION:
                yield manifest


def _faults(manifest: Json) -> list[str]:
    kind = next(kind for kind in KINDS if kind.kind == manifest["kind"])
    try:
        known = kind.spec.model_validate(manifest["spec"]).wire()
    except ValidationError as error:
        return [str(error)]
    unknown = set(_fields(manifest["spec"])) - set(_fields(known))
    return [f"{kind.kind}.spec has no field {'.'.join(path)}" for path in sorted(unknown)]


def _fields(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from _fields(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, (*path, "[]"))


def _trainer_codes() -> set[str]:
    """First arguments of the exceptions that end a stage: how the trainer names its failures."""
    sources = (ROOT / "trainer-image/trainer").rglob("*.py")
    return {code for source in sources for code in _codes_in(ast.parse(source.read_text(encoding="utf-8")))}


def _codes_in(module: ast.Module) -> Iterator[str]:
    """The codes of one module; where a variable is given, what the module assigns to it."""
    nodes = list(ast.walk(module))
    ends = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ENDS and node.args]
    names = {node.args[0].id for node in ends if isinstance(node.args[0], ast.Name)}
    assigned = [node for node in nodes if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in names]
    for values in [*(node.args[0] for node in ends), *(node.value for node in assigned)]:
        yield from (n.value for n in ast.walk(values) if isinstance(n, ast.Constant) and isinstance(n.value, str))
