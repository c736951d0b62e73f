"""Which model a job means, which trainer runs it, and what the catalog knows of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.basemodel import BaseModelSpec, MeasuredMemory
from finetune_operator.api.conditions import Reason
from finetune_operator.api.finetunejob import FineTuneJobSpec, Model
from finetune_operator.api.finetunejob.words import LANGUAGE_MODEL, ROBOT_JOB_TYPES, SELF_NAMED_TYPES
from finetune_operator.api.resolved import ResolvedModel
from finetune_operator.catalog.catalog import BrokenEntryError, Catalog, UnknownNameError
from finetune_operator.catalog.families import FAMILIES
from finetune_operator.planning.rejection import Rejection, invalid

PARAM: Final = "spec.model.name"
LONGEST_NAME: Final = 512


@dataclass(frozen=True)
class ModelChoice:
    """The model, and what the catalog knows of it.

    ``entry`` is its own one; of a robot policy that is not listed it is the one of its type, if there is one.
    """

    model: ResolvedModel
    entry: BaseModelSpec | None = None
    warnings: tuple[str, ...] = ()


def choose_model(spec: FineTuneJobSpec, catalog: Catalog) -> ModelChoice | Rejection:
    """The model that the spec means, or why there is none."""
    kind = spec.model.type or LANGUAGE_MODEL
    if (spec.job_type in ROBOT_JOB_TYPES) == (kind == LANGUAGE_MODEL):
        wanted = "a robot policy" if spec.job_type in ROBOT_JOB_TYPES else LANGUAGE_MODEL
        return invalid(
            "spec.model.type", f"jobType {spec.job_type} trains {wanted}; given: {spec.model.type or 'none'}"
        )
    try:
        choice = _choice(spec.model, catalog)
    except (UnknownNameError, BrokenEntryError) as error:
        return Rejection(Reason.UNKNOWN_MODEL, f"{PARAM}: {error}", PARAM, may_mend=True)
    return _contradiction(spec, choice) or choice


def _choice(model: Model, catalog: Catalog) -> ModelChoice:
    if model.type in SELF_NAMED_TYPES:
        return _self_named(model, catalog)
    if model.name is None:
        return _continued(model, catalog)
    if "://" in model.name:
        return _unlisted(model, model.name, model.name, catalog)
    try:
        name, entry = catalog.base_model(model.name)
    except UnknownNameError:
        if not uris.is_repository(model.name):
            raise
        return _repository(model, model.name, catalog)
    return _listed(model, name, entry)


def _self_named(model: Model, catalog: Catalog) -> ModelChoice:
    """Types that imply their model. A name beside one chooses among the catalog's entries of the type, or does no harm."""
    named = _of_type(model, catalog)
    if named:
        return named
    found = catalog.base_model_of_type(str(model.type))
    choice = _listed(model, *found) if found else _unlisted(model, str(model.type), None, catalog)
    if model.name is None:
        return choice
    unused = f"{PARAM}: {model.name} is not used: {model.type} implies its own model"
    return replace(choice, warnings=(*choice.warnings, unused))


def _of_type(model: Model, catalog: Catalog) -> ModelChoice | None:
    try:
        name, entry = catalog.base_model(model.name or "")
    except (UnknownNameError, BrokenEntryError):
        return None
    return _listed(model, name, entry) if entry.type == model.type else None


def _continued(model: Model, catalog: Catalog) -> ModelChoice:
    """Weights of an earlier run alone say which model it is."""
    source = model.from_checkpoint
    name = (source.uri or source.job if source else None) or (model.type or LANGUAGE_MODEL)
    return _unlisted(model, name[:LONGEST_NAME], None, catalog)


def _repository(model: Model, name: str, catalog: Catalog) -> ModelChoice:
    """A repository of the Hub that the catalog does not have; one that is nearly called like an entry may be a slip."""
    choice = _unlisted(model, name, f"hf://{name}", catalog)
    hint = catalog.near_base_model(name)
    warning = f"{PARAM}: {name} is not in the catalog and is taken for a repository of the Hugging Face Hub{hint}"
    return replace(choice, warnings=(*choice.warnings, warning)) if hint else choice


def _listed(model: Model, name: str, entry: BaseModelSpec) -> ModelChoice:
    source = entry.source
    if source is not None:
        _check_place(name, source.uri)
    closed = source is not None and source.gated and model.secret_ref is None
    warning = f"spec.model.secretRef: {name} is gated: the Hub asks for a token of somebody who accepted its terms"
    resolved = ResolvedModel(
        name=name,
        listed=True,
        type=entry.type,
        family=entry.family,
        uri=source.uri if source else None,
        revision=model.revision or (source.revision if source else None),
        parameters=entry.parameters,
        active_parameters=entry.active_parameters,
        max_sequence_length=entry.max_sequence_length,
        architecture=entry.architecture,
        memory=_figures(entry.memory),
        limits=entry.limits,
    )
    return ModelChoice(resolved, entry, (warning,) if closed else ())


def _unlisted(model: Model, name: str, uri: str | None, catalog: Catalog) -> ModelChoice:
    """A model that the catalog does not have. Robot policies of one type are alike in slots, memory and defaults."""
    kind = model.type or LANGUAGE_MODEL
    found = None if kind == LANGUAGE_MODEL else catalog.base_model_of_type(kind)
    entry = found[1] if found else None
    resolved = ResolvedModel(
        name=name,
        listed=False,
        type=kind,
        family=entry.family if entry else FAMILIES[kind],
        uri=uri,
        revision=model.revision,
        parameters=entry.parameters if entry else None,
        memory=_figures(entry.memory) if entry else None,
    )
    return ModelChoice(resolved, entry)


def _figures(memory: MeasuredMemory | None) -> MeasuredMemory | None:
    """What a job must remember of them: where they are from would only fill its status."""
    return memory.model_copy(update={"source": None}) if memory else None


def _check_place(name: str, uri: str) -> None:
    try:
        uris.parse(uri)
    except ValueError as error:
        raise BrokenEntryError(f"BaseModel {name!r} is unusable: source.uri: {error}") from error


def _contradiction(spec: FineTuneJobSpec, choice: ModelChoice) -> Rejection | None:
    entry, name = choice.entry, choice.model.name
    wanted = spec.model.type or LANGUAGE_MODEL
    if choice.model.type != wanted:
        return invalid("spec.model.type", f"{wanted} was given, and BaseModel {name!r} is of type {choice.model.type}")
    if entry and choice.model.listed and entry.job_types and spec.job_type not in entry.job_types:
        allowed = ", ".join(entry.job_types)
        return invalid("spec.jobType", f"{spec.job_type} is not offered for BaseModel {name!r}; allowed: {allowed}")
    return None
