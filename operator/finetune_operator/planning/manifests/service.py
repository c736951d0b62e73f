"""The headless Service by whose name the pods of an attempt with several nodes find each other."""

from __future__ import annotations

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.planning.environment import MASTER_PORT
from finetune_operator.planning.run_config import Run


def rendezvous_service(run: Run) -> Json:
    """A Service of the Job's name. It has no address of its own: it gives each pod a name."""
    job = run.job
    name = names.stage_job_name(job.name, job.uid, run.stage, run.attempt)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": job.namespace,
            "labels": {
                names.MANAGED_BY_LABEL: names.MANAGER,
                names.JOB_LABEL: job.name,
                names.UID_LABEL: job.uid,
                names.STAGE_LABEL: run.stage,
                names.ATTEMPT_LABEL: str(run.attempt),
            },
            "ownerReferences": [job.owner_reference()],
        },
        "spec": {
            "clusterIP": "None",
            # The pods meet before any of them is ready.
            "publishNotReadyAddresses": True,
            "selector": {names.BATCH_JOB_LABEL: name},
            "ports": [{"name": "rendezvous", "port": MASTER_PORT}],
        },
    }
