"""docs/reasons.md, docs/phases and docs/reasons, a page for each word of the status: ``python docs/generate_reasons.py``.

The words and their sentences are in api/conditions.py, what to do in api/remedies.py, where they are told in
docs/reason_places.py. ``--check`` finds drift: pages that differ, that are missing, and those of words that are gone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from docs.reason_pages import FOLDERS, pages

DOCS: Final = Path(__file__).parent


def stale(folder: Path) -> dict[Path, str | None]:
    """What must change below ``folder``: the path and its text, None for a page that must go."""
    wanted: dict[Path, str | None] = {folder / name: text for name, text in pages().items()}
    there = {path for name in FOLDERS for path in (folder / name).glob("*.md")}
    kept = {path: text for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text}
    return kept | dict.fromkeys(sorted(there - wanted.keys()))


def bring_up_to_date(folder: Path) -> list[Path]:
    """Write and remove pages below ``folder``; those that were changed."""
    changes = stale(folder)
    for path, text in changes.items():
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(changes)


def main(arguments: list[str] | None = None) -> int:
    """Bring the pages up to date, or with ``--check`` say which are not and exit 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page differs")
    if parser.parse_args(arguments).check:
        names = [str(path.relative_to(DOCS.parent)) for path in stale(DOCS)]
        for name in names:
            print(f"{name} differs from the reasons: run `make generate` and commit the result", file=sys.stderr)
        return 1 if names else 0
    for path in bring_up_to_date(DOCS):
        print(f"changed {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
