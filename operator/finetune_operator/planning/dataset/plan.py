"""What an inspection needs before it can start: an image that reads the data, and a model whose tokenizer counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.conditions import Reason
from finetune_operator.api.dataset import DatasetSpec
from finetune_operator.api.finetunejob.words import LANGUAGE_MODEL
from finetune_operator.catalog.catalog import BrokenEntryError, Catalog, UnknownNameError
from finetune_operator.planning.kstatus import Word

LANGUAGE_FAMILY: Final = "trl"
ROBOT_FAMILY: Final = "lerobot"


@dataclass(frozen=True)
class InspectionModel:
    """Whose tokenizer counts: the entry's name, and where the model lies."""

    name: str
    uri: str
    revision: str | None = None


@dataclass(frozen=True)
class InspectionPlan:
    """The image that looks at the data, and the model if one was named that has a tokenizer."""

    image: str
    model: InspectionModel | None = None


def plan_inspection(spec: DatasetSpec, catalog: Catalog, images: Mapping[str, str]) -> InspectionPlan | Word:
    """The plan, or what stands in its way: Stalled for good, Reconciling for as long as it takes."""
    try:
        uris.parse(spec.uri)
    except ValueError as error:
        return Word("Stalled", Reason.INVALID_SPEC, f"spec.uri: {error}")
    family = ROBOT_FAMILY if spec.format == "lerobot" else LANGUAGE_FAMILY
    model: InspectionModel | None = None
    if spec.model is not None:
        try:
            name, entry = catalog.base_model(spec.model)
        except (UnknownNameError, BrokenEntryError) as error:
            return Word("Reconciling", Reason.UNKNOWN_MODEL, f"spec.model: {error}")
        robot = entry.type != LANGUAGE_MODEL
        family = ROBOT_FAMILY if robot else family
        # Episodes have no tokens: a policy would be fetched for nothing.
        source = None if robot or spec.format == "lerobot" else entry.source
        model = InspectionModel(name, source.uri, source.revision) if source else None
    image = images.get(family)
    if image is None:
        message = (
            f"data of this kind is read by the image family {family}, which this operator has no image of: an "
            f"administrator sets settings.images.{family}"
        )
        return Word("Reconciling", Reason.NO_TRAINER_IMAGE, message)
    return InspectionPlan(image, model)
