"""The names that bind our objects together: group, labels, annotations, and the names of children.

Every name is a function of the resource alone, so that creating a child is a compare-and-set: whoever comes second
finds that it exists.
"""

from __future__ import annotations

import hashlib
from typing import Final

GROUP: Final = "finetune.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

MANAGER: Final = "finetune-operator"
"""Value of ``app.kubernetes.io/managed-by`` on all children; watches select by it."""

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
JOB_LABEL: Final = f"{GROUP}/job"
"""On every child: the name of the FineTuneJob, in the child's own namespace."""
UID_LABEL: Final = f"{GROUP}/job-uid"
"""On every child: the uid of the FineTuneJob, so that a namesake made later is told apart."""
DATASET_LABEL: Final = f"{GROUP}/dataset"
"""On what inspects a Dataset, in place of the job's: the name of the Dataset."""
DATASET_UID_LABEL: Final = f"{GROUP}/dataset-uid"
"""On what inspects a Dataset: its uid."""
STAGE_LABEL: Final = f"{GROUP}/stage"
ATTEMPT_LABEL: Final = f"{GROUP}/attempt"
RUN_LABEL: Final = f"{GROUP}/run"
"""The restartGeneration that a child belongs to; absent: 0."""
FINISH_LABEL: Final = f"{GROUP}/finish"
"""On an attempt that trains no more and publishes the newest checkpoint."""
CHILD_LABELS: Final = frozenset(
    {MANAGED_BY_LABEL, JOB_LABEL, UID_LABEL, STAGE_LABEL, ATTEMPT_LABEL, RUN_LABEL, FINISH_LABEL}
)
"""On every batch/v1 Job of ours and on its pods."""
LEADER_LABEL: Final = f"{GROUP}/leader"
"""On the operator's own pod while it holds the Lease; the progress Service selects by it."""

RUN_ANNOTATION: Final = f"{GROUP}/run.json"
"""On the pod template: the run document, projected into the pod as a file."""
CA_ANNOTATION: Final = f"{GROUP}/progress-ca.crt"
"""On the pod template: the certificate authority of the progress endpoint, projected into the pod as a file."""

QUEUE_LABEL: Final = "kueue.x-k8s.io/queue-name"
"""On a Job that waits in a queue of Kueue."""
BATCH_JOB_LABEL: Final = "batch.kubernetes.io/job-name"
"""On every pod of a Job, set by the Job controller."""
INDEX_LABEL: Final = "batch.kubernetes.io/job-completion-index"
"""On every pod of an Indexed Job, set by the Job controller: the number of its node, from 0."""

LONGEST_JOB_NAME: Final = 40
"""Children add a hash, a stage and an attempt, and a label value holds 63 characters."""


def uid_hash(uid: str) -> str:
    """Five characters that tell namesakes apart."""
    return hashlib.sha256(uid.encode()).hexdigest()[:5]


def stage_job_name(job: str, uid: str, stage: str, attempt: int) -> str:
    """The name of the batch/v1 Job of one attempt of one stage."""
    return f"{job}-{uid_hash(uid)}-{stage}-{attempt}"


def output_claim_name(job: str, uid: str) -> str:
    """The name of the PersistentVolumeClaim that a job gets when it names none."""
    return f"{job}-{uid_hash(uid)}-output"


def cache_claim_name(job: str, uid: str) -> str:
    """The name of the PersistentVolumeClaim that a job's cache gets when it names none."""
    return f"{job}-{uid_hash(uid)}-cache"


def record_name(job: str, uid: str, kind: str, run: int) -> str:
    """The name of the ConfigMap that keeps a run's ``curve`` or ``log``."""
    return f"{job}-{uid_hash(uid)}-{kind}" + (f"-{run}" if run else "")


def progress_audience(namespace: str, job: str, uid: str) -> str:
    """The audience a pod's progress token is bound to: a token of one job says nothing about another."""
    return f"{GROUP}/{namespace}/{job}/{uid}"
