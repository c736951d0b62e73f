"""`python -m trainer.pick record` makes the demonstrations, `python -m trainer.pick roll-out` tries a policy. On CPU."""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.environment import library_environment
from trainer.failures import UserError
from trainer.pick.recording import record
from trainer.pick.tries import roll_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.pick.tries import Try

MOST_TRIES = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked. Returns 0, or 64 after saying what is wrong with the question."""
    asked = parser().parse_args(arguments)
    try:
        return _record(asked) if asked.what == "record" else _roll_out(asked)
    except UserError as problem:
        print(f"{problem.param}: {problem.message}. {problem.advice}".strip(), file=sys.stderr)
        return 64


def parser() -> argparse.ArgumentParser:
    """Its two commands and their options."""
    program = argparse.ArgumentParser(prog="python -m trainer.pick", description="A gripper brings a block to a zone.")
    commands = program.add_subparsers(dest="what", required=True)
    recording = commands.add_parser("record", help="record demonstrations as a LeRobot dataset")
    recording.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the dataset")
    recording.add_argument("--episodes", type=_count, default=60, metavar="N", help="how many (60)")
    recording.add_argument("--seed", type=int, default=0, metavar="S", help="another seed gives other tables (0)")
    rolling = commands.add_parser("roll-out", help="let a policy try, and count")
    rolling.add_argument("--policy", required=True, type=Path, metavar="DIR", help="a job's folder model/")
    rolling.add_argument("--seeds", type=seeds_of, default=seeds_of("0-19"), metavar="0-19", help="one try each")
    about = "the network as it was before training: its weights by this seed"
    rolling.add_argument("--fresh-weights", type=int, metavar="S", help=about)
    rolling.add_argument("--animation", type=Path, metavar="FILE.webp", help="all tries, moving")
    rolling.add_argument("--sheet", type=Path, metavar="FILE.png", help="moments of a few tries")
    rolling.add_argument("--embed", action="store_true", help="both pictures within what is printed, as base64")
    return program


def seeds_of(text: str) -> tuple[int, ...]:
    """`0-19` or `3,5,8-10` as numbers. Raises argparse.ArgumentTypeError."""
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        if not found:
            raise argparse.ArgumentTypeError(f"{part!r} is no seed; write 0-19 or 3,5,8-10")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first or last - first >= MOST_TRIES:
            raise argparse.ArgumentTypeError(f"{part!r} must go upwards, over at most {MOST_TRIES} seeds")
        seeds += range(first, last + 1)
    return tuple(dict.fromkeys(seeds))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number of at least 1")
    return int(text)


def _record(asked: argparse.Namespace) -> int:
    frames = record(asked.out, asked.episodes, asked.seed)
    print(f"{asked.episodes} episodes of {frames} frames are in {asked.out}")
    return 0


def _roll_out(asked: argparse.Namespace) -> int:
    from trainer.pick.pilot import load  # noqa: PLC0415 - slow to import: after the arguments are checked

    with contextlib.redirect_stdout(sys.stderr):  # libraries talk; the answer alone is for programs
        tries = roll_out(load(asked.policy, asked.fresh_weights), asked.seeds)
    print(json.dumps(_told(tries, asked)))
    return 0


def _told(tries: Sequence[Try], asked: argparse.Namespace) -> dict[str, Any]:
    from trainer.pick.pictures_of_tries import animation, sheet  # noqa: PLC0415 - drawn only here

    told: dict[str, Any] = {"tries": len(tries), "succeeded": [each.seed for each in tries if each.succeeded]}
    for name, path, draw in (("animation", asked.animation, animation), ("sheet", asked.sheet, sheet)):
        picture = draw(tries) if path or asked.embed else b""
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture)
        if asked.embed:
            told[name] = base64.b64encode(picture).decode("ascii")
    return told


if __name__ == "__main__":
    # Of this process alone: whoever calls main has an environment of their own.
    os.environ.update(library_environment())
    sys.exit(main())
