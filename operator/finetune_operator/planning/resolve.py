"""From what a job asks and the catalog offers to every decision taken, or a refusal in words.

Two steps. ``admit`` takes what the catalog knows, before anything is created. ``complete`` adds what only the data knows,
from the report of prepare. Both are pure: the same input always gives the same plan. ``complete`` asks no catalog: what
it needs of model and hardware was recorded, so that an edit of the catalog never alters a job that was accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from finetune_operator.api.basemodel import ModelLimits
from finetune_operator.api.conditions import Reason
from finetune_operator.api.finetunejob import MOST_HOURS, FineTuneJobSpec, Hyperparameters
from finetune_operator.api.finetunejob.words import ROBOT_JOB_TYPES
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.resolved import Choice, Resolved, ResolvedDataset, ResolvedHyperparameters
from finetune_operator.api.status import Estimate, Report
from finetune_operator.catalog.catalog import Catalog
from finetune_operator.planning.job import Job
from finetune_operator.planning.rejection import Rejection, invalid
from finetune_operator.planning.resolving.automatic import Ask, Chosen, choose_before_data
from finetune_operator.planning.resolving.by_data import Data, choose_by_data, robot_batch
from finetune_operator.planning.resolving.cameras import Cameras, map_cameras
from finetune_operator.planning.resolving.checkpoint_choice import choose_checkpoint
from finetune_operator.planning.resolving.dataset_choice import Registered, choose_datasets
from finetune_operator.planning.resolving.forecast import by_data, upper_bound
from finetune_operator.planning.resolving.instance_choice import Ground, Hardware, choose_instance, does_not_fit
from finetune_operator.planning.resolving.length import too_long
from finetune_operator.planning.resolving.limits import longest_hours, over_limit, superfluous, unpriced
from finetune_operator.planning.resolving.model_choice import ModelChoice, choose_model
from finetune_operator.planning.resolving.places import unreadable_place
from finetune_operator.planning.resolving.plain_secrets import plain_secret
from finetune_operator.planning.resolving.rules import FEW_STEPS, OF_THE_LIMITS, RULES_VERSION, Group
from finetune_operator.planning.resolving.shared_claims import Modes, of_one_node, of_one_pod
from finetune_operator.planning.resolving.subject import Subject, most_rows, world_size
from finetune_operator.planning.resolving.suitability import Suitability, suit
from finetune_operator.planning.sizing.storage import too_small
from finetune_operator.planning.staging import AS_DESIGNED, STAGE_LIMIT_HOURS, Staging

LONGEST_WARNING: Final = 1024
LAPSED: Final = " has no effect in this release"
"""What an earlier release warned of and this one does: a job that it accepted is told so no more."""


@dataclass(frozen=True)
class Offer:
    """What a job may choose from: the catalog, the trainer images by family, and what its namespace has."""

    catalog: Catalog
    images: Mapping[str, str]
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, Registered] = field(default_factory=dict)
    """The Datasets of the job's namespace, by name."""
    workspaces: Mapping[str, str] = field(default_factory=dict)
    """Where the other FineTuneJobs of the namespace keep their checkpoints and results, by name; asked for when named."""
    claims: Modes = field(default_factory=dict)
    """The access modes of claims that several pods are to share, by name; asked for when named."""
    staging: Staging = AS_DESIGNED


@dataclass(frozen=True)
class Admission:
    """An accepted job: every decision, what it will take, and what is worth a warning."""

    resolved: Resolved
    estimate: Estimate | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Draft:
    """What is decided before the hardware is."""

    model: ModelChoice
    image: str
    values: Chosen
    cameras: Cameras
    datasets: tuple[ResolvedDataset, ...]
    checkpoint_uri: str | None


def admit(spec: FineTuneJobSpec, offer: Offer) -> Admission | Rejection:
    """Every decision that the catalog allows to take, or why there is none."""
    if rejection := unreadable_place(spec) or plain_secret(spec) or of_one_pod(spec, offer.claims):
        return rejection
    chosen = choose_model(spec, offer.catalog)
    if isinstance(chosen, Rejection):
        return chosen
    if rejection := over_limit(spec, chosen.model) or _endless(spec):
        return rejection
    image = spec.image or offer.images.get(chosen.model.family)
    if image is None:
        return _no_image(spec, chosen.model.family)
    draft = _draft(spec, offer, chosen, image)
    if isinstance(draft, Rejection):
        return draft
    admitted = _on_hardware(spec, offer, draft)
    return admitted if isinstance(admitted, Rejection) else _staged(spec, admitted, offer.staging)


