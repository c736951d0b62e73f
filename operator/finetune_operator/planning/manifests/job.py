"""The batch/v1 Job of one attempt: it runs one pod once; the operator alone retries."""

from __future__ import annotations

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.planning.run_config import Run


def stage_job(run: Run, template: Json) -> Json:
    """A Job that never makes a second pod beside a first one that may still write."""
    job = run.job
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.stage_job_name(job.name, job.uid, run.stage, run.attempt),
            "namespace": job.namespace,
            "labels": template["metadata"]["labels"],
            "ownerReferences": [job.owner_reference()],
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            # A terminating pod may still write its checkpoint: a replacement waits until it is gone.
            "podReplacementPolicy": "Failed",
            "template": template,
        },
    }
