"""The batch/v1 Job of one attempt: it runs each of its pods once; the operator alone retries."""

from __future__ import annotations

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.planning.run_config import Run


def stage_job(run: Run, template: Json) -> Json:
    """A Job that never makes a second pod beside a first one that may still write."""
    job = run.job
    queue = job.spec.queue_name if run.stage == "train" or run.resolved.queues_cpu_stages else None
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.stage_job_name(job.name, job.uid, run.stage, run.attempt),
            "namespace": job.namespace,
            "labels": _own(template["metadata"]["labels"]) | ({names.QUEUE_LABEL: queue} if queue else {}),
            "ownerReferences": [job.owner_reference()],
        },
        "spec": {
            "backoffLimit": 0,
            "completions": run.nodes,
            "parallelism": run.nodes,
            **({"completionMode": "Indexed"} if run.several else {}),
            # A terminating pod may still write its checkpoint: a replacement waits until it is gone.
            "podReplacementPolicy": "Failed",
            # Kueue admits it by taking this back; from then on the field is Kueue's.
            **({"suspend": True} if queue else {}),
            "template": template,
        },
    }


def _own(labels: Json) -> Json:
    """Those that children are found by; what the job's podTemplate adds is for pods."""
    return {name: value for name, value in labels.items() if name in names.CHILD_LABELS}