def recorded(job: Job) -> Admission | None:
    """What was decided when the job was accepted; None for one that was not yet, or begins a new run."""
    status = job.status
    if status.resolved is None:
        return None
    said = tuple(warning for warning in status.warnings if not warning.endswith(LAPSED))
    warnings = (*said, *(w for w in _over_budget(job.spec, status.resolved) if w not in said))
    return Admission(status.resolved, status.estimate, warnings)


def complete(spec: FineTuneJobSpec, resolved: Resolved, report: Report | None) -> Admission | Rejection:
    """The rest, from what prepare found in the data; an image that reports nothing leaves the general defaults.

    Whether it fits is looked at again, now that the longest row is known: no GPU has been asked for yet.
    """
    if resolved.model is None:  # an operator before this one accepted it, and recorded less
        return Admission(resolved.model_copy(update={"complete": True}))
    model, sequences = resolved.model, _sequences(report)
    world, robot = world_size(resolved.nodes, resolved.instance_type), spec.job_type in ROBOT_JOB_TYPES
    chosen = choose_by_data(resolved.hyperparameters, Data(sequences, world, most_rows(model), robot=robot))
    longest = report.longest_row_tokens if report else None
    subject = Subject(spec.job_type, model, chosen.values, resolved.nodes, longest)
    suited = suit(subject, resolved.instance_type)
    if suited.fits is False and not spec.allow_memory_overcommit:
        return does_not_fit(f"{resolved.instance_type_name} does not hold it: {suited.why}")
    update = {
        "hyperparameters": chosen.values,
        "choices": (*resolved.choices, *chosen.choices),
        "fit": suited.sized.fit if suited.sized else None,
        "micro_batch_size": suited.sized.micro_batch if suited.sized else None,
        "complete": True,
    }
    completed = resolved.model_copy(update=update)
    outlook = by_data(spec, completed, subject, report)
    late = (outlook.warning,) if outlook and outlook.warning else ()
    warnings = _clipped((*late, *_few_steps(chosen.values, sequences)))
    return Admission(completed, outlook.estimate if outlook else None, warnings)


def _staged(spec: FineTuneJobSpec, admitted: Admission, staging: Staging) -> Admission | Rejection:
    """As the stages are to run. What nobody looks at beforehand is decided now."""
    limit = None if staging.limit_hours == STAGE_LIMIT_HOURS else staging.limit_hours
    asked = {"folded": staging.folded, "queues_cpu_stages": staging.queue_cpu, "stage_limit_hours": limit}
    resolved = admitted.resolved.model_copy(update=asked)
    if not staging.folded:
        return replace(admitted, resolved=resolved)
    completed = complete(spec, resolved, None)
    if isinstance(completed, Rejection):
        return completed
    return Admission(completed.resolved, completed.estimate or admitted.estimate, admitted.warnings)


def _over_budget(spec: FineTuneJobSpec, resolved: Resolved) -> tuple[str, ...]:
    """Hours may grow while a job runs, and what was allowed when it was accepted stays so."""
    most = longest_hours(resolved)
    if spec.hours is None or spec.hours <= most:
        return ()
    return (f"spec.hours: {spec.hours:g} were given; base model and instance type allow {most:g}, which end the job",)


def _draft(spec: FineTuneJobSpec, offer: Offer, chosen: ModelChoice, image: str) -> _Draft | Rejection:
    cameras = map_cameras(spec.camera_mappings, chosen)
    if isinstance(cameras, Rejection):
        return cameras
    datasets = choose_datasets(spec, offer.datasets)
    if isinstance(datasets, Rejection):
        return datasets
    if rejection := too_long(spec, datasets):
        return rejection
    checkpoint = choose_checkpoint(spec.model.from_checkpoint, offer.workspaces)
    if isinstance(checkpoint, Rejection):
        return checkpoint
    return _Draft(chosen, image, _values(spec, chosen), cameras, datasets, checkpoint)


