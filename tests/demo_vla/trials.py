"""The policy at the controls, before and after: the same network with its first weights and with the trained ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from finetune_operator.api import uris
from tests.demo.failure import DemoError
from tests.demo.kubectl import Json, Kubectl
from tests.demo.pods import Errand, pod
from tests.demo.watch import until
from tests.demo_vla.task import NAMESPACE

SEEDS: Final = "0-19"
POLICY_FOLDER: Final = "/policy"
SECONDS: Final = 600.0
WEIGHTS: Final[Mapping[str, tuple[str, ...]]] = {"before": ("--fresh-weights", "0"), "after": ()}
"""By when: `before` is the network as a training begins with it, random weights by a fixed seed."""
SUFFIXES: Final[Mapping[str, str]] = {"animation": "webp", "sheet": "png"}


@dataclass(frozen=True)
class Trial:
    """The tries of one policy: how many, the seeds of those that succeeded, and pictures of them by their file's suffix."""

    tries: int
    succeeded: tuple[int, ...]
    pictures: Mapping[str, bytes]


def roll_out(kubectl: Kubectl, image: str, result: Json) -> dict[str, Trial]:
    """Let the policy of a job's ``status.result`` try, untrained and trained, each in a pod. Raises DemoError."""
    errands = {when: tryout(when, image, result) for when in WEIGHTS}
    for errand in errands.values():
        kubectl.delete("pod", errand.name, NAMESPACE)
    kubectl.apply(*map(pod, errands.values()), namespace=NAMESPACE)
    said = {when: _said(kubectl, errand.name) for when, errand in errands.items()}
    for errand in errands.values():
        kubectl.delete("pod", errand.name, NAMESPACE, "--wait=false")
    return {when: read_trial(log) for when, log in said.items()}


def tryout(when: str, image: str, result: Json) -> Errand:
    """The errand of the tries `before` or `after`."""
    where = uris.parse(result["uri"])
    if not isinstance(where, uris.ClaimPath):
        raise TypeError(f"a result lies on a claim: {result['uri']}")
    policy = f"{POLICY_FOLDER}/{where.path}"
    command = ("python", "-m", "trainer.pick", "roll-out", "--policy", policy, "--seeds", SEEDS, "--embed")
    return Errand(f"roll-out-{when}", image, (*command, *WEIGHTS[when]), {where.claim: POLICY_FOLDER})


def read_trial(log: str) -> Trial:
    """What a pod's log says in its last line, where libraries may have written before. Raises DemoError."""
    line = next((each for each in reversed(log.splitlines()) if each.startswith('{"tries"')), None)
    if line is None:
        raise DemoError("A roll-out ended without saying how it went.", "read its log below; run the demo again", log)
    told: Json = json.loads(line)
    pictures = {suffix: base64.b64decode(told[name]) for name, suffix in SUFFIXES.items()}
    return Trial(told["tries"], tuple(told["succeeded"]), pictures)


def save_pictures(trials: Mapping[str, Trial], folder: Path) -> list[Path]:
    """Write the pictures of all trials as `folder`/before.webp and so on; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for when, trial in trials.items():
        for suffix, picture in trial.pictures.items():
            file = folder / f"{when}.{suffix}"
            file.write_bytes(picture)
            files.append(file)
    return files


def _said(kubectl: Kubectl, name: str) -> str:
    phase = until(lambda: _end(kubectl.get("pod", name, NAMESPACE)), SECONDS)
    said = kubectl.run("logs", name, f"--namespace={NAMESPACE}") if phase else ""
    if phase != "Succeeded":
        described = kubectl.run("describe", "pod", name, f"--namespace={NAMESPACE}")
        raise DemoError(
            f"The policy could not be rolled out: pod {name} {'failed' if phase else 'did not end in time'}.",
            "the training itself succeeded; read the pod's events and log above",
            f"{described}\n{said}",
        )
    return said


def _end(trying: Json | None) -> str | None:
    phase = trying["status"].get("phase") if trying else None
    return phase if phase in {"Succeeded", "Failed"} else None
