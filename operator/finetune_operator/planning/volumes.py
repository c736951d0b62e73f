"""The volumes and mounts of a pod, gathered so that a claim that several URIs name is one volume."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from finetune_operator.api import uris
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.model import Json
from finetune_operator.api.resolved import Resolved
from finetune_operator.planning.places import CLAIMS, CONFIG_MAPS, inputs

LONGEST_VOLUME_NAME = 63


@dataclass(frozen=True)
class Mounts:
    """Volumes with the places where they are mounted. Each method answers a larger one."""

    volumes: tuple[Json, ...] = ()
    mounts: tuple[Json, ...] = ()

    def volume(self, name: str, source: Json, path: str, *, read_only: bool = True, sub_path: str = "") -> Mounts:
        """With that volume mounted there; a volume that is there already is not repeated, nor is its mount."""
        volumes = (
            self.volumes if any(v["name"] == name for v in self.volumes) else (*self.volumes, {"name": name, **source})
        )
        mount: Json = {"name": name, "mountPath": path}
        if read_only:
            mount["readOnly"] = True
        if sub_path:
            mount["subPath"] = sub_path
        mounts = self.mounts if mount in self.mounts else (*self.mounts, mount)
        return replace(self, volumes=volumes, mounts=mounts)

    def claim(self, claim: str, path: str, *, sub_path: str = "", read_only: bool = True) -> Mounts:
        """With that PersistentVolumeClaim mounted there."""
        source = {"persistentVolumeClaim": {"claimName": claim}}
        return self.volume(volume_name("claim", claim), source, path, read_only=read_only, sub_path=sub_path)

    def config_map(self, name: str) -> Mounts:
        """With that ConfigMap mounted, if it exists: the trainer names a missing one better than a waiting pod does."""
        source = {"configMap": {"name": name, "optional": True}}
        return self.volume(volume_name("configmap", name), source, f"{CONFIG_MAPS}/{name}")


def input_mounts(spec: FineTuneJobSpec, resolved: Resolved) -> Mounts:
    """What the run reads, read-only. A claim is mounted whole, so that the trainer can say what is there instead."""
    mounts = Mounts()
    for uri in inputs(spec, resolved):
        match uris.parse(uri):
            case uris.ClaimPath(claim, _):
                mounts = mounts.claim(claim, f"{CLAIMS}/{claim}")
            case uris.ConfigMapKey(name, _):
                mounts = mounts.config_map(name)
            case _:
                pass  # fetched by the trainer
    return mounts


def volume_name(prefix: str, name: str) -> str:
    """A volume's name is a label: no dots, 63 characters at most. What had to be changed gets a hash of the original."""
    plain = re.sub(r"[^a-z0-9-]", "-", f"{prefix}-{name}")
    if plain == f"{prefix}-{name}" and len(plain) <= LONGEST_VOLUME_NAME:
        return plain
    return f"{plain[: LONGEST_VOLUME_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
