"""What the demo has in its namespace: the recordings on a claim, and the job that trains on them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

from tests.demo.kubectl import Json, Kubectl
from tests.demo.mark import marked
from tests.demo.pods import Errand, job
from tests.demo.sample import ensure_made, remove_earlier

NAMESPACE: Final = "finetune-demo-vla"
MANIFEST: Final = Path("tests/demo_vla/pick-and-place.yaml")
JOB: Final = "pick-and-place"
IMAGE: Final = "trainer-lerobot"
EPISODES: Final = 80
SEED: Final = 0
CLAIM: Final = "recordings"
FOLDER: Final = "/recordings"
DATASET: Final = "pick"
RECORDER: Final = "record-demonstrations"


def manifest() -> Json:
    """The FineTuneJob, as the file beside this module has it."""
    document: Json = yaml.safe_load((Path(__file__).parent / MANIFEST.name).read_text(encoding="utf-8"))
    return document


def recorder(image: str) -> Json:
    """The Job that records the demonstrations; a second run finds them recorded."""
    record = ("record", "--out", f"{FOLDER}/{DATASET}", "--episodes", str(EPISODES), "--seed", str(SEED))
    errand = Errand(RECORDER, image, ("python", "-m", "trainer.pick", *record), {CLAIM: FOLDER}, frozenset({CLAIM}))
    return job(errand)


def ensure_recordings(kubectl: Kubectl, image: str) -> None:
    """Have the demonstrations on their claim. Raises DemoError when they cannot be recorded."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    ensure_made(kubectl, recorder(image), claim, NAMESPACE, "The recordings")


def apply_job(kubectl: Kubectl) -> None:
    """Apply the job, after removing the one of an earlier run and the policy that it trained."""
    remove_earlier(kubectl, JOB, NAMESPACE)
    kubectl.apply(marked(manifest()), namespace=NAMESPACE)
