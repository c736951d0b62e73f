"""Why an attempt does not run yet, in the cluster's own words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.names import QUEUE_LABEL
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.observing import observe
from finetune_operator.planning.waiting import Why, why_ending, why_waiting
from tests.unit.planning.scene import NOW, container, ended_pod, hints, of_node, pod, running_pod, stage_job, stamp

NOBODY = hints()


def unscheduled(message: str) -> Json:
    """A pod that no node takes."""
    told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    raw = pod(conditions=[told])
    raw["spec"] = {}
    return raw


def waiting(reason: str, message: str = "") -> Json:
    """A pod on its node whose container does not come up."""
    return pod(containerStatuses=[container({"waiting": {"reason": reason, "message": message}})])


def why(*pods: Json, beside: Beside = NOBODY) -> Why | None:
    """Why a Job with these pods does not run."""
    return why_waiting(observe([stage_job()], pods, beside).jobs[0], beside.hints)


GPUS = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available."
BINDING = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
MISSING = 'persistentvolumeclaim "models" not found'
FULL_AND_FAR = (
    "0/3 nodes are available: 2 Insufficient nvidia.com/gpu, 1 node(s) had volume node affinity conflict. "
    "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)
TAINTED = "0/1 nodes are available: 1 node(s) had untolerated taint {storage/volume-heavy: }."
LABELS = (
    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: "
    "1 volume."
)
FAR = (
    "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, "
    "2 node(s) didn't match PersistentVolume's node affinity. preemption: none."
)
DRAINED = (
    "0/4 nodes are available: 2 node(s) had volume node affinity conflict, 2 node(s) were unschedulable. "
    "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
)
NOT_READY = (
    "0/2 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }, "
    "1 node(s) didn't match PersistentVolume's node affinity."
)
CROWDED = "0/1 nodes are available: 1 node(s) exceed max volume count."
NO_CLASS = 'Error creating: pods "x-" is forbidden: no PriorityClass with name nightly was found'
NO_ACCOUNT = 'Error creating: pods "x-" is forbidden: error looking up service account team-a/robot: serviceaccount "robot" not found'
QUOTA = 'pods "a-x" is forbidden: exceeded quota: gpus, requested: nvidia.com/gpu=1, used: 8, limited: 8'
PULLING = 'Pulling image "trl:1"'
SECRET = 'MountVolume.SetUp failed for volume "a": secret "b" not found'
CREATING = waiting("ContainerCreating")

CASES = {
    "no pod yet": (
        why(),
        (Phase.QUEUED, Reason.WAITING_FOR_POD, "the pod of Job support-bot-8de7b-train-1 is being made and placed"),
    ),
    "a quota": (
        why(beside=hints(("FailedCreate", QUOTA))),
        (Phase.QUEUED, Reason.QUOTA_EXCEEDED, QUOTA),
    ),
    "a priority class that is missing": (
        why(beside=hints(("FailedCreate", NO_CLASS))),
        (
            Phase.QUEUED,
            Reason.POD_REFUSED,
            f"spec.priorityClassName: create the PriorityClass, or name one that exists: {NO_CLASS}",
        ),
    ),
    "an account that is missing": (
        why(beside=hints(("FailedCreate", NO_ACCOUNT))),
        (
            Phase.QUEUED,
            Reason.POD_REFUSED,
            f"spec.podTemplate.serviceAccountName: create the ServiceAccount, or name one that exists: {NO_ACCOUNT}",
        ),
    ),
    "something else said of a Job without a pod": (
        why(beside=hints(("Suspended", "Job suspended"))),
        (Phase.QUEUED, Reason.WAITING_FOR_POD, "the pod of Job support-bot-8de7b-train-1 is being made and placed"),
    ),
    "no GPU": (why(unscheduled(GPUS)), (Phase.QUEUED, Reason.UNSCHEDULABLE, GPUS)),
    "an unbound volume": (why(unscheduled(BINDING)), (Phase.QUEUED, Reason.VOLUME_NOT_READY, BINDING)),
    "a claim that does not exist": (why(unscheduled(MISSING)), (Phase.QUEUED, Reason.VOLUME_NOT_READY, MISSING)),
    "GPUs, beside a node whose volume is elsewhere": (
        why(unscheduled(FULL_AND_FAR)),
        (Phase.QUEUED, Reason.UNSCHEDULABLE, FULL_AND_FAR),
    ),
    "another node than one with a taint that is named after volumes": (
        why(unscheduled(TAINTED)),
        (Phase.QUEUED, Reason.UNSCHEDULABLE, TAINTED),
    ),
    "a node with other labels": (why(unscheduled(LABELS)), (Phase.QUEUED, Reason.UNSCHEDULABLE, LABELS)),
    "a volume that is out of reach of the nodes that fit": (
        why(unscheduled(FAR)),
        (Phase.QUEUED, Reason.VOLUME_NOT_READY, FAR),
    ),
    "a drained node, beside one whose volume is elsewhere": (
        why(unscheduled(DRAINED)),
        (Phase.QUEUED, Reason.UNSCHEDULABLE, DRAINED),
    ),
    "a node that is not ready": (why(unscheduled(NOT_READY)), (Phase.QUEUED, Reason.UNSCHEDULABLE, NOT_READY)),
    "a node that holds no more volumes": (why(unscheduled(CROWDED)), (Phase.QUEUED, Reason.UNSCHEDULABLE, CROWDED)),
    "the scheduler": (
        why({**pod(), "spec": {}}),
        (Phase.QUEUED, Reason.WAITING_FOR_POD, "the pod of Job support-bot-8de7b-train-1 is being made and placed"),
    ),
    "a bad image name": (
        why(waiting("InvalidImageName", "couldn't parse image name")),
        (Phase.STARTING, Reason.IMAGE_PULL_FAILED, "InvalidImageName: couldn't parse image name"),
    ),
    "an image that is not there": (
        why(waiting("ErrImagePull", "not found")),
        (Phase.STARTING, Reason.IMAGE_PULL_FAILED, "ErrImagePull: not found"),
    ),
    "an image that is still not there": (
        why(waiting("ImagePullBackOff")),
        (Phase.STARTING, Reason.IMAGE_PULL_FAILED, "ImagePullBackOff"),
    ),
    "an image that must be on the node": (
        why(waiting("ErrImageNeverPull", "not present with pull policy of Never")),
        (Phase.STARTING, Reason.IMAGE_PULL_FAILED, "ErrImageNeverPull: not present with pull policy of Never"),
    ),
    "a container that cannot be configured": (
        why(waiting("CreateContainerConfigError", "image will run as root")),
        (Phase.STARTING, Reason.CONTAINER_NOT_STARTED, "CreateContainerConfigError: image will run as root"),
    ),
    "a container that cannot be run": (
        why(waiting("RunContainerError")),
        (Phase.STARTING, Reason.CONTAINER_NOT_STARTED, "RunContainerError"),
    ),
    "the image's own failure rather than a volume's": (
        why(waiting("ImagePullBackOff", "not found"), beside=hints(("FailedMount", SECRET))),
        (Phase.STARTING, Reason.IMAGE_PULL_FAILED, "ImagePullBackOff: not found"),
    ),
    "a volume that cannot be mounted": (
        why(CREATING, beside=hints(("FailedMount", SECRET))),
        (Phase.STARTING, Reason.VOLUME_NOT_READY, SECRET),
    ),
    "the image on its way": (
        why(CREATING, beside=hints(("Pulling", PULLING), ("Scheduled", "assigned"))),
        (Phase.STARTING, Reason.PULLING_IMAGE, PULLING),
    ),
    "the image on its way, after a volume that has come": (
        why(CREATING, beside=hints(("Pulling", PULLING), ("FailedMount", SECRET))),
        (Phase.STARTING, Reason.PULLING_IMAGE, PULLING),
    ),
    "an image that has come": (
        why(CREATING, beside=hints(("Pulled", "Successfully pulled"), ("Pulling", PULLING))),
        (Phase.STARTING, Reason.SCHEDULED, "node node-0 is creating the container"),
    ),
    "the node": (why(pod()), (Phase.STARTING, Reason.SCHEDULED, "node node-0 is creating the container")),
}


@pytest.mark.parametrize(("said", "expected"), CASES.values(), ids=CASES)
def test_an_attempt_waits_for(said: Why | None, expected: tuple[Phase, Reason, str]) -> None:
    assert said == Why(*expected)


@pytest.mark.parametrize("body", [running_pod(), ended_pod(), ended_pod(code=1), pod(phase="Failed")])
def test_an_attempt_that_ran_waits_for_nothing(body: Json) -> None:
    assert why(body) is None


def ending(*, ends_in: timedelta | None, body: Json | None = None) -> Why | None:
    """Why a pod that must end in so much time is still there."""
    raw = body or running_pod()
    if ends_in is not None:
        raw["metadata"]["deletionTimestamp"] = stamp(NOW + ends_in)
    return why_ending(observe([stage_job()], [raw], Beside()).jobs[0].pods[0], NOW)


def test_a_pod_that_was_told_to_end_saves_its_checkpoint() -> None:
    said = ending(ends_in=timedelta(seconds=60))
    assert said is not None
    assert (said.phase, said.reason) == (Phase.RUNNING, Reason.TERMINATING)


def test_a_node_that_does_not_confirm_an_end_is_named_with_what_to_do() -> None:
    said = ending(ends_in=timedelta(minutes=-2))
    assert said is not None
    assert said.reason == Reason.NODE_UNREACHABLE
    assert "node-0" in said.message
    assert "delete its Node object" in said.message


def test_a_pod_that_nobody_told_to_end_and_one_that_has_ended_are_not_ending() -> None:
    assert ending(ends_in=None) is None
    assert ending(ends_in=timedelta(minutes=-2), body=ended_pod()) is None


def two(*pods: Json, beside: Beside = NOBODY) -> Why | None:
    """Why a Job of two nodes with these pods does not run."""
    job = stage_job() | {"spec": {"completions": 2}}
    numbered = [of_node(index, body) for index, body in enumerate(pods)]
    return why_waiting(observe([job], numbered, beside).jobs[0], beside.hints)


class TestSeveralNodes:
    """An attempt runs when all of its pods do."""

    def test_one_pod_that_no_node_takes_keeps_the_attempt_waiting(self) -> None:
        assert two(running_pod(), unscheduled(GPUS)) == Why(Phase.QUEUED, Reason.UNSCHEDULABLE, GPUS)

    def test_a_pod_that_a_quota_refuses_keeps_the_attempt_waiting(self) -> None:
        said = two(running_pod(), beside=hints(("FailedCreate", QUOTA)))
        assert said == Why(Phase.QUEUED, Reason.QUOTA_EXCEEDED, QUOTA)

    def test_a_pod_that_still_pulls_keeps_the_attempt_starting(self) -> None:
        said = two(running_pod(), waiting("ContainerCreating"), beside=hints(("Pulling", PULLING)))
        assert said == Why(Phase.STARTING, Reason.PULLING_IMAGE, PULLING)

    def test_nothing_is_waited_for_once_all_run(self) -> None:
        assert two(running_pod(), running_pod()) is None

    def test_nothing_is_waited_for_once_one_has_ended(self) -> None:
        assert two(ended_pod(code=1)) is None
        assert two(unscheduled(GPUS), ended_pod(code=1)) is None


def test_a_job_that_a_queue_has_not_admitted_waits_for_it() -> None:
    job = stage_job() | {"spec": {"suspend": True}}
    job["metadata"]["labels"][QUEUE_LABEL] = "team-a"
    said = why_waiting(observe([job], [], Beside()).jobs[0], ())
    assert said == Why(
        Phase.QUEUED, Reason.WAITING_FOR_QUEUE, "Job support-bot-8de7b-train-1 waits in the queue team-a"
    )
