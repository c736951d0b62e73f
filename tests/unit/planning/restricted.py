"""Pod security «restricted», as a check of one pod's spec. The field names are those of the standard."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_operator.api.model import Json

ALLOWED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""The last one is ours: the standard does not ask for it."""
FORBIDDEN = ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers", "ephemeralContainers", "hostAliases")
POD = {
    "runAsNonRoot": True,
    "fsGroup": 65532,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}


def breaches(spec: Json) -> list[str]:
    """What in a pod's spec contradicts the standard."""
    return list(_breaches(spec))


def _breaches(spec: Json) -> Iterator[str]:
    yield from (field for field in FORBIDDEN if field in spec)
    if spec["securityContext"] != POD:
        yield "securityContext"
    for volume in spec["volumes"]:
        if not set(volume) - {"name"} <= ALLOWED_VOLUMES or len(volume) != 2:
            yield f"volume {volume['name']}"
    for container in spec["containers"]:
        if container["securityContext"] != CONTAINER:
            yield f"container {container['name']}"
        if any("hostPort" in port for port in container.get("ports", ())):
            yield f"ports of {container['name']}"
