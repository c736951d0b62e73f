"""The CustomResourceDefinitions, generated: ``python -m finetune_operator.api.crd`` writes them, ``--check`` finds drift."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from finetune_operator.api import names
from finetune_operator.api.basemodel import BaseModelSpec
from finetune_operator.api.catalogstatus import CatalogStatus
from finetune_operator.api.dataset import DatasetSpec, DatasetStatus
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import ApiModel, Json, Rule
from finetune_operator.api.openapi import described, structural_schema
from finetune_operator.api.status import FineTuneJobStatus

HEADER = "# Generated from the pydantic models in operator/finetune_operator/api by `make generate`. Do not edit.\n"
FOLDERS = ("crds", "charts/finetune-operator/crds")
"""Where each definition is written; the chart ships its copy, because Helm installs from its own folder only."""


@dataclass(frozen=True)
class Column:
    """One column of ``kubectl get``; priority 1 is shown with ``-o wide`` only.

    Of a path with several matches the API server prints the first one; of a list, all of it as JSON.
    """

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str = ""

    def schema(self) -> Json:
        """The column as the CRD spells it."""
        optional = {"priority": self.priority, "description": self.description}
        return {"name": self.name, "type": self.type, "jsonPath": self.path} | {k: v for k, v in optional.items() if v}


@dataclass(frozen=True)
class Kind:
    """One kind of resource: its names, its models, and how kubectl shows it."""

    kind: str
    plural: str
    short: str
    namespaced: bool
    description: str
    spec: type[ApiModel]
    columns: tuple[Column, ...]
    status: type[ApiModel] | None = None
    rules: tuple[Rule, ...] = ()
    selectable: tuple[str, ...] = ()


FINETUNEJOB = Kind(
    kind="FineTuneJob",
    plural="finetunejobs",
    short="ftj",
    namespaced=True,
    description="FineTuneJob is one fine-tuning run: a model, datasets, hyperparameters, an instance type and hours; "
    "the operator checks it, trains it and publishes the model.",
    spec=FineTuneJobSpec,
    status=FineTuneJobStatus,
    rules=(
        Rule(
            f"self.metadata.name.size() <= {names.LONGEST_JOB_NAME}",
            f"metadata.name must have at most {names.LONGEST_JOB_NAME} characters",
            f"'metadata.name must have at most {names.LONGEST_JOB_NAME} characters: %s has %d'.format("
            "[self.metadata.name, self.metadata.name.size()])",
            ".metadata",
        ),
        Rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "metadata.name must be lower-case letters, digits and '-', starting with a letter",
            "'metadata.name must be lower-case letters, digits and \"-\", starting with a letter: %s'.format([self.metadata.name])",
            ".metadata",
        ),
    ),
    columns=(
        Column("Phase", ".status.phase"),
        Column("Model", ".status.display.model"),
        Column("Instance", ".status.display.instance"),
        Column("Progress", ".status.display.progress"),
        Column("ETA", ".status.display.eta", description="Until the training ends, from the recent pace"),
        Column("Loss", ".status.display.loss"),
        Column("Hours", ".status.display.hours", description="Training time used of the budget"),
        Column("Cost", ".status.display.cost", description="Training time times the price"),
        Column("Age", ".metadata.creationTimestamp", "date"),
        Column("Type", ".spec.jobType", priority=1),
        Column("Reason", ".status.reason", priority=1),
        Column("Attempt", ".status.display.attempt", priority=1),
        Column("Node", ".status.attempts[-1:].node", priority=1),
        Column("Result", ".status.result.uri", priority=1),
    ),
    selectable=(".spec.jobType", ".spec.instanceType", ".status.phase"),
)

INSTANCETYPE = Kind(
    kind="InstanceType",
    plural="instancetypes",
    short="ftit",
    namespaced=False,
    description="InstanceType is hardware that an administrator offers by name to FineTuneJobs.",
    spec=InstanceTypeSpec,
    columns=(
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("GPUs", ".spec.gpu.count", "integer"),
        Column("Product", ".spec.gpu.product"),
        Column("CPU", ".spec.cpu"),
        Column("Memory", ".spec.memory"),
        Column("Price/h", ".spec.pricePerHour", "number"),
        Column("Currency", ".spec.currency"),
        Column("Age", ".metadata.creationTimestamp", "date"),
        Column("Capacity", ".spec.capacityType", priority=1),
        Column("Regions", ".spec.regions", priority=1),
        Column("Message", ".status.conditions[?(@.type=='Ready')].message", priority=1),
        Column("Description", ".spec.description", priority=1),
    ),
    status=CatalogStatus,
)

BASEMODEL = Kind(
    kind="BaseModel",
    plural="basemodels",
    short="ftbm",
    namespaced=False,
    description="BaseModel is a model that can be tuned: where it lies, which trainer runs it, what is known of it.",
    spec=BaseModelSpec,
    columns=(
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Type", ".spec.type"),
        Column("Provider", ".spec.provider"),
        Column("Parameters", ".spec.parameters", "integer"),
        Column("Sequence", ".spec.maxSequenceLength", "integer"),
        Column("Age", ".metadata.creationTimestamp", "date"),
        Column("Source", ".spec.source.uri", priority=1),
        Column("Aliases", ".spec.aliases", priority=1),
        Column("Message", ".status.conditions[?(@.type=='Ready')].message", priority=1),
    ),
    status=CatalogStatus,
    selectable=(".spec.type", ".spec.provider"),
)

DATASET = Kind(
    kind="Dataset",
    plural="datasets",
    short="ftds",
    namespaced=True,
    description="Dataset is registered data that FineTuneJobs name by datasetRef; it is looked at on CPU once.",
    spec=DatasetSpec,
    status=DatasetStatus,
    rules=(
        Rule(
            f"self.metadata.name.size() <= {names.LONGEST_JOB_NAME}",
            f"metadata.name must have at most {names.LONGEST_JOB_NAME} characters",
            f"'metadata.name must have at most {names.LONGEST_JOB_NAME} characters: %s has %d'.format("
            "[self.metadata.name, self.metadata.name.size()])",
            ".metadata",
        ),
    ),
    columns=(
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Reason", ".status.reason"),
        Column("Format", ".status.format"),
        Column("Rows", ".status.rows", "integer"),
        Column("Tokens", ".status.tokens", "integer"),
        Column("Age", ".metadata.creationTimestamp", "date"),
        Column("URI", ".spec.uri", priority=1),
        Column("Message", ".status.message", priority=1),
    ),
)

KINDS = (FINETUNEJOB, INSTANCETYPE, BASEMODEL, DATASET)


def definition(kind: Kind) -> Json:
    """The CustomResourceDefinition of one kind."""
    scope = "Namespaced" if kind.namespaced else "Cluster"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": scope,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": ["finetune"],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> Json:
    version: Json = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [column.schema() for column in kind.columns],
        "schema": {"openAPIV3Schema": _root_schema(kind)},
    }
    if kind.status:
        version["subresources"] = {"status": {}}
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return version


def _root_schema(kind: Kind) -> Json:
    properties: Json = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": described(kind.spec, structural_schema(kind.spec)),
    }
    if kind.status:
        # The default makes kstatus (Helm 4, Flux) wait for the operator: without it an unseen resource counts as ready.
        properties["status"] = {
            **described(kind.status, _part_by_part(_unruled(structural_schema(kind.status)))),
            "default": {"observedGeneration": -1},
        }
    root: Json = {"description": kind.description, "type": "object", "required": ["spec"], "properties": properties}
    if kind.rules:
        root["x-kubernetes-validations"] = [rule.schema() for rule in kind.rules]
    return root


def _part_by_part(status: Json) -> Json:
    """The status with each of its parts written whole, conditions apart: the operator alone writes them.

    The API server books an owner for every field that it may merge: for all fields of a status that is nearly as large
    as the status itself (4.5 kB of 13; 2.8 of 9 by parts, on Kubernetes 1.35), and every watch carries it.
    """
    parts = {name: part if name == "conditions" else _whole(part) for name, part in status["properties"].items()}
    return {**status, "properties": parts}


def _unruled(schema: Json) -> Json:
    """The schema without CEL rules: what a status repeats of a catalog entry was ruled there, and each write pays for them.

    Three rules on the resolved instance type were an eighth of the API server's processor time for a status write.
    """
    kept = {name: part for name, part in schema.items() if name != "x-kubernetes-validations"}
    if "properties" in kept:
        kept["properties"] = {name: _unruled(part) for name, part in kept["properties"].items()}
    for inner in {"items", "additionalProperties"} & kept.keys():
        kept[inner] = _unruled(kept[inner])
    return kept


def _whole(part: Json) -> Json:
    match part.get("type"):
        case "object":
            return {**part, "x-kubernetes-map-type": "atomic"}
        case "array":
            return {**part, "x-kubernetes-list-type": "atomic"}
        case _:
            return part


def rendered() -> dict[str, str]:
    """File name → text of every definition."""
    return {
        f"{kind.plural}.{names.GROUP}.yaml": HEADER
        + yaml.dump(definition(kind), Dumper=_PlainDumper, sort_keys=False, width=120, allow_unicode=True)
        for kind in KINDS
    }


class _PlainDumper(yaml.SafeDumper):
    """Writes repeated parts out: an anchor is valid YAML and puzzles every reader."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        """No anchors at all."""
        return True


def main(arguments: list[str] | None = None) -> int:
    """Write the definitions below the current folder, or with ``--check`` say which differ and exit 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file differs")
    check = parser.parse_args(arguments).check
    wanted = {Path(folder, name): text for folder in FOLDERS for name, text in rendered().items()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if check:
        for path in stale:
            print(f"{path} differs from the models: run `make generate` and commit the result", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
