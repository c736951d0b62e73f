"""The operator in the cluster: CRDs, then the chart by Helm 4, until its pod is ready."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.demo.failure import DemoError
from tests.demo.kubectl import Json, Kubectl
from tests.demo.mark import MARK, is_marked, marked

CHECKOUT = Path(__file__).parents[2]
CHART = CHECKOUT / "charts" / "finetune-operator"
RELEASE = "finetune-operator"
NAMESPACE = "finetune-system"
WAIT = "180s"
TRAINERS = {"trl": "trainer", "lerobot": "trainer-lerobot"}
"""The image of each family of models."""


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
    """The chart's values for `images` as `image_values` takes them, quick to report, with `more` merged over them."""
    quick: Json = {"settings": {"progress": {"statusIntervalSeconds": 2}}}
    return _merged(_merged(image_values(images), quick), more or {})


def image_values(images: Mapping[str, str]) -> Json:
    """The chart's values that name the images `operator`, `trainer` and, if there, `trainer-lerobot`."""
    repository, _, tag = images["operator"].rpartition(":")
    trainers = {family: images[name] for family, name in TRAINERS.items() if name in images}
    return {"image": {"repository": repository, "tag": tag}, "settings": {"images": trainers}}


def kept(values: Json, standing: Json, images: Mapping[str, str]) -> Json:
    """`values` for a release that has `standing` ones: what somebody set since stays, but for the images."""
    return _merged(_merged(values, standing), image_values(images))


def release_labels(helm: Helm) -> Mapping[str, str] | None:
    """The labels of the release; None when there is none. Raises DemoError when Helm cannot tell."""
    said = helm.run("get", "metadata", RELEASE, f"--namespace={NAMESPACE}", "--output=json")
    if said.returncode and "not found" in said.stderr:
        return None
    if said.returncode:
        raise DemoError(f"Helm could not look at the cluster: {said.stderr.strip()}", "look at your kubeconfig")
    labels: Mapping[str, str] = json.loads(said.stdout).get("labels") or {}
    return labels


def standing_values(helm: Helm) -> Json:
    """What was set for the release, by the demo and since; empty when there is none."""
    said = helm.run("get", "values", RELEASE, f"--namespace={NAMESPACE}", "--output=json")
    values: Json = (json.loads(said.stdout) if said.returncode == 0 else None) or {}
    return values


def install(helm: Helm, values: Json) -> None:
    """Install the chart, or bring it up to date, and wait until the operator is ready. Raises DemoError."""
    apply_crds(helm.kubectl)
    chart = (RELEASE, str(CHART), f"--namespace={NAMESPACE}", "--create-namespace", "--skip-crds", f"--labels={MARK}")
    waiting = ("--wait", f"--timeout={WAIT}", "--force-conflicts", "--server-side=true", "--hide-notes")
    done = helm.run("upgrade", "--install", *chart, *waiting, "--values=-", given=json.dumps(values))
    if done.returncode:
        raise DemoError(
            f"Helm could not install the operator: {done.stderr.strip()}",
            f"look at its pod: kubectl describe pods --namespace {NAMESPACE}",
        )


def apply_crds(kubectl: Kubectl) -> None:
    """Have the CRDs of this checkout; in a cluster that is not ours, those that somebody else installed stay as they are.

    Helm installs CRDs once and never changes them; a cluster that is kept may hold those of an older checkout.
    """
    wanted = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((CHART / "crds").glob("*.yaml"))]
    kubectl.apply(*(marked(crd) for crd in wanted if kubectl.kubeconfig or not _is_foreign(kubectl, crd)))


def _is_foreign(kubectl: Kubectl, crd: Json) -> bool:
    found = kubectl.get("customresourcedefinition", crd["metadata"]["name"])
    return found is not None and not is_marked(found["metadata"].get("labels") or {})


def _merged(below: Json, above: Json) -> Json:
    merged = dict(below)
    for key, value in above.items():
        held = merged.get(key)
        merged[key] = _merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged
