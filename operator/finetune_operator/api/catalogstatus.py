"""The status of catalog entries (InstanceType, BaseModel): whether jobs can use them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from finetune_operator.api.condition import Condition
from finetune_operator.api.model import ApiModel


class CatalogStatus(ApiModel):
    """Whether jobs can use this entry."""

    observed_generation: int | None = None
    """The generation of the spec that this status is about; -1 before the operator has seen the entry."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=4)] = Field(
        default=(), json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    )
    """Ready, or not, with the contradiction that an administrator must mend."""
