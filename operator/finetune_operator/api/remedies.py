"""What to do about each reason: for the one who wrote the job, and where it is theirs, for the one who runs the cluster.

The former is also the advice of a failure when the trainer gave none. ``docs/reasons`` is made from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from finetune_operator.api.conditions import Reason

REMEDIES: Final[Mapping[Reason, str]] = {
    # Waiting
    Reason.PENDING: "Nothing. If it stays for more than some seconds, no operator acts.",
    Reason.VALIDATING: "Nothing: this takes seconds, for large datasets minutes.",
    Reason.VALIDATED: "Nothing.",
    Reason.UNSCHEDULABLE: (
        "Compare the message with the InstanceType: too little CPU, memory or GPUs free, or no node with its labels. Wait "
        "for room, or name another instanceType together with a raised restartGeneration."
    ),
    Reason.WAITING_FOR_QUEUE: "Wait for its turn; the conditions of its Workload (kubectl get workloads) say what is missing.",
    Reason.WAITING_FOR_POD: "Nothing: this takes seconds.",
    Reason.SCHEDULED: "Nothing: this takes seconds; attaching a volume may take longer.",
    Reason.PULLING_IMAGE: "Wait: a trainer image has gigabytes, and the first pull to a node takes minutes.",
    Reason.IMAGE_PULL_FAILED: (
        "If spec.image names the image: mend its name together with a raised restartGeneration, or add "
        "podTemplate.imagePullSecrets. Else it is the administrator's."
    ),
    Reason.VOLUME_NOT_READY: (
        "The message begins with the field that names a missing claim: create that claim. Else kubectl describe pvc says "
        "why it is not bound, or bound out of reach."
    ),
    Reason.CONTAINER_NOT_STARTED: (
        "The message has the kubelet's words, often a Secret or ConfigMap that podTemplate names and that does not exist: "
        "create it. If the job has failed, raise restartGeneration then."
    ),
    Reason.QUOTA_EXCEEDED: "Free quota (kubectl describe quota), or ask for more; a LimitRange or pod security is named in the message.",
    Reason.POD_REFUSED: (
        "Create the PriorityClass or ServiceAccount that the message names. priorityClassName may also be edited, from the "
        "next attempt on."
    ),
    Reason.RETRYING: "Nothing: the next attempt follows at the time in the message. status.attempts says how each ended.",
    Reason.PODS_REMAIN: "Nothing. Never delete the pod by force: its container may still write.",
    Reason.NODE_UNREACHABLE: "Nothing, it is the administrator's. Never delete the pod by force: its container may still write.",
    Reason.FORBIDDEN: (
        "If the message names an admission policy or webhook, give the job what it asks for, such as a label in "
        "podTemplate. Else it is the administrator's."
    ),
    Reason.CREATE_FAILED: "Nothing: it is tried again every ten seconds.",
    Reason.SUSPENDED: "Set suspend to false when it is to go on.",
    Reason.RESTARTED: "Nothing: the new run begins as soon as the pods are gone.",
    Reason.STEP_STALLED: (
        "Nothing at first: the next attempt goes on from the checkpoint. If it comes again, the pod's log has the stacks of "
        "all threads; raise stallTimeoutSeconds if a step may take that long. That field takes effect with the next attempt."
    ),
    # Working
    Reason.TERMINATING: "Nothing: a checkpoint is saved, and what ended the pod decides what follows.",
    Reason.PUBLISHING: "Nothing.",
    Reason.LOADING: "Nothing.",
    Reason.TRAINING: "Nothing.",
    # Succeeded
    Reason.COMPLETED: "Take the model: status.result.uri says where it lies.",
    Reason.HOURS_EXHAUSTED: (
        "Take the model, or train on: raise restartGeneration, and the new run has all its hours again and goes on from the "
        "last checkpoint. Raise hours before they are used up to have no end at all."
    ),
    Reason.MAX_COST_REACHED: (
        "Take the model, or train on: raise maxCost and restartGeneration. A new run counts its cost from zero."
    ),
    Reason.STOPPED: "Take the model if there is one, or train on: stop: false together with a raised restartGeneration.",
    # Cancelled
    Reason.CANCELLED: (
        "To take it up again: cancel: false together with a raised restartGeneration. Checkpoints that were saved before "
        "are still there."
    ),
    # Failed
    Reason.UNKNOWN_INSTANCE_TYPE: (
        "List what is offered: kubectl get instancetypes. Then name one of them together with a raised restartGeneration."
    ),
    Reason.UNKNOWN_MODEL: (
        "List what is offered: kubectl get basemodels. The model of a job never changes: delete the job and apply it corrected."
    ),
    Reason.NO_TRAINER_IMAGE: "Ask the administrator for an image of this family, or name one of your own in spec.image with a raised restartGeneration.",
    Reason.DOES_NOT_FIT: (
        "The message names the smallest change that makes it fit. Make it together with a raised restartGeneration, or set "
        "allowMemoryOvercommit if you know better."
    ),
    Reason.DATASET_NOT_READY: "Register the Dataset (kubectl get datasets), or wait for its inspection: the job goes on by itself.",
    Reason.INVALID_DATASET: "See its faults with kubectl describe dataset NAME. Mend the data, delete the Dataset and apply it anew: the job goes on by itself.",
    Reason.INVALID_SPEC: (
        "Mend the field that the message begins with. What may change with a run: raise restartGeneration in the same "
        "update; what never changes: delete the job and apply it corrected."
    ),
    Reason.USER_ERROR: (
        "Mend what the message names, then raise restartGeneration; where that is spec.model or spec.datasets, which never "
        "change, delete the job and apply it corrected."
    ),
    Reason.OUT_OF_MEMORY: (
        "Choose an instance type with more GPU memory, a smaller hyperparameters.batchSize, or LoRA, together with a raised "
        "restartGeneration."
    ),
    Reason.OOM_KILLED: (
        "Choose an instance type with more memory, or a smaller hyperparameters.batchSize, together with a raised "
        "restartGeneration. sharedMemory counts against memory."
    ),
    Reason.START_DEADLINE_EXCEEDED: (
        "Mend what the message names, then raise restartGeneration; startDeadlineSeconds is how long is waited."
    ),
    Reason.DEADLINE_EXCEEDED: "The image does not keep to limits.trainingSeconds of its run.json; raise restartGeneration once it does.",
    Reason.STAGE_DEADLINE_EXCEEDED: (
        "Nothing at first: it is tried again, up to backoffLimit, and goes on with what was fetched. If it comes again, look "
        "at the pod's log: a source or a volume may not answer. Then raise restartGeneration."
    ),
    Reason.LIMIT_EXCEEDED: (
        "Choose an instance type with more ephemeralStorage or sharedMemory together with a raised restartGeneration, or "
        "smaller data."
    ),
    Reason.NODE_FAILURE: "Nothing: the next attempt goes on from the newest checkpoint, and no retry is counted.",
    Reason.JOB_VANISHED: "Nothing: the next attempt goes on from the newest checkpoint. To end a job, use suspend, stop or cancel.",
    Reason.ERROR: "Nothing at first: it is tried again, up to backoffLimit. The attempt's message and the pod's log say more.",
    Reason.BACKOFF_LIMIT_EXCEEDED: (
        "Look at status.failure.lines and at the pod's log: kubectl logs of the Job named in status.attempts. Mend it, then "
        "raise restartGeneration: the new run goes on from what was trained."
    ),
    Reason.NO_PROGRESS: (
        "The cluster ends the pods faster than they reach a checkpoint: look at the nodes' events, save more often "
        "(checkpoints of a new job), or ask for hardware that stays. Then raise restartGeneration."
    ),
    Reason.NAME_CONFLICT: "Delete or rename the object that the message names, then raise restartGeneration; or give the job another name.",
}
"""For the one who wrote the job."""

ADMINISTRATORS: Final[Mapping[Reason, str]] = {
    Reason.PENDING: "Is the operator running, and does it hold the Lease? kubectl get pods,lease of its namespace.",
    Reason.UNSCHEDULABLE: "Add nodes, or mend nodeSelector and tolerations of the InstanceType: kubectl describe nodes shows what they have.",
    Reason.WAITING_FOR_QUEUE: "Check that the LocalQueue exists and its ClusterQueue has quota. Without Kueue nothing ever admits the job.",
    Reason.PULLING_IMAGE: "Pull the trainer image to the nodes beforehand.",
    Reason.IMAGE_PULL_FAILED: "Check settings.images and that nodes may pull from that registry.",
    Reason.VOLUME_NOT_READY: "Check the StorageClass, its provisioner and the zones of nodes and volumes.",
    Reason.CONTAINER_NOT_STARTED: "If the kubelet complains of the node, such as its runtime or device plugin, drain it.",
    Reason.QUOTA_EXCEEDED: "Raise the ResourceQuota or LimitRange of the namespace.",
    Reason.PODS_REMAIN: "If the node answers, the pod goes within its grace. If not, see NodeUnreachable.",
    Reason.NODE_UNREACHABLE: (
        "Bring the node back. If it is surely switched off, delete its Node object: Kubernetes then removes the pod, and "
        "the next attempt starts. Two pods would write to one workspace otherwise."
    ),
    Reason.FORBIDDEN: "Compare the operator's ClusterRole with the chart's, and the admission policies with what the message says.",
    Reason.CREATE_FAILED: "The message names the webhook or the error of the API server: bring that service back.",
    Reason.STEP_STALLED: "If it comes on one node only, look at its GPUs, network and volumes, and drain it.",
    Reason.UNKNOWN_INSTANCE_TYPE: "Create the InstanceType, or mend the one that is told to be unusable.",
    Reason.UNKNOWN_MODEL: "Create the BaseModel, or give one the name as an alias.",
    Reason.NO_TRAINER_IMAGE: "Set the family's image in settings.images.",
    Reason.START_DEADLINE_EXCEEDED: "The message has the obstacle; its own page says what to do.",
    Reason.STAGE_DEADLINE_EXCEEDED: "If data or models are so large that it takes that long: raise settings.stages.limitHours.",
    Reason.NODE_FAILURE: "If one node comes up again and again (status.attempts names it), drain it.",
    Reason.JOB_VANISHED: "Find out who deletes Jobs or pods of others: a clean-up job, a TTL controller, a descheduler.",
    Reason.NO_PROGRESS: "Look for preemption, evictions and short-lived spot nodes.",
    Reason.NAME_CONFLICT: "An object with the name of a child and without its labels was made by somebody else, or restored from a backup.",
}
"""For the one who runs the cluster, where there is something that only they can do."""
