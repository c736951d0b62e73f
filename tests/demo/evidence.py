"""What to look at when something did not go well: the resource, its events, the pods' logs, the operator's log."""

from __future__ import annotations

from collections.abc import Iterator

from tests.demo.kubectl import Json, Kubectl, KubectlError

OPERATOR_NAMESPACE = "finetune-system"
OPERATOR_LABELS = "app.kubernetes.io/name=finetune-operator"
LOG_LINES = 40


def evidence(kubectl: Kubectl, namespace: str) -> str:
    """Everything about the jobs of one namespace, as a person would ask for it."""
    commands = [
        ("get", "finetunejobs", "--output=wide", f"--namespace={namespace}"),
        ("describe", "finetunejobs", f"--namespace={namespace}"),
        ("get", "jobs,pods,persistentvolumeclaims", "--output=wide", f"--namespace={namespace}"),
        ("get", "events", "--sort-by=.lastTimestamp", f"--namespace={namespace}"),
        *_logs(kubectl, namespace),
        ("get", "pods", "--output=wide", f"--namespace={OPERATOR_NAMESPACE}"),
        *_operator_logs(kubectl),
    ]
    return "\n".join(_answer(kubectl, command) for command in commands)


def _logs(kubectl: Kubectl, namespace: str) -> Iterator[tuple[str, ...]]:
    for pod in _pods(kubectl, namespace, ""):
        yield ("logs", pod["metadata"]["name"], f"--namespace={namespace}", f"--tail={LOG_LINES}")


def _operator_logs(kubectl: Kubectl) -> Iterator[tuple[str, ...]]:
    for pod in _pods(kubectl, OPERATOR_NAMESPACE, OPERATOR_LABELS):
        command = ("logs", pod["metadata"]["name"], f"--namespace={OPERATOR_NAMESPACE}", f"--tail={LOG_LINES}")
        yield command
        if any(status.get("restartCount") for status in pod["status"].get("containerStatuses", [])):
            yield (*command, "--previous")


def _pods(kubectl: Kubectl, namespace: str, labels: str) -> list[Json]:
    try:
        return kubectl.list("pods", namespace, labels)
    except KubectlError:
        return []


def _answer(kubectl: Kubectl, command: tuple[str, ...]) -> str:
    try:
        said = kubectl.run(*command)
    except KubectlError as error:
        said = error.said
    return f"$ kubectl {' '.join(command)}\n{said.rstrip()}\n"
