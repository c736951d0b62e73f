"""Which model a job means, which trainer runs it, and what the catalog knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.basemodel import BaseModelSpec, Family
from finetune_operator.api.conditions import Reason
from finetune_operator.api.finetunejob import FineTuneJobSpec, Model
from finetune_operator.api.finetunejob.words import LANGUAGE_MODEL, SELF_NAMED_TYPES
from finetune_operator.api.status import ResolvedModel
from finetune_operator.catalog.catalog import BrokenEntryError, Catalog, UnknownNameError
from finetune_operator.planning.rejection import Rejection, invalid

FAMILIES: Final[Mapping[str, Family]] = {
    LANGUAGE_MODEL: "trl",
    **dict.fromkeys(("act", "smolvla", "pi0", "pi05", "sarm", "wall_oss", "xvla"), "lerobot"),
    "gr00t_n1_5": "groot-n15",
    "gr00t_n1_6": "groot-n16",
}
"""Which trainer runs a type that the catalog says nothing of."""


@dataclass(frozen=True)
class ModelChoice:
    """The model, with the catalog's entry where there is one."""

    model: ResolvedModel
    entry: BaseModelSpec | None = None
    warnings: tuple[str, ...] = ()


def choose_model(spec: FineTuneJobSpec, catalog: Catalog) -> ModelChoice | Rejection:
    """The model that the spec means, or why there is none."""
    try:
        choice = _choice(spec.model, catalog)
    except UnknownNameError as error:
        return Rejection(Reason.UNKNOWN_MODEL, f"spec.model.name: {error}", "spec.model.name", may_mend=True)
    except BrokenEntryError as error:
        return Rejection(Reason.UNKNOWN_MODEL, f"spec.model.name: {error}", "spec.model.name", may_mend=True)
    return _contradiction(spec, choice) or choice


def _choice(model: Model, catalog: Catalog) -> ModelChoice:
    if model.type in SELF_NAMED_TYPES:
        return _self_named(model, catalog)
    if model.name is None:
        return _unlisted(model, "", None)
    if "://" in model.name:
        return _unlisted(model, model.name, model.name)
    try:
        name, entry = catalog.base_model(model.name)
    except UnknownNameError:
        if not uris.is_repository(model.name):
            raise
        return _unlisted(model, model.name, f"hf://{model.name}")
    return _listed(model, name, entry)


def _self_named(model: Model, catalog: Catalog) -> ModelChoice:
    """Types that imply their model; a name beside one is superfluous and does no harm."""
    found = catalog.base_model_of_type(str(model.type))
    warnings = (
        ()
        if model.name is None
        else (f"spec.model.name: {model.name} is not used: {model.type} implies its own model",)
    )
    choice = _listed(model, *found) if found else _unlisted(model, str(model.type), None)
    return ModelChoice(choice.model, choice.entry, (*choice.warnings, *warnings))


def _listed(model: Model, name: str, entry: BaseModelSpec) -> ModelChoice:
    source = entry.source
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
    )
    return ModelChoice(resolved, entry, (warning,) if closed else ())


def _unlisted(model: Model, name: str, uri: str | None) -> ModelChoice:
    kind = model.type or LANGUAGE_MODEL
    resolved = ResolvedModel(
        name=name, listed=False, type=kind, family=FAMILIES[kind], uri=uri, revision=model.revision
    )
    return ModelChoice(resolved)


def _contradiction(spec: FineTuneJobSpec, choice: ModelChoice) -> Rejection | None:
    entry, name = choice.entry, choice.model.name
    wanted = spec.model.type or LANGUAGE_MODEL
    if choice.model.type != wanted:
        return invalid("spec.model.type", f"{wanted} was given, and BaseModel {name!r} is of type {choice.model.type}")
    if entry and entry.job_types and spec.job_type not in entry.job_types:
        allowed = ", ".join(entry.job_types)
        return invalid("spec.jobType", f"{spec.job_type} is not offered for BaseModel {name!r}; allowed: {allowed}")
    return None
