"""Log lines that go to the operator are few, short, of a level, and never hold a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import count

import pytest

from tests.trainer.documents import CHECKOUT
from trainer.contract.progress import LONGEST_LOG_LINE, MOST_LOG_LINES, Level
from trainer.training.log_lines import LARGEST, LogLines, level_of, listening
from trainer.training.masking import Masking

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def log(environment: dict[str, str] | None = None) -> LogLines:
    return LogLines(Masking(environment or {}), lambda: NOON)


def messages(lines: LogLines) -> list[str]:
    return [line.message for line in lines.untold()[1]]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("checkpoint 4 is complete", "info"),
        ("an error of 3 % is expected", "info"),
        ("WARNING:root:slow disk", "warning"),
        ("[WARN] slow disk", "warning"),
        ("/app/trainer/x.py:12: UserWarning: slow disk", "warning"),
        ("[rank0]:[W1121 12:00:00.5 socket.cpp:752] slow network", "warning"),
        ("ERROR slow disk", "error"),
        ("Traceback (most recent call last):", "error"),
        ("ValueError: no such step", "error"),
        ("torch.OutOfMemoryError: CUDA out of memory", "error"),
        ("E1121 12:00:00.5 something broke", "error"),
        ("DEBUG: a detail", "debug"),
    ],
)
def test_a_line_shows_its_level_by_its_beginning(line: str, level: Level) -> None:
    assert level_of(line) == level


PRINTING = """
import sys, warnings
from tests.trainer.test_log_lines import log
from trainer.training.log_lines import listening
lines = log()
with listening(lines):
    print("training starts from the model")
    warnings.warn_explicit("the rows are short", UserWarning, "rows.py", 12)
    sys.stdout.write("50 %\\r100 %\\nhalf a li")
    sys.stdout.write("ne\\n\\n{'loss': '2.5', 'learning_rate': '0.1'}\\n")
    print("\\x1b[31mred\\x1b[0m", file=sys.stderr)
print("afterwards")
for line in lines.untold()[1]:
    print("kept:", line.timestamp, line.level, line.message)
"""


def test_what_is_printed_or_warned_of_is_kept_and_still_printed() -> None:
    path = {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'trainer-image'}"}
    command = [sys.executable, "-c", PRINTING]
    done = subprocess.run(command, env={**os.environ, **path}, capture_output=True, text=True, timeout=60, check=True)
    at = "kept: 2026-11-21T12:00:00.000+00:00"
    assert [line for line in done.stdout.splitlines() if line.startswith("kept:")] == [
        f"{at} info training starts from the model",
        f"{at} warning rows.py:12: UserWarning: the rows are short",
        f"{at} info 100 %",
        f"{at} info half a line",
        f"{at} info red",
    ]
    assert "training starts from the model\n" in done.stdout
    assert "'loss': '2.5'" in done.stdout
    assert "the rows are short" in done.stderr


def test_lines_are_told_again_until_the_operator_has_answered() -> None:
    lines = log()
    lines.add("one")
    seen, _ = lines.untold()
    lines.add("two")
    assert messages(lines) == ["one", "two"]
    lines.told(seen)
    assert messages(lines) == ["two"]
    lines.told(lines.untold()[0])
    assert messages(lines) == []


@pytest.mark.parametrize("letter", ["x", "\N{GRINNING FACE}"])
def test_too_many_lines_are_cut_to_the_newest_and_say_so(letter: str) -> None:
    lines, numbers = log(), count()
    for _ in range(1000):
        lines.add(f"{next(numbers)} {letter * 2000}")
    seen, kept = lines.untold()
    assert len(kept) <= MOST_LOG_LINES
    assert kept[0].message == f"{1000 - (len(kept) - 1)} lines are left out here; the pod's log has them"
    assert kept[-1].message.startswith("999 ")
    assert all(len(line.message) <= LONGEST_LOG_LINE for line in kept)
    assert len(json.dumps([line.to_json() for line in kept])) < LARGEST + 4096
    lines.told(seen)
    assert messages(lines) == []


def test_fifty_lines_are_told_whole() -> None:
    lines = log()
    for number in range(MOST_LOG_LINES):
        lines.add(str(number))
    assert messages(lines) == [str(number) for number in range(MOST_LOG_LINES)]


def test_a_progress_bar_that_never_ends_its_line_takes_no_memory(capfd: pytest.CaptureFixture[str]) -> None:
    lines = log()
    with listening(lines):
        for step in range(5000):
            sys.stderr.write(f"\r{step} of 5000")
        print(file=sys.stderr)
    assert messages(lines) == ["4999 of 5000"]
    assert len(capfd.readouterr().err) > 5000


SECRETS = {
    "FINETUNE_SECRET_MODEL_TOKEN": "s3cr3t-t0ken",
    "FINETUNE_SECRET_OUTPUT_CREDENTIALS": json.dumps({"private_key": "-----BEGIN KEY-----\nMIIEvQ+base64\n"}),
    "WANDB_API_KEY": "0123456789abcdef",
    "MLFLOW_TRACKING_PASSWORD": "p.ssw(rd",
    "HOME": "/srv/someone",
}


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("fetching with s3cr3t-t0ken", "fetching with ***"),
        ("key MIIEvQ+base64 refused", "key *** refused"),
        ("wandb: 0123456789abcdef", "wandb: ***"),
        ("p.ssw(rd and pxssw(rd", "*** and pxssw(rd"),
        ("GET https://me:mine@host/x failed", "GET https://***@host/x failed"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("token hf_ABCDEFGHIJKLMNOPQRST", "token ***"),
        ("in /srv/someone", "in /srv/someone"),
    ],
)
def test_a_secret_is_masked_wherever_it_stands(line: str, masked: str) -> None:
    lines = log(SECRETS)
    lines.add(line)
    assert messages(lines) == [masked]


def test_a_secret_is_masked_before_a_line_is_cut() -> None:
    lines = log(SECRETS)
    lines.add("x" * (LONGEST_LOG_LINE - 4) + "s3cr3t-t0ken")
    assert "s3c" not in messages(lines)[0]
