"""``spec.podTemplate`` merged over a rendered pod: it adds, and replaces nothing. The rules stand in docs/pod-template.md.

The API server refuses what contradicts the trainer contract; here it is left out, so that no path leads around it.
"""

from __future__ import annotations

import re

from finetune_operator.api.finetunejob import PodTemplate
from finetune_operator.api.finetunejob.contract import CLIMBING_PATHS, key_taken, path_taken, variable_taken
from finetune_operator.api.finetunejob.pods import Volume, VolumeMount
from finetune_operator.api.model import Json
from finetune_operator.api.status import Stage
from finetune_operator.planning.observed import CONTAINER
from finetune_operator.planning.volumes import Mounts, volume_name


def with_additions(template: Json, given: PodTemplate | None, stage: Stage) -> Json:
    """The pod template with what the job adds. Only training gets a runtime class: it may bring GPUs into a pod."""
    if given is None:
        return template
    metadata, spec = template["metadata"], template["spec"]
    (container,) = (each for each in spec["containers"] if each["name"] == CONTAINER)
    mounts = _with_mounts(Mounts(tuple(spec["volumes"]), tuple(container["volumeMounts"])), given)
    containers = [{**container, "env": _with_env(container["env"], given), "volumeMounts": list(mounts.mounts)}]
    return {
        "metadata": {
            "labels": _foreign(given.labels) | metadata["labels"],
            "annotations": _foreign(given.annotations) | metadata["annotations"],
        },
        "spec": {
            **spec,
            **_with_placement(spec, given, stage),
            "containers": containers,
            "volumes": list(mounts.volumes),
        },
    }


def _foreign(pairs: dict[str, str] | None) -> dict[str, str]:
    """Without keys that are ours or Kubernetes': they would lead the operator or the scheduler astray."""
    return {key: value for key, value in (pairs or {}).items() if not key_taken(key)}


def _with_env(rendered: list[Json], given: PodTemplate) -> list[Json]:
    taken = {variable["name"] for variable in rendered}
    added = (v.wire() for v in given.env or () if v.name not in taken and not variable_taken(v.name))
    return [*rendered, *added]


def _with_placement(spec: Json, given: PodTemplate, stage: Stage) -> Json:
    """Where it runs, as whom, and what opens the registry."""
    fields: Json = {
        "nodeSelector": (given.node_selector or {}) | spec.get("nodeSelector", {}),
        "tolerations": [*spec.get("tolerations", ()), *(t.wire() for t in given.tolerations or ())],
        "imagePullSecrets": [secret.wire() for secret in given.image_pull_secrets or ()],
        "serviceAccountName": given.service_account_name,
        "runtimeClassName": given.runtime_class_name if stage == "train" else None,
    }
    return {name: value for name, value in fields.items() if value}


def _with_mounts(mounts: Mounts, given: PodTemplate) -> Mounts:
    """Each mount with its volume. A volume that nothing mounts would only keep the pod waiting."""
    volumes = {volume.name: volume for volume in given.volumes or ()}
    for mount in given.volume_mounts or ():
        volume = volumes.get(mount.name)
        if volume and not _taken(mount):
            mounts = _with_mount(mounts, volume, mount)
    return mounts


def _with_mount(mounts: Mounts, volume: Volume, mount: VolumeMount) -> Mounts:
    path, sub_path = mount.mount_path, mount.sub_path or ""
    if claim := volume.persistent_volume_claim:
        # One volume for each claim: the kubelet may wait for ever for the second one.
        read_only = mount.read_only or claim.read_only
        return mounts.claim(claim.claim_name, path, sub_path=sub_path, read_only=read_only)
    source = {kind: value for kind, value in volume.wire().items() if kind != "name"}
    name = volume_name("own", volume.name)
    return mounts.volume(name, source, path, read_only=mount.read_only, sub_path=sub_path)


def _taken(mount: VolumeMount) -> bool:
    return path_taken(mount.mount_path) or re.search(CLIMBING_PATHS, mount.sub_path or "") is not None
