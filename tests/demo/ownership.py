"""What the demo made and what it did not: the former it changes and removes, the latter it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.demo.evidence import OPERATOR_LABELS
from tests.demo.failure import DemoError
from tests.demo.install import NAMESPACE as OPERATOR_NAMESPACE
from tests.demo.install import Helm, release_labels
from tests.demo.kubectl import Json, Kubectl
from tests.demo.mark import MARK, is_marked
from tests.demo.sample import JOB, NAMESPACE

KEEP = "DEMO_OPERATOR"
"""Environment variable; `keep` uses the operator that is there."""
KEPT = "keep"


def keeps_operator(environment: Mapping[str, str]) -> bool:
    """Whether the operator that is there is to be used as it is. Raises DemoError for a word that means nothing."""
    word = environment.get(KEEP, "")
    if word not in {"", KEPT}:
        raise DemoError(f"{KEEP} is {word!r}, which means nothing.", f"set it to {KEPT}, or leave it unset")
    return word == KEPT


def require_own(helm: Helm, *, keeps: bool = False, namespace: str = NAMESPACE, job: str = JOB) -> None:
    """Look whether anything is in the way that the demo did not make. Raises DemoError with the way out.

    `namespace` and `job` are those that it wants to have; `keeps` leaves the operator that is there alone.
    """
    if not keeps:
        _require_own_operator(helm)
    _require_own_namespace(helm.kubectl, namespace)
    _require_own_job(helm.kubectl, namespace, job)


def require_an_operator(kubectl: Kubectl) -> None:
    """Look whether there is an operator to keep. Raises DemoError."""
    if not kubectl.list("deployments", "", OPERATOR_LABELS):
        raise DemoError(
            f"{KEEP}={KEPT} means the operator that is there, and there is none in this cluster.",
            f"leave {KEEP} unset: the demo then installs one",
        )


def _require_own_operator(helm: Helm) -> None:
    release = release_labels(helm)
    foreign = [] if release is None or is_marked(release) else [OPERATOR_NAMESPACE]
    foreign += [place for place in _operators(helm.kubectl) if release is None or place != OPERATOR_NAMESPACE]
    if foreign:
        raise DemoError(
            f"A finetune-operator that the demo did not install is in namespace {foreign[0]!r} of this cluster."
            " The demo would change its version and its settings.",
            f"set {KEEP}={KEPT} in the environment to use it as it is, or run the demo on another cluster;"
            " a local one is empty after `make cluster-down`",
        )


def _operators(kubectl: Kubectl) -> Iterator[str]:
    """The namespaces of all operators, however they were installed."""
    return (each["metadata"]["namespace"] for each in kubectl.list("deployments", "", OPERATOR_LABELS))


def _require_own_namespace(kubectl: Kubectl, namespace: str) -> None:
    found = kubectl.get("namespace", namespace)
    if found and not _is_own(found):
        raise DemoError(
            f"The namespace {namespace!r} is there already, and the demo did not make it.",
            "rename or delete it, or let the demo have it with everything in it:"
            f" kubectl label namespace {namespace} {MARK}",
        )


def _require_own_job(kubectl: Kubectl, namespace: str, job: str) -> None:
    if not kubectl.get("customresourcedefinition", "finetunejobs.finetune.dev"):
        return
    found = kubectl.get("finetunejob", job, namespace)
    if found and not _is_own(found):
        raise DemoError(
            f"The FineTuneJob {job!r} in namespace {namespace!r} is there already, and the demo did not make it."
            " The demo would delete it, and the model that it trained.",
            f"keep what you need of it, then: kubectl delete ftj {job} --namespace {namespace}",
        )


def _is_own(document: Json) -> bool:
    return is_marked(document["metadata"].get("labels") or {})
