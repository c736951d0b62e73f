"""Where a pod may run: the instance type's nodes, the region, the priority; several pods on several nodes."""

from __future__ import annotations

from finetune_operator.api import names
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import Json
from finetune_operator.planning.run_config import Run

REGION_LABEL = "topology.kubernetes.io/region"
NODE_LABEL = "kubernetes.io/hostname"


def placement(run: Run) -> Json:
    """The fields of a pod's spec that the scheduler reads.

    Both stages have them: a volume that the first one binds must be where the second one can run.
    """
    instance, region = run.resolved.instance_type, run.resolved.region
    fields: Json = {
        "nodeSelector": dict(instance.node_selector or {}),
        "tolerations": _tolerations(instance),
        "affinity": _region(region) if region else {},
        "topologySpreadConstraints": [_spread(run)] if run.several and instance.gpu else [],
        "priorityClassName": run.job.spec.priority_class_name,
    }
    return {name: value for name, value in fields.items() if value}


def _tolerations(instance: InstanceTypeSpec) -> list[Json]:
    """The instance type's own, and the taint that keeps other pods off GPU nodes."""
    given = [toleration.wire() for toleration in instance.tolerations or ()]
    if instance.gpu:
        given.append({"key": instance.gpu.resource_name, "operator": "Exists", "effect": "NoSchedule"})
    return given


def _region(region: str) -> Json:
    """An affinity rather than a selector: a selector of the instance type's may name the same label."""
    wanted = {"key": REGION_LABEL, "operator": "In", "values": [region]}
    terms = [{"matchExpressions": [wanted]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _spread(run: Run) -> Json:
    """Preferred only: two pods of half a node's GPUs each may share it if nothing else is free."""
    selected = {
        names.UID_LABEL: run.job.uid,
        names.STAGE_LABEL: run.stage,
        names.ATTEMPT_LABEL: str(run.attempt),
    }
    return {
        "maxSkew": 1,
        "topologyKey": NODE_LABEL,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selected},
    }
