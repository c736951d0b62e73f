"""Every pod that ever trained in a namespace, and how many of them lived at the same time: a watch beside the test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finetune_operator.api.names import STAGE_LABEL
from tests.demo.kubectl import Kubectl

_LINE = '{.type} {.object.metadata.name} {.object.status.phase}{"\\n"}'
_ENDED = (["Succeeded"], ["Failed"])


@dataclass(frozen=True)
class TrainingPods:
    """What the watch has seen so far."""

    log: Path

    def names(self) -> set[str]:
        """All that ever were."""
        return {words[1] for words in self._events()}

    def most_at_once(self) -> int:
        """The greatest number of pods of the training that had not ended, at any time."""
        alive: set[str] = set()
        most = 0
        for event, name, *phase in self._events():
            ended = event == "DELETED" or phase in _ENDED
            alive = alive - {name} if ended else alive | {name}
            most = max(most, len(alive))
        return most

    def _events(self) -> Sequence[list[str]]:
        return [line.split() for line in self.log.read_text(encoding="utf-8").splitlines()]


@contextmanager
def watched(kubectl: Kubectl, namespace: str, folder: Path) -> Iterator[TrainingPods]:
    """Watch the namespace's training pods while the context lasts."""
    log = folder / "pods.log"
    which = ("pods", f"--namespace={namespace}", f"--selector={STAGE_LABEL}=train")
    how = ("--watch", "--output-watch-events", f"--output=jsonpath={_LINE}")
    with log.open("wb") as output:
        watch = subprocess.Popen(
            [str(kubectl.program), "get", *which, *how],
            env=dict(kubectl.environment()),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield TrainingPods(log)
            assert watch.poll() is None, f"the watch ended: {log.read_text(encoding='utf-8')}"
        finally:
            watch.kill()
            watch.wait()
