"""Every Job that ever existed in a namespace, deleted ones included: a watch that runs beside the test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finetune_operator.api.names import STAGE_LABEL
from tests.demo.kubectl import Kubectl

_LINE = '{.metadata.uid} {.metadata.name} {.metadata.labels.%s}{"\\n"}'


@dataclass(frozen=True)
class Audit:
    """What the watch has seen so far."""

    log: Path

    def jobs(self, stage: str) -> set[str]:
        """The names of all Jobs of a stage, each with its uid: two of one name are two."""
        lines = (line.split() for line in self.log.read_text(encoding="utf-8").splitlines())
        return {f"{words[1]}/{words[0]}" for words in lines if words[2:] == [stage]}


@contextmanager
def audited(kubectl: Kubectl, namespace: str, folder: Path) -> Iterator[Audit]:
    """Watch the namespace's Jobs while the context lasts."""
    log = folder / "jobs.log"
    path = _LINE % STAGE_LABEL.replace(".", "\\.")
    command = [str(kubectl.program), "get", "jobs", f"--namespace={namespace}", "--watch", f"--output=jsonpath={path}"]
    with log.open("wb") as output:
        watch = subprocess.Popen(command, env=dict(kubectl.environment()), stdout=output, stderr=subprocess.STDOUT)
        try:
            yield Audit(log)
            assert watch.poll() is None, f"the watch ended: {log.read_text(encoding='utf-8')}"
        finally:
            watch.kill()
            watch.wait()
