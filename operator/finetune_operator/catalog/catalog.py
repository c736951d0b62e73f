"""What administrators offer: InstanceTypes and BaseModels, read once and looked up by name or alias."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pydantic import ValidationError

from finetune_operator.api.basemodel import BaseModelSpec
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import ApiModel, Json
from finetune_operator.catalog.lookup import UnknownNameError, did_you_mean, find
from finetune_operator.catalog.model_soundness import contradictions_of_base_model
from finetune_operator.catalog.soundness import contradictions_of_instance_type

Spec = TypeVar("Spec", bound=ApiModel)
ALMOST_THE_SAME: Final = 0.85
"""Likeness of a repository of the Hub to an entry whose name may have been meant."""


@dataclass(frozen=True)
class Broken:
    """An entry that cannot be read or contradicts itself, and why; it concerns only those who ask for it."""

    why: str
    readable: bool = False


class BrokenEntryError(LookupError):
    """The entry that was asked for is broken. The text says which field and why."""


@dataclass(frozen=True)
class Catalog:
    """All entries by name. ``aliases`` maps each further name of a base model to its entry; the first entry by name wins."""

    instance_types: Mapping[str, InstanceTypeSpec | Broken] = field(default_factory=dict)
    base_models: Mapping[str, BaseModelSpec | Broken] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def instance_type(self, name: str) -> InstanceTypeSpec:
        """The entry of that name. Raises UnknownNameError with a did-you-mean, or BrokenEntryError."""
        return _sound("InstanceType", name, find("InstanceType", name, self.instance_types))

    def base_model(self, name: str) -> tuple[str, BaseModelSpec]:
        """The entry of that name or alias, with its own name. Raises UnknownNameError or BrokenEntryError."""
        own = name if name in self.base_models else self.aliases.get(name, name)
        return own, _sound("BaseModel", own, find("BaseModel", own, self.base_models, self.aliases))

    def usable_instance_types(self) -> Iterator[tuple[str, InstanceTypeSpec]]:
        """Those that are not broken, by name."""
        for name in sorted(self.instance_types):
            entry = self.instance_types[name]
            if not isinstance(entry, Broken):
                yield name, entry

    def near_base_model(self, name: str) -> str:
        """``; did you mean 'x'?`` where a name or an alias is all but the same, nothing otherwise."""
        return did_you_mean(name, (*self.base_models, *self.aliases), ALMOST_THE_SAME)

    def base_model_of_type(self, model_type: str) -> tuple[str, BaseModelSpec] | None:
        """The entry of a model type that bears its name or has it as an alias, else the first by name.

        For types that imply their model: an entry that somebody adds to the shipped ones takes nothing over.
        """
        own = (model_type, model_type.replace("_", "-"))
        named = [*own, *(self.aliases[name] for name in own if name in self.aliases)]
        for name in (*(name for name in named if name in self.base_models), *sorted(self.base_models)):
            entry = self.base_models[name]
            if not isinstance(entry, Broken) and entry.type == model_type:
                return name, entry
        return None


def read_catalog(instance_types: Mapping[str, Json], base_models: Mapping[str, Json]) -> Catalog:
    """The catalog out of the specs as the API server stores them, by name."""
    types = {name: _read(InstanceTypeSpec, spec) for name, spec in instance_types.items()}
    models = {name: _read(BaseModelSpec, spec) for name, spec in base_models.items()}
    legible = {name: entry for name, entry in models.items() if not isinstance(entry, Broken)}
    sound_types = {
        name: entry if isinstance(entry, Broken) else _judged(entry, contradictions_of_instance_type(entry))
        for name, entry in types.items()
    }
    sound_models = {
        name: entry
        if isinstance(entry, Broken)
        else _judged(entry, contradictions_of_base_model(name, entry, _without(name, legible)))
        for name, entry in models.items()
    }
    return Catalog(sound_types, sound_models, _aliases(sound_models))


def _judged(entry: Spec, contradictions: Iterator[str]) -> Spec | Broken:
    said = list(contradictions)
    return Broken("; ".join(said), readable=True) if said else entry


def _without(name: str, models: Mapping[str, BaseModelSpec]) -> dict[str, BaseModelSpec]:
    return {other: entry for other, entry in models.items() if other != name}


def _read(model: type[Spec], spec: Json) -> Spec | Broken:
    try:
        return model.model_validate(spec)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        return Broken(f"{where}: {fault['msg']}")


def _aliases(models: Mapping[str, BaseModelSpec | Broken]) -> dict[str, str]:
    aliases: dict[str, str] = {}
    for name in sorted(models):
        entry = models[name]
        for alias in () if isinstance(entry, Broken) else entry.aliases or ():
            aliases.setdefault(alias, name)
    return aliases


def _sound(kind: str, name: str, entry: Spec | Broken) -> Spec:
    if isinstance(entry, Broken):
        raise BrokenEntryError(f"{kind} {name!r} is unusable: {entry.why}")
    return entry


NO_CATALOG: Final = Catalog()

__all__ = ["NO_CATALOG", "Broken", "BrokenEntryError", "Catalog", "UnknownNameError", "read_catalog"]
