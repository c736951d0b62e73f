"""The end-to-end tests' count of training pods that live at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.training_pods import TrainingPods

ONE = "ADDED one Pending\nMODIFIED one Running\n"


@pytest.mark.parametrize(
    ("after", "most"),
    [
        ("ADDED two Pending\nMODIFIED one Failed\n", 2),
        ("MODIFIED one Failed\nADDED two Pending\n", 1),
        ("DELETED one Running\nADDED two \nMODIFIED two Running\n", 1),
    ],
    ids=["beside each other", "after it ended", "after it was gone"],
)
def test_pods_that_live_at_the_same_time_are_counted(tmp_path: Path, after: str, most: int) -> None:
    log = tmp_path / "pods.log"
    log.write_text(ONE + after, encoding="utf-8")

    pods = TrainingPods(log)

    assert pods.most_at_once() == most
    assert pods.names() == {"one", "two"}