def _values(spec: FineTuneJobSpec, chosen: ModelChoice) -> Chosen:
    group: Group = "robot" if spec.job_type in ROBOT_JOB_TYPES else "dpo" if spec.job_type == "dpo" else "language"
    model = (chosen.entry.hyperparameters if chosen.entry else None) or Hyperparameters()
    limits = chosen.model.limits or ModelLimits()
    return choose_before_data(Ask(spec.hyperparameters or Hyperparameters(), model, limits, group))


def _on_hardware(spec: FineTuneJobSpec, offer: Offer, draft: _Draft) -> Admission | Rejection:
    subject = Subject(spec.job_type, draft.model.model, robot_batch(draft.values.values, spec.job_type), spec.nodes)

    def suit_of(instance: InstanceTypeSpec) -> Suitability:
        return suit(subject, instance)

    ground = Ground(spec, offer.catalog, offer.namespace_labels, most_rows(subject.model))
    hardware = choose_instance(ground, suit_of)
    if isinstance(hardware, Rejection):
        return hardware
    resolved = _resolved(spec, draft, hardware)
    warnings = (
        *draft.model.warnings,
        *draft.cameras.warnings,
        *hardware.warnings,
        *superfluous(spec),
        *unpriced(spec, resolved),
        *too_small(spec, resolved),
        *of_one_node(spec, offer.claims),
    )
    return Admission(resolved, upper_bound(spec, resolved), _clipped(warnings))


def _resolved(spec: FineTuneJobSpec, draft: _Draft, hardware: Hardware) -> Resolved:
    resolved = Resolved(
        image=draft.image,
        instance_type_name=hardware.name,
        instance_type=_snapshot(hardware.instance),
        region=spec.region,
        nodes=spec.nodes,
        model=draft.model.model,
        checkpoint_uri=draft.checkpoint_uri,
        datasets=draft.datasets,
        hyperparameters=draft.values.values,
        cameras=draft.cameras.mapped,
        rules_version=RULES_VERSION,
        fit=hardware.suited.sized.fit if hardware.suited.sized else None,
        complete=False,
    )
    hours = longest_hours(resolved)
    budget = (Choice(field="hours", rule=OF_THE_LIMITS),) if spec.hours is None and hours < MOST_HOURS else ()
    hardware_choice = (hardware.choice,) if hardware.choice else ()
    return resolved.model_copy(update={"choices": (*hardware_choice, *budget, *draft.values.choices)})


def _snapshot(instance: InstanceTypeSpec) -> InstanceTypeSpec:
    """What a job must remember of its hardware; the words for those who choose would only fill its status."""
    return instance.model_copy(update={"description": None, "regions": None, "namespace_selector": None})


def _sequences(report: Report | None) -> int | None:
    """What a batch is made of: packed sequences where rows are packed, else rows."""
    return (report.sequences or report.rows) if report else None


def _few_steps(values: ResolvedHyperparameters, sequences: int | None) -> tuple[str, ...]:
    steps = values.steps
    if steps is None and values.epochs and values.batch_size and sequences:
        steps = max(1, int(values.epochs * -(-sequences // values.batch_size)))
    if steps is None or steps >= FEW_STEPS:
        return ()
    warning = (
        f"{steps} optimizer steps are planned, which is little: more epochs, a smaller batchSize or more data give more"
    )
    return (f"spec.hyperparameters: {warning}",)


def _clipped(warnings: Iterable[str]) -> tuple[str, ...]:
    return tuple(warning[:LONGEST_WARNING] for warning in warnings)


def _endless(spec: FineTuneJobSpec) -> Rejection | None:
    if spec.job_type in ROBOT_JOB_TYPES and spec.hours is None:
        return invalid("spec.hours", f"jobType {spec.job_type} needs hours: its training has no end of its own")
    return None


def _no_image(spec: FineTuneJobSpec, family: str) -> Rejection:
    message = (
        f"spec.model.type: {spec.model.type or 'causal_lm'} is trained by the image family {family}, which this operator "
        f"has no image of: an administrator sets settings.images.{family}, or give spec.image"
    )
    return Rejection(Reason.NO_TRAINER_IMAGE, message, "spec.model.type", may_mend=True)
