"""The page on automatic hyperparameters says what the rules do; a rule that changes raises the version."""

from __future__ import annotations

import re
from typing import Final

from finetune_operator.planning.resolving import rules
from finetune_operator.planning.resolving.suitability import SMALL_ENOUGH_FOR_CPU
from tests.architecture.tree import ROOT

PAGE: Final = (ROOT / "docs" / "hyperparameters.md").read_text(encoding="utf-8")


def test_the_page_has_every_rule_in_the_same_words() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", PAGE, re.MULTILINE)
    assert dict(rows) == dict(rules.SUMMARY)


def test_the_page_names_the_version() -> None:
    assert f"## Rules, version {rules.RULES_VERSION}\n" in PAGE


def test_the_page_has_the_other_numbers() -> None:
    assert f"Fewer than {rules.FEW_STEPS} planned steps" in PAGE
    assert f"at most {SMALL_ENOUGH_FOR_CPU // 10**6} million weights" in PAGE


def test_a_rule_is_not_changed_unless_the_version_is() -> None:
    """Whoever changes a number: raise RULES_VERSION, then write both anew."""
    numbers = (
        *(rules.TARGET_EPOCHS, rules.FEWEST_EXAMPLES, rules.MOST_EPOCHS, rules.MOST_EXAMPLES),
        *(rules.BATCH_SHARE, rules.SMALLEST_BATCH, rules.LARGEST_AUTOMATIC_BATCH, rules.FEWEST_STEPS_PER_EPOCH),
        *(rules.DEFAULT_BATCH, *rules.LEARNING_RATES.values(), rules.WARMUP_RATIO.value, rules.WEIGHT_DECAY.value),
        *(rules.MAX_GRAD_NORM.value, rules.SEED.value, rules.BETA.value, rules.RANK.value, rules.DROPOUT.value),
    )
    assert (rules.RULES_VERSION, numbers) == (
        1,
        (3, 100, 25, 25_000, 0.002, 4, 64, 4, 8, 2e-4, 2e-5, 1e-5, 1e-6, 1e-4, 1e-4, 0.03, 0.0, 1.0, 42, 0.1, 16, 0.0),
    )
