"""`python -m tests.e2e.recording [NAME …]`: four lives of jobs on a real node, as kubectl printed them, into docs/recordings.

Each line has the seconds since the job was applied at its left. One job at a time, on a cluster where nothing else runs.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console

from tests.demo.install import CHECKOUT
from tests.demo.kubectl import Json
from tests.demo.steps import Steps
from tests.demo.target import reach
from tests.e2e import faults
from tests.e2e.conftest import a_world, base_model_volume, prepare
from tests.e2e.manifests import ENDLESS, finetunejob
from tests.e2e.place import cluster_name
from tests.e2e.resumed import Story, steps_by_attempt
from tests.e2e.training_pods import watched
from tests.e2e.world import World
from tests.images.recipes import ROBOTS

FOLDER: Final = CHECKOUT / "docs" / "recordings"
COMMAND: Final = ("get", "ftj", "-w", "-o", "wide")
STEPS: Final = 300
FEW_STEPS: Final = 60
MORE_STEPS: Final = 120

Told = Sequence[str]
"""Sentences that say what was done to the job and what its metrics.jsonl says."""


def main(arguments: Sequence[str]) -> int:
    """Record the stories that are named (all, when none is); 0, or 2 for a name that is none."""
    unknown = set(arguments) - set(STORIES)
    if unknown:
        print(f"No such story: {', '.join(sorted(unknown))}. Choose from: {', '.join(STORIES)}", file=sys.stderr)
        return 2
    target = reach(cluster_name(), Steps(Console(soft_wrap=True, stderr=True)), ROBOTS)
    prepare(target)
    for name in arguments or STORIES:
        with a_world(target, base_model_volume(target)) as world:
            text = _record(world, name)
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")
        print(f"docs/recordings/{name}.txt", flush=True)
    return 0


def _record(world: World, name: str) -> str:
    with TemporaryDirectory() as folder, watched(world.kubectl, world.namespace, Path(folder)) as pods:
        with _followed(world) as lines:
            told = STORIES[name](Story(world, pods, name))
        assert pods.most_at_once() == 1, "one pod of the training at a time"
    return "\n".join([*told, "", f"$ kubectl {' '.join(COMMAND)}", *lines, ""])


@contextmanager
def _followed(world: World) -> Iterator[Sequence[str]]:
    """The lines that kubectl prints, each with the seconds since now."""
    command = [str(world.kubectl.program), *COMMAND, f"--namespace={world.namespace}"]
    lines: list[str] = []
    begun = time.monotonic()
    environment = dict(world.kubectl.environment())
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as watch:

        def keep() -> None:
            assert watch.stdout
            lines.extend(f"{time.monotonic() - begun:6.1f}  {line.decode().rstrip()}" for line in watch.stdout)

        reader = threading.Thread(target=keep, daemon=True)
        reader.start()
        try:
            yield lines
        finally:
            watch.terminate()
            reader.join()


def _preempted(story: Story) -> Told:
    name = "recorded-lowly"
    story.world.kubectl.apply(faults.priority_class(name, -10))
    try:
        story.train(steps=STEPS, priorityClassName=name)
        story.world.apply(faults.greedy_intruder(story.world, faults.training_pod(story.world, story.job)))
        story.world.until_status(story.job, "without room", lambda status: status.get("reason") == "Unschedulable")
        story.world.kubectl.delete("pod", faults.INTRUDER, story.world.namespace)
        done = story.world.succeeded(story.job)
    finally:
        story.world.kubectl.delete("priorityclass", name)
    return "A pod of higher priority needed the node; some seconds later it was gone.", *_steps(story.world, done)


def _suspended(story: Story) -> Told:
    story.train(steps=STEPS)
    story.ask(suspend=True)
    story.world.until_status(story.job, "suspended", lambda status: status.get("phase") == "Suspended")
    story.ask(suspend=False)
    done = story.world.succeeded(story.job)
    return "suspend: true while it trained; false once it was Suspended.", *_steps(story.world, done)


def _hours_used_up(story: Story) -> Told:
    story.world.apply(finetunejob(story.job, hyperparameters=ENDLESS, hours=0.004))
    done = story.world.succeeded(story.job)
    seconds = done["usage"]["trainingSeconds"]
    return "hours: 0.004, which is 14.4 seconds of training.", f"Ended by itself after {seconds} training seconds."


def _restarted(story: Story) -> Told:
    story.train(steps=FEW_STEPS)
    story.world.succeeded(story.job)
    story.ask(restartGeneration=1, hyperparameters={"steps": MORE_STEPS})
    story.world.wait("a second run", lambda: story.world.status(story.job).get("restartGeneration") or None)
    done = story.world.succeeded(story.job)
    asked = f"{FEW_STEPS} steps; then restartGeneration: 1 and {MORE_STEPS} steps in one update."
    return asked, *_steps(story.world, done)


def _steps(world: World, done: Json) -> Told:
    first, second = (steps_by_attempt(world, done)[attempt] for attempt in (1, 2))
    return (f"Attempt 1 ended at step {first[-1]}; attempt 2 began at step {second[0]} (metrics.jsonl on the claim).",)


STORIES: Final[Mapping[str, Callable[[Story], Told]]] = {
    "preempted": _preempted,
    "hours-used-up": _hours_used_up,
    "suspended": _suspended,
    "restarted": _restarted,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
