"""From what a job asks and the catalog offers to every decision taken, or a refusal in words.

Two steps. ``admit`` takes what the catalog knows, before anything is created. ``complete`` adds what only the data knows,
from the report of prepare. Both are pure: the same input always gives the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from finetune_operator.api import uris
from finetune_operator.api.conditions import Reason
from finetune_operator.api.finetunejob import FineTuneJobSpec, Hyperparameters
from finetune_operator.api.finetunejob.words import ROBOT_JOB_TYPES
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.status import Choice, Estimate, Fit, Report, Resolved, ResolvedHyperparameters
from finetune_operator.catalog.catalog import Catalog
from finetune_operator.planning.job import Job
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolving.automatic import (
    RULES_VERSION,
    Data,
    Kind,
    choose_before_data,
    choose_by_data,
)
from finetune_operator.planning.resolving.cameras import map_cameras
from finetune_operator.planning.resolving.dataset_choice import Registered, choose_datasets
from finetune_operator.planning.resolving.instance_choice import Hardware, choose_instance, world_size
from finetune_operator.planning.resolving.limits import over_limit, superfluous
from finetune_operator.planning.resolving.model_choice import ModelChoice, choose_model

FEW_STEPS = 50
"""Fewer planned optimizer steps than this are worth a warning."""


@dataclass(frozen=True)
class Offer:
    """What a job may choose from: the catalog, the trainer images by family, and what its namespace has."""

    catalog: Catalog
    images: Mapping[str, str]
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, Registered] = field(default_factory=dict)
    """The Datasets of the job's namespace, by name."""


@dataclass(frozen=True)
class Admission:
    """An accepted job: every decision, what it will take, and what is worth a warning."""

    resolved: Resolved
    estimate: Estimate | None = None
    warnings: tuple[str, ...] = ()


def admit(spec: FineTuneJobSpec, offer: Offer) -> Admission | Rejection:
    """Every decision that the catalog allows to take, or why there is none."""
    if rejection := _unreadable_uri(spec):
        return rejection
    chosen = choose_model(spec, offer.catalog)
    if isinstance(chosen, Rejection):
        return chosen
    if rejection := over_limit(spec, chosen.model.name, chosen.entry):
        return rejection
    image = spec.image or offer.images.get(chosen.model.family)
    if image is None:
        return _no_image(spec, chosen.model.family)
    return _with_hardware(spec, offer, chosen, image)


def _with_hardware(spec: FineTuneJobSpec, offer: Offer, chosen: ModelChoice, image: str) -> Admission | Rejection:
    given, defaults = spec.hyperparameters or Hyperparameters(), _defaults(chosen)
    kind = Kind(spec.job_type, robot=spec.job_type in ROBOT_JOB_TYPES)
    values = choose_before_data(given, defaults, kind)
    cameras = map_cameras(spec.camera_mappings, chosen.entry)
    if isinstance(cameras, Rejection):
        return cameras
    datasets = choose_datasets(spec, offer.datasets)
    if isinstance(datasets, Rejection):
        return datasets

    def fit_of(instance: InstanceTypeSpec) -> Fit | None:
        return None

    hardware = choose_instance(spec, offer.catalog, offer.namespace_labels, fit_of)
    if isinstance(hardware, Rejection):
        return hardware
    resolved = Resolved(
        image=image,
        instance_type_name=hardware.name,
        instance_type=_snapshot(hardware.instance),
        region=spec.region,
        nodes=spec.nodes,
        model=chosen.model,
        datasets=datasets,
        hyperparameters=values.values,
        cameras=cameras,
        choices=(*_hardware_choice(hardware), *values.choices),
        rules_version=RULES_VERSION,
        fit=hardware.fit,
        complete=False,
    )
    return Admission(resolved, None, (*chosen.warnings, *superfluous(spec)))


def recorded(job: Job) -> Admission | None:
    """What was decided when the job was accepted; None for one that was not yet."""
    status = job.status
    return Admission(status.resolved, status.estimate, status.warnings) if status.resolved else None


def complete(spec: FineTuneJobSpec, resolved: Resolved, report: Report | None) -> Admission | Rejection:
    """The rest, from what prepare found in the data; an image that reports nothing leaves the general defaults."""
    rows = report.rows if report else None
    robot = spec.job_type in ROBOT_JOB_TYPES
    data = Data(rows, world_size(resolved.nodes, resolved.instance_type), robot=robot)
    chosen = choose_by_data(resolved.hyperparameters, data)
    completed = resolved.model_copy(
        update={
            "hyperparameters": chosen.values,
            "choices": (*resolved.choices, *chosen.choices),
            "complete": True,
        }
    )
    return Admission(completed, None, _few_steps(chosen.values, rows))


def _few_steps(values: ResolvedHyperparameters, rows: int | None) -> tuple[str, ...]:
    steps = values.steps
    if steps is None and values.epochs and values.batch_size and rows:
        steps = int(values.epochs * -(-rows // values.batch_size))
    if steps is None or steps >= FEW_STEPS:
        return ()
    return (
        f"spec.hyperparameters: {steps} optimizer steps are planned, which is little: more epochs, a smaller batchSize or "
        "more data give more",
    )


def _defaults(chosen: ModelChoice) -> Hyperparameters:
    return (chosen.entry.hyperparameters if chosen.entry else None) or Hyperparameters()


def _hardware_choice(hardware: Hardware) -> tuple[Choice, ...]:
    return (hardware.choice,) if hardware.choice else ()


def _snapshot(instance: InstanceTypeSpec) -> InstanceTypeSpec:
    """What a job must remember of its hardware; the words for those who choose would only fill its status."""
    return instance.model_copy(
        update={"description": None, "regions": None, "namespace_selector": None, "limits": None}
    )


def _no_image(spec: FineTuneJobSpec, family: str) -> Rejection:
    message = (
        f"spec.model.type: {spec.model.type or 'causal_lm'} is trained by the image family {family}, which this operator "
        f"has no image of: an administrator sets settings.images.{family}, or give spec.image"
    )
    return Rejection(Reason.NO_TRAINER_IMAGE, message, "spec.model.type", may_mend=True)


def _unreadable_uri(spec: FineTuneJobSpec) -> Rejection | None:
    """What the schema's pattern lets through and the parser refuses, such as a path that leaves its claim."""
    name = spec.model.name
    given = [("spec.model.name", name)] if name and "://" in name else []
    given += [(f"spec.datasets[{i}].uri", d.uri) for i, d in enumerate(spec.datasets) if d.uri]
    if spec.output and spec.output.uri:
        given.append(("spec.output.uri", spec.output.uri))
    for param, uri in given:
        try:
            uris.parse(uri)
        except ValueError as error:
            return Rejection(Reason.INVALID_SPEC, f"{param}: {error}", param)
    return None
