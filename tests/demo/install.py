"""The operator in the cluster: CRDs, then the chart by Helm 4, until its pod is ready."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.demo.failure import DemoError
from tests.demo.kubectl import Json, Kubectl

CHECKOUT = Path(__file__).parents[2]
CHART = CHECKOUT / "charts" / "finetune-operator"
RELEASE = "finetune-operator"
NAMESPACE = "finetune-system"
WAIT = "180s"


@dataclass(frozen=True)
class Helm:
    """The program, and the kubectl of the cluster that it installs into."""

    program: Path
    kubectl: Kubectl

    def run(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """What Helm says, and its exit status."""
        return subprocess.run(
            [str(self.program), *arguments],
            env=dict(self.kubectl.environment()),
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )


def chart_values(images: Mapping[str, str], more: Json | None = None) -> Json:
    """The chart's values for images `operator` and `trainer`, quick to report, with `more` merged over them."""
    repository, _, tag = images["operator"].rpartition(":")
    values: Json = {
        "image": {"repository": repository, "tag": tag},
        "settings": {"images": {"trl": images["trainer"]}, "progress": {"statusIntervalSeconds": 2}},
    }
    return _merged(values, more or {})


def install(helm: Helm, values: Json) -> None:
    """Install the chart, or bring it up to date, and wait until the operator is ready. Raises DemoError."""
    # Helm installs CRDs once and never changes them; a cluster that is kept may hold those of an older checkout.
    helm.kubectl.run("apply", "--server-side", "--force-conflicts", f"--filename={CHART / 'crds'}")
    chart = (RELEASE, str(CHART), f"--namespace={NAMESPACE}", "--create-namespace", "--skip-crds")
    waiting = ("--wait", f"--timeout={WAIT}", "--force-conflicts", "--server-side=true", "--hide-notes")
    done = helm.run("upgrade", "--install", *chart, *waiting, "--values=-", given=json.dumps(values))
    if done.returncode:
        raise DemoError(
            f"Helm could not install the operator: {done.stderr.strip()}",
            f"look at its pod: kubectl describe pods --namespace {NAMESPACE}",
        )


def _merged(below: Json, above: Json) -> Json:
    merged = dict(below)
    for key, value in above.items():
        held = merged.get(key)
        merged[key] = _merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged
