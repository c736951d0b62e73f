"""Every word of the status has a page that says what to do, and what the page claims is so."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
import yaml

from docs.generate_reasons import DOCS, bring_up_to_date, stale
from docs.reason_pages import FOLDERS, pages
from docs.reason_places import PLACES, STATIONS
from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.remedies import ADMINISTRATORS, REMEDIES
from tests.architecture.tree import ROOT

REFERENCE: Final = (ROOT / "docs/reference/finetunejob.md").read_text(encoding="utf-8")
VALUES: Final = yaml.safe_load((ROOT / "charts/finetune-operator/values.yaml").read_text(encoding="utf-8"))
SETTINGS: Final = (ROOT / "docs/install.md").read_text(encoding="utf-8")
PAIR: Final = re.compile(r"\(Phase\.([A-Z_]+), Reason\.([A-Z_]+)\)")
"""How tests write where a job is and why."""


def test_every_phase_and_every_reason_has_a_page_and_no_other_page_is_there() -> None:
    wanted = {f"phases/{phase}.md" for phase in Phase} | {f"reasons/{reason}.md" for reason in Reason}
    assert {f"{folder}/{path.name}" for folder in FOLDERS for path in (DOCS / folder).iterdir()} == wanted
    assert stale(DOCS) == {}


def test_the_page_of_a_word_that_is_gone_is_removed_and_what_is_missing_or_different_is_written(tmp_path: Path) -> None:
    bring_up_to_date(tmp_path)
    gone, missing, different = (tmp_path / "reasons" / f"{name}.md" for name in ("Bygone", "Training", "Loading"))
    gone.write_text("the page of a reason that there was")
    missing.unlink()
    different.write_text("edited by hand")

    assert set(bring_up_to_date(tmp_path)) == {gone, missing, different}

    assert not gone.exists()
    assert missing.read_text() == pages()["reasons/Training.md"]
    assert stale(tmp_path) == {}


def test_every_word_says_what_to_do() -> None:
    assert set(Reason) == REMEDIES.keys() == PLACES.keys()
    assert set(Phase) == STATIONS.keys()


@pytest.mark.parametrize("text", [*REMEDIES.values(), *ADMINISTRATORS.values()])
def test_a_remedy_is_a_sentence_that_a_status_has_room_for(text: str) -> None:
    assert re.fullmatch(r"[A-Z].*\.", text)
    assert len(text) <= 256


@pytest.mark.parametrize("reason", PLACES)
def test_the_fields_and_settings_that_a_page_names_exist(reason: Reason) -> None:
    place = PLACES[reason]
    assert [field for field in place.fields if not _is_documented(field)] == []
    assert [path for path in place.settings if not _is_a_value(path)] == []


def test_where_tests_have_seen_a_reason_its_page_says_that_it_appears() -> None:
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    seen = {(Phase[p], Reason[r]) for p, r in chain.from_iterable(map(PAIR.findall, files))}
    assert len(seen) > 20
    assert {(p, r) for p, r in seen if p not in PLACES[r].phases} == set()


def _is_documented(field: str) -> bool:
    return f"`{field}`" in REFERENCE or f"### {field}\n" in REFERENCE


def _is_a_value(path: str) -> bool:
    """In the chart's values, or a setting that has no value of its own there because the operator's default stands."""
    found = VALUES
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            return f"| `{path.removeprefix('settings.')}." in SETTINGS
        found = found[part]
    return True
