"""The datasets of a job, those that it names by reference included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from finetune_operator.api.conditions import Reason
from finetune_operator.api.dataset import DatasetSpec
from finetune_operator.api.finetunejob import Dataset, FineTuneJobSpec
from finetune_operator.api.resolved import ResolvedDataset
from finetune_operator.catalog.lookup import did_you_mean
from finetune_operator.planning.rejection import Rejection


@dataclass(frozen=True)
class Registered:
    """A Dataset of the job's namespace. ``valid`` is None while nobody has looked at it, and ``message`` says more."""

    spec: DatasetSpec
    valid: bool | None
    message: str = ""
    revision: str | None = None


def choose_datasets(
    spec: FineTuneJobSpec, registered: Mapping[str, Registered]
) -> tuple[ResolvedDataset, ...] | Rejection:
    """All datasets with where they lie, or what the job waits for. Files that the job names itself stay in its spec."""
    chosen: list[ResolvedDataset] = []
    for index, dataset in enumerate(spec.datasets):
        found = _chosen(dataset, index, registered)
        if isinstance(found, Rejection):
            return found
        chosen.append(found)
    return tuple(chosen)


def _chosen(dataset: Dataset, index: int, registered: Mapping[str, Registered]) -> ResolvedDataset | Rejection:
    if dataset.dataset_ref is None:
        return ResolvedDataset(
            name=dataset.name,
            split=dataset.split,
            uri=dataset.uri or "",
            revision=dataset.revision,
            format=dataset.format,
            secret_ref=dataset.secret_ref,
        )
    name, param = dataset.dataset_ref.name, f"spec.datasets[{index}].datasetRef"
    entry = registered.get(name)
    if entry is None:
        message = f"{param}: no Dataset is named {name!r} in this namespace{did_you_mean(name, registered)}"
        return Rejection(Reason.DATASET_NOT_READY, message, param, waits=True)
    if not entry.valid:
        reason = Reason.DATASET_NOT_READY if entry.valid is None else Reason.INVALID_DATASET
        state = "is not inspected yet" if entry.valid is None else "is not valid"
        return Rejection(reason, f"{param}: Dataset {name!r} {state}: {entry.message}", param, waits=True)
    return ResolvedDataset(
        name=dataset.name,
        split=dataset.split,
        uri=entry.spec.uri,
        revision=entry.revision or entry.spec.revision,
        files=() if dataset.files else entry.spec.files or (),
        format=entry.spec.format if dataset.format == "auto" else dataset.format,
        secret_ref=entry.spec.secret_ref,
    )
