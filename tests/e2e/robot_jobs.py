"""The FineTuneJobs of robots that the end-to-end tests apply, and the claim with what they start from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import yaml

from finetune_operator.api.names import API_VERSION
from tests.demo.install import CHECKOUT
from tests.demo.kubectl import Json
from tests.demo.pods import Errand, job
from tests.demo.sample import SAMPLES
from tests.demo.target import Target
from tests.demo.watch import until
from tests.e2e import robot_inputs
from tests.e2e.manifests import instance_type, lent_volume
from tests.e2e.world import World

CLAIM: Final = "robots"
INSTANCE_TYPE: Final = "e2e-robots"
MAKER: Final = "make-robot-inputs"
MAKER_SECONDS: Final = 900.0
CIRCLES: Final = f"pvc://{CLAIM}/circles"
SMOLVLA: Final = f"pvc://{CLAIM}/smolvla"
CLIP: Final = f"/inputs/claims/{CLAIM}/clip/{robot_inputs.CLIP}"
TOP, WRIST, FRONT = robot_inputs.CAMERAS
TINY_ACT: Final[Json] = {
    "chunk_size": 8,
    "n_action_steps": 8,
    "dim_model": 32,
    "n_heads": 2,
    "dim_feedforward": 32,
    "n_encoder_layers": 1,
    "n_vae_encoder_layers": 1,
    "latent_dim": 8,
}
"""Settings that make ACT small; its eyes stay a ResNet."""
QUICK: Final[Json] = {"steps": 6, "batchSize": 2, "learningRate": 0.0005, "extra": TINY_ACT}


def robot_job(name: str, **spec: object) -> Json:
    """A job that trains a small ACT from two cameras for a few steps; `spec` replaces fields of its spec."""
    fields: Json = {
        "jobType": "vla",
        "model": {"type": "act"},
        "datasets": [{"name": "circles", "uri": CIRCLES}],
        "cameraMappings": {"cam_1": TOP, "cam_2": WRIST},
        "hyperparameters": QUICK,
        "instanceType": INSTANCE_TYPE,
        "hours": 1,
        "output": {"storageSize": "2Gi"},
    }
    return {"apiVersion": API_VERSION, "kind": "FineTuneJob", "metadata": {"name": name}, "spec": fields | spec}


def documented_job() -> Json:
    """The documented request of a hosted robot API, as the samples have it."""
    file = CHECKOUT / SAMPLES / "robot-policy-three-cameras.yaml"
    sample: Json = yaml.safe_load(file.read_text(encoding="utf-8"))
    return sample


def robots_volume(target: Target, namespace: str) -> Json:
    """The PersistentVolume with datasets and models, made once in `namespace`; and the InstanceType of robot jobs."""
    target.kubectl.apply(instance_type(INSTANCE_TYPE, cpu="800m", memory="6Gi", sharedMemory="256Mi"))
    size = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": size}
    source = open_source()
    errand = Errand(
        MAKER,
        target.images["trainer-lerobot"],
        ("python", "-c", source, "/robots"),
        {CLAIM: "/robots"},
        frozenset({CLAIM}),
    )
    made = target.kubectl.get("job", MAKER, namespace)
    if made is None or not made.get("status", {}).get("succeeded"):
        target.kubectl.delete("job", MAKER, namespace)
        target.kubectl.apply(claim, job(errand), namespace=namespace)
    ended = until(lambda: _ended(target.kubectl.get("job", MAKER, namespace)), MAKER_SECONDS)
    assert ended == "succeeded", target.kubectl.run("logs", f"job/{MAKER}", f"--namespace={namespace}")
    bound = target.kubectl.get("persistentvolumeclaim", CLAIM, namespace)
    volume = target.kubectl.get("persistentvolume", bound["spec"]["volumeName"]) if bound else None
    assert volume, "its claim is bound"
    return volume


@contextmanager
def with_robots(world: World, volume: Json) -> Iterator[World]:
    """The world with the claim of datasets and models in it, while the context lasts."""
    lent, claim = lent_volume(volume, world.namespace, CLAIM)
    world.kubectl.apply(lent)
    world.apply(claim)
    yield world
    world.kubectl.delete("persistentvolume", lent["metadata"]["name"], "", "--wait=false")


def open_source() -> str:
    """The program that makes everything, as text for a Python in a pod."""
    return (CHECKOUT / "tests/e2e/robot_inputs.py").read_text(encoding="utf-8")


def _ended(maker: Json | None) -> str | None:
    status = maker.get("status", {}) if maker else {}
    return next((word for word in ("succeeded", "failed") if status.get(word)), None)
