"""What ``kubectl get`` shows of each kind, by which names it knows them, and by which fields it selects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Final

import pytest

from finetune_operator.api.crd import KINDS
from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.mistakes.mistake import LANGUAGE
from tests.support.filled import DATASET, INSTANCE_TYPE, LANGUAGE_JOB, LANGUAGE_MODEL
from tests.support.filled_status import CATALOG_STATUS, DATASET_STATUS, LANGUAGE_STATUS
from tests.support.trial import RESOURCES, manifest

pytestmark = pytest.mark.controlplane

JOBS: Final = RESOURCES["FineTuneJob"]
SHOWN: Final = {
    "ftj": {
        "PHASE": "Succeeded", "MODEL": "llama-3.1-8b", "INSTANCE": "h100-x8 x2", "PROGRESS": "100%", "ETA": "0s",
        "LOSS": "0.3417", "HOURS": "8.68/24", "COST": "409.88 USD", "TYPE": "dpo", "REASON": "Completed",
        "ATTEMPT": "train 2", "NODE": "gpu-17.eu-north1",
        "RESULT": "s3://models/support-bot/support-bot-support-v1",
    },
    "ftit": {
        "READY": "False", "GPUS": "8", "PRODUCT": "NVIDIA-H100-80GB-HBM3", "CPU": "160", "MEMORY": "1600Gi",
        "PRICE/H": "23.6", "CURRENCY": "USD", "CAPACITY": "onDemand",
        "REGIONS": '[{"description":"Finland","name":"eu-north1"},{"description":"Kansas City","name":"us-central1"}]',
        "MESSAGE": "sharedMemory 64Gi is more than memory 32Gi.",
        "DESCRIPTION": "Eight H100 with 80 GB each, connected by NVLink",
    },
    "ftbm": {
        "READY": "False", "TYPE": "causal_lm", "PROVIDER": "meta", "PARAMETERS": "8030261248", "SEQUENCE": "131072",
        "SOURCE": "hf://meta-llama/Llama-3.1-8B-Instruct",
        "ALIASES": '["meta-llama/Llama-3.1-8B-Instruct","llama-3.1-8b"]',
    },
    "ftds": {
        "READY": "True", "REASON": "Valid", "FORMAT": "lerobot", "ROWS": "206", "TOKENS": "0",
        "URI": "hf://lerobot/pusht", "MESSAGE": "206 episodes, 25 650 frames.",
    },
}  # fmt: skip
"""Column → what it shows of the filled resource of each kind, wide columns included."""
FILLED: Final[dict[str, tuple[str, Json, Json]]] = {
    "ftj": ("FineTuneJob", LANGUAGE_JOB, LANGUAGE_STATUS),
    "ftit": ("InstanceType", INSTANCE_TYPE, CATALOG_STATUS),
    "ftbm": ("BaseModel", LANGUAGE_MODEL, CATALOG_STATUS),
    "ftds": ("Dataset", DATASET, DATASET_STATUS),
}


async def stored(cluster: Cluster, namespace: str, body: Json, status: Json | None = None) -> str:
    """A resource with a status, as the operator writes it; its name is that of the namespace, which nobody else has."""
    resource = RESOURCES[body["kind"]]
    await cluster.create(resource, namespace, body)
    if status:
        await cluster.patch_status(resource, namespace, body["metadata"]["name"], {"status": status})
    return str(body["metadata"]["name"])


@pytest.fixture
async def filled(cluster: Cluster, namespace: str) -> AsyncIterator[str]:
    """One filled resource of each kind; those of no namespace are removed here."""
    for kind, spec, status in FILLED.values():
        await stored(cluster, namespace, manifest(kind, namespace, spec), status)
    yield namespace
    for kind in ("InstanceType", "BaseModel"):
        await cluster.delete(RESOURCES[kind], None, namespace)


def row(table: str) -> dict[str, str]:
    """Column → value of a table with one row, cut where the header says."""
    header, line = table.splitlines()
    starts = [
        index for index in range(len(header)) if header[index] != " " and header[max(0, index - 2) : index].isspace()
    ]
    cuts = [0, *starts, len(line) + 1]
    return {header[a:b].strip(): line[a:b].strip() for a, b in pairwise(cuts)}


@pytest.mark.parametrize("short", FILLED)
async def test_shows_each_column_of_a_filled_resource(kubectl: Kubectl, filled: str, short: str) -> None:
    told = kubectl("get", short, filled, "-n", filled, "-o", "wide")
    shown = row(told.stdout)
    assert SHOWN[short].items() <= shown.items(), told.stdout + told.stderr


@pytest.mark.parametrize("short", FILLED)
async def test_shows_no_error_in_any_column(kubectl: Kubectl, filled: str, short: str) -> None:
    told = kubectl("get", short, filled, "-n", filled, "-o", "wide").stdout
    assert "<invalid>" not in told
    assert "<unknown>" not in told


async def test_shows_a_job_that_nobody_has_seen(kubectl: Kubectl, cluster: Cluster, namespace: str) -> None:
    await stored(cluster, namespace, manifest("FineTuneJob", "one", LANGUAGE))
    shown = row(kubectl("get", "ftj", "-n", namespace).stdout)
    assert shown["NAME"] == "one"
    assert shown["PHASE"] == ""


def test_knows_all_our_kinds_by_one_word(kubectl: Kubectl) -> None:
    listed = kubectl("api-resources", "--categories=finetune", "--no-headers", "-o", "name").stdout
    assert set(listed.split()) == {f"{kind.plural}.finetune.dev" for kind in KINDS}


async def test_gets_all_our_kinds_by_one_word(kubectl: Kubectl, filled: str) -> None:
    listed = kubectl("get", "finetune", "-n", filled, "-o", "name").stdout.split()
    assert {f"{kind.kind.lower()}.finetune.dev/{filled}" for kind in KINDS} <= set(listed)


@pytest.mark.parametrize("selector", ["spec.jobType=dpo", "spec.instanceType=h100-x8", "status.phase=Succeeded"])
async def test_selects_jobs_by(kubectl: Kubectl, cluster: Cluster, filled: str, selector: str) -> None:
    await stored(cluster, filled, manifest("FineTuneJob", "other", LANGUAGE))
    found = kubectl("get", "ftj", "-n", filled, "-o", "name", f"--field-selector={selector}")
    assert found.stdout.split() == [f"finetunejob.finetune.dev/{filled}"], found.stderr


@pytest.mark.parametrize("selector", ["spec.type=causal_lm", "spec.provider=meta"])
async def test_selects_models_by(kubectl: Kubectl, filled: str, selector: str) -> None:
    found = kubectl("get", "ftbm", "-o", "name", f"--field-selector={selector},metadata.name={filled}")
    assert found.stdout.split() == [f"basemodel.finetune.dev/{filled}"], found.stderr
    other = selector.rpartition("=")[0] + "=other"
    none = kubectl("get", "ftbm", "-o", "name", f"--field-selector={other},metadata.name={filled}")
    assert none.stdout.split() == [], none.stderr
