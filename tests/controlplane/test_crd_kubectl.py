"""What kubectl makes of our kinds: it explains, checks and waits."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import yaml

from finetune_operator.api.crd import KINDS, Kind
from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.mistakes.mistake import LANGUAGE
from tests.support.objects import fine_tune_job
from tests.support.trial import manifest

pytestmark = pytest.mark.controlplane

SAMPLES: Final = Path(__file__).parents[2] / "crds" / "samples"
UNDOCUMENTED: Final = "<no description>"

EXPLAINED: Final = {
    "ftj": "FineTuneJob is one fine-tuning run",
    "ftj.spec.hours": "Training time over all attempts",
    "ftj.spec.datasets.uri": "pvc://CLAIM/PATH",
    "ftj.spec.cameraMappings": "Slots left out become masked pictures",
    "ftj.spec.reward.headMode": "ENUM: sparse dense both",
    "ftj.spec.podTemplate.volumes.emptyDir.sizeLimit": "How much it may hold",
    "ftj.status.phase": "Where the job is, in one word",
    "ftj.status.conditions.reason": "Why, in one word",
    "ftit.spec.cpu": "CPU of the training pod",
    "ftbm.spec.cameraSlots.required": "Whether a job must map it",
    "ftds.status.faults": "each with file and line",
}
LORA: Final = (
    "Low-rank adaptation; on for language models and off for robot policies when absent.",
    "Scale of the update; twice the rank when absent.",
    "Rank of the matrices; 16 when absent.",
    "Names of the modules that get an adapter; every linear layer when absent.",
)


@pytest.mark.parametrize(("field", "words"), EXPLAINED.items(), ids=EXPLAINED)
def test_explains(kubectl: Kubectl, field: str, words: str) -> None:
    assert words in " ".join(kubectl("explain", field).stdout.split())


def test_explains_an_adapter_as_documentation_would(kubectl: Kubectl) -> None:
    told = " ".join(kubectl("explain", "finetunejob.spec.hyperparameters.lora").stdout.split())
    for sentence in LORA:
        assert sentence in told


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_explains_every_field_of_every_kind(kubectl: Kubectl, kind: Kind) -> None:
    for part in ("spec", "status"):
        told = kubectl("explain", "--recursive", f"{kind.plural}.{part}").stdout
        assert told
        fields = kubectl("explain", f"{kind.plural}.{part}").stdout
        assert UNDOCUMENTED not in fields


def test_checks_a_manifest_on_the_server_without_making_anything(kubectl: Kubectl, namespace: str) -> None:
    wrong = yaml.safe_dump(fine_tune_job("one", hours=200))
    refused = kubectl("apply", "-n", namespace, "--dry-run=server", "-f", "-", given=wrong)
    assert refused.returncode == 1
    assert "spec.hours: Invalid value: 200: spec.hours in body should be less than or equal to 168" in refused.stderr
    right = yaml.safe_dump(fine_tune_job("one"))
    assert kubectl("apply", "-n", namespace, "--dry-run=server", "-f", "-", given=right).returncode == 0
    assert kubectl("get", "ftj", "-n", namespace, "-o", "name").stdout == ""


HEAD: Final = "apiVersion: finetune.dev/v1alpha1\nkind: FineTuneJob\nmetadata: {name: one}\nspec:\n"
SPEC: Final = yaml.safe_dump(LANGUAGE, indent=2).replace("\n", "\n  ").rstrip()
WRITTEN: Final = {
    "a misspelt field": ("  hour: 6", 'unknown field "spec.hour"'),
    "a number in quotes": ('  hours: "6"', 'Invalid value: "string": spec.hours in body must be of type number'),
    "a tabulator": ("\thours: 6", "found a tab character that violates indentation"),
    "a field one step too far to the left": ("hours: 6", 'unknown field "hours"'),
    "a number with its unit": ("  maxCost: 100 EUR", "spec.maxCost in body must be of type number"),
    "a bare no as a word": ("  displayName: no", "spec.displayName in body must be of type string"),
    "a bare number as a name": ("  displayName: 2026", "spec.displayName in body must be of type string"),
    "a list where a dash was forgotten": ("  tags: support", "spec.tags in body must be of type array"),
}


@pytest.mark.parametrize(("line", "words"), WRITTEN.values(), ids=WRITTEN)
def test_refuses_what_was_written_in_haste(kubectl: Kubectl, namespace: str, line: str, words: str) -> None:
    given = f"{HEAD}  {SPEC}\n{line}\n"
    refused = kubectl("apply", "-n", namespace, "--dry-run=server", "-f", "-", given=given)
    assert refused.returncode == 1
    assert words in refused.stderr


def test_of_a_field_that_stands_twice_it_takes_the_last_one_and_the_server_never_sees_the_other(
    kubectl: Kubectl, namespace: str
) -> None:
    """So do all tools that turn YAML into JSON; no schema can help, a linter does."""
    given = f"{HEAD}  {SPEC}\n  hours: 6\n  hours: 12\n"
    applied = kubectl("apply", "-n", namespace, "--dry-run=server", "-o", "yaml", "-f", "-", given=given)
    assert yaml.safe_load(applied.stdout)["spec"]["hours"] == 12


def test_refuses_an_edit_and_says_what_to_do(kubectl: Kubectl, namespace: str) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", given=yaml.safe_dump(manifest("FineTuneJob", "one", LANGUAGE)))
    edit = '{"spec":{"model":{"name":"other"}}}'
    refused = kubectl("patch", "-n", namespace, "ftj/one", "--type=merge", "-p", edit)
    assert refused.returncode == 1
    assert "spec.model: Invalid value: model is immutable: make a new job" in refused.stderr


def test_accepts_the_samples_as_one(kubectl: Kubectl, namespace: str) -> None:
    applied = kubectl("apply", "-n", namespace, "--dry-run=server", "-k", str(SAMPLES))
    assert applied.returncode == 0, applied.stderr
    assert "configmap/support-questions created (server dry run)" in applied.stdout


async def test_applying_the_same_again_changes_nothing(kubectl: Kubectl, cluster: Cluster, namespace: str) -> None:
    given = yaml.safe_dump(fine_tune_job("one", hyperparameters={"lora": {}}))
    kubectl("apply", "-n", namespace, "-f", "-", given=given)
    first = await cluster.get(FINETUNEJOBS, namespace, "one")
    assert kubectl("apply", "-n", namespace, "-f", "-", given=given).returncode == 0
    second = await cluster.get(FINETUNEJOBS, namespace, "one")
    assert second["metadata"]["generation"] == first["metadata"]["generation"]


def condition(type_: str, status: str, generation: int) -> Json:
    """A condition as the operator writes it."""
    return {
        "type": type_,
        "status": status,
        "reason": "Completed",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
        "observedGeneration": generation,
    }


async def test_waits_for_a_condition_of_the_generation_that_stands(
    kubectl: Kubectl, cluster: Cluster, namespace: str
) -> None:
    await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("one", hours=1))
    for generation in (1, 2):
        status = {"observedGeneration": generation, "conditions": [condition("Complete", "True", generation)]}
        await cluster.patch_status(FINETUNEJOBS, namespace, "one", {"status": status})
        waited = kubectl("wait", "-n", namespace, "--for=condition=Complete", "--timeout=5s", "ftj/one")
        assert waited.returncode == 0, waited.stderr
        await cluster.patch(FINETUNEJOBS, namespace, "one", {"spec": {"hours": 1 + generation}})
        stale = kubectl("wait", "-n", namespace, "--for=condition=Complete", "--timeout=0s", "ftj/one")
        assert stale.returncode == 1
