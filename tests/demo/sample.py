"""What the demo does in its namespace: the base model on a claim, then the sample job and its dataset."""

from __future__ import annotations

from pathlib import Path

import yaml

from finetune_operator.api import names
from tests.demo.evidence import evidence
from tests.demo.failure import DemoError
from tests.demo.install import CHECKOUT
from tests.demo.kubectl import Json, Kubectl
from tests.demo.mark import marked
from tests.demo.pods import Errand, job
from tests.demo.watch import until

NAMESPACE = "finetune-demo"
SAMPLES = Path("crds/samples")
JOB = "quillby-support"
MODELS_CLAIM = "models"
MODEL = "tiny-chat"
MODELS_FOLDER = "/models"
MAKER = "make-tiny-chat"
MODEL_SECONDS = 900.0


def restricted_namespace(name: str) -> Json:
    """A namespace that admits only pods that keep pod security «restricted»."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }


def models_claim() -> Json:
    """The claim that holds the base model."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": MODELS_CLAIM},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}},
    }


def model_maker(image: str) -> Json:
    """The Job that makes the small base model; a second run finds it made."""
    command = ("python", "-m", "trainer.tiny", "--out", f"{MODELS_FOLDER}/{MODEL}")
    claims = {MODELS_CLAIM: MODELS_FOLDER}
    return job(Errand(MAKER, image, command, claims, frozenset(claims)))


def ensure_model(kubectl: Kubectl, image: str, namespace: str = NAMESPACE) -> None:
    """Have the base model on its claim in the namespace. Raises DemoError when it cannot be made."""
    ensure_made(kubectl, model_maker(image), models_claim(), namespace, "The base model")


def ensure_made(kubectl: Kubectl, maker: Json, claim: Json, namespace: str, what: str) -> None:
    """Have what the Job `maker` makes on `claim`: it runs unless it once succeeded. Raises DemoError, naming `what`."""
    name = maker["metadata"]["name"]
    if _made(kubectl.get("job", name, namespace)):
        return
    kubectl.delete("job", name, namespace)
    kubectl.apply(marked(restricted_namespace(namespace)))
    kubectl.apply(claim, maker, namespace=namespace)
    ended = until(lambda: _ended(kubectl.get("job", name, namespace)), MODEL_SECONDS)
    if not _made(ended):
        raise DemoError(
            f"{what} could not be made: Job {name} {'failed' if ended else 'did not end in time'}.",
            "read the pod's log and the events below; then run the demo again",
            evidence(kubectl, namespace),
        )


def apply_sample(kubectl: Kubectl, namespace: str = NAMESPACE) -> None:
    """Apply the sample, after removing what an earlier run of it left: the job, and the model that it kept."""
    remove_earlier(kubectl, JOB, namespace)
    sample = yaml.safe_load_all(kubectl.run("kustomize", str(CHECKOUT / SAMPLES)))
    kubectl.apply(*map(marked, sample), namespace=namespace)


def remove_earlier(kubectl: Kubectl, name: str, namespace: str) -> None:
    """Remove a job of an earlier run, and the model that it kept."""
    if earlier := kubectl.get("finetunejob", name, namespace):
        kubectl.delete("finetunejob", name, namespace)
        its_claims = f"{names.UID_LABEL}={earlier['metadata']['uid']}"
        kubectl.run("delete", "persistentvolumeclaims", f"--selector={its_claims}", f"--namespace={namespace}")


def _made(maker: Json | None) -> bool:
    return maker is not None and maker.get("status", {}).get("succeeded", 0) > 0


def _ended(maker: Json | None) -> Json | None:
    status = maker.get("status", {}) if maker else {}
    return maker if status.get("succeeded") or status.get("failed") else None
