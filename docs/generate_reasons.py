"""docs/reasons.md, generated from the operator's own words: ``python docs/generate_reasons.py``, ``--check`` finds drift."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from finetune_operator.api.conditions import ConditionType, Phase, Reason
from finetune_operator.planning.manifests.event import WARNINGS
from finetune_operator.planning.outcome import ADVICE

PAGE: Final = Path(__file__).with_name("reasons.md")

HEAD: Final = """\
<!-- Generated from operator/finetune_operator/api/conditions.py by `python docs/generate_reasons.py`. Do not edit. -->
# Reasons

`status.reason` says in one word why a job is where it is, and `status.message` has the details of the case: the
cluster's or the trainer's own words. Conditions and Events carry the same reasons. `kubectl get ftj -o wide` shows them.

A reason marked *warning* makes an Event of type Warning, and so does every step to the phase `Failed`. What to do about
the common ones is in [troubleshooting](troubleshooting.md).
"""


def rendered() -> str:
    """The whole page."""
    tables = [
        _table(("Reason", "Event", "Meaning"), [(f"`{r}`", _event(r), r.sentence) for r in Reason]),
        "## Advice\n\nWhat `status.failure.advice` says when the trainer gave no advice of its own.",
        _table(("Reason", "Advice"), [(f"`{r}`", ADVICE[r]) for r in Reason if r in ADVICE]),
        "## Phases and conditions",
        f"Phases: {_listed(Phase)}. A phase is a summary; conditions are what programs should read.",
        f"Conditions: {_listed(ConditionType)}. The last three are kstatus's: Helm, Flux and Argo CD read them.",
    ]
    return "\n\n".join([HEAD.rstrip(), *tables]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` say that it differs and exit 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page differs")
    check = parser.parse_args(arguments).check
    text = rendered()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if check:
        print(f"docs/{PAGE.name} differs from the reasons: run `python docs/{Path(__file__).name}`", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


def _event(reason: Reason) -> str:
    return "warning" if reason in WARNINGS else ""


def _listed(words: type[Phase | ConditionType]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
