"""Pods of the demo's own: one makes the small model, one asks models questions. Both keep pod security «restricted»."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.demo.kubectl import Json

USER_ID = 65532


@dataclass(frozen=True)
class Errand:
    """One run of a module of the trainer image.

    Attributes:
        name: of the pod or Job.
        image: the trainer image.
        command: what runs in it.
        claims: where each PersistentVolumeClaim is mounted.
        writable: the claims among them that are written to.
    """

    name: str
    image: str
    command: tuple[str, ...]
    claims: Mapping[str, str] = field(default_factory=dict)
    writable: frozenset[str] = frozenset()


def pod(errand: Errand) -> Json:
    """A pod that runs the errand once."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": errand.name}, "spec": _pod_spec(errand)}


def job(errand: Errand) -> Json:
    """A Job that runs the errand once."""
    template = {"metadata": {"labels": {"app.kubernetes.io/name": errand.name}}, "spec": _pod_spec(errand)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": errand.name},
        "spec": {"backoffLimit": 0, "template": template},
    }


def _pod_spec(errand: Errand) -> Json:
    scratch = {"tmp": "/tmp", "cache": "/cache"}
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(errand, scratch)],
        "volumes": [
            *({"name": name, "emptyDir": {}} for name in scratch),
            *({"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in errand.claims),
        ],
    }


def _container(errand: Errand, scratch: Mapping[str, str]) -> Json:
    return {
        "name": "errand",
        "image": errand.image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(errand.command),
        # One thread: the model is so small that more of them only wait for each other.
        "env": [{"name": "OMP_NUM_THREADS", "value": "1"}, {"name": "HF_HUB_OFFLINE", "value": "1"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            *({"name": name, "mountPath": path} for name, path in scratch.items()),
            *(
                {"name": claim, "mountPath": path, "readOnly": claim not in errand.writable}
                for claim, path in errand.claims.items()
            ),
        ],
    }
