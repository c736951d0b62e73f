"""What every API model shares: frozen values, camelCase on the wire, docstrings that become ``kubectl explain``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Json = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """One validation rule that the API server itself enforces (CEL, ``x-kubernetes-validations``).

    ``expression`` is true for what is allowed. ``message`` is fixed text; ``message_expression`` is CEL that names
    the value that was given and falls back to ``message``.
    """

    expression: str
    message: str
    message_expression: str | None = None
    field_path: str | None = None

    def schema(self) -> Json:
        """The rule as the CRD schema spells it."""
        optional = {"messageExpression": self.message_expression, "fieldPath": self.field_path}
        return {
            "rule": self.expression,
            "message": self.message,
            **{key: value for key, value in optional.items() if value},
        }


class ApiModel(BaseModel):
    """A part of a custom resource.

    Unknown fields are ignored on reading: the API server prunes what the schema does not know, and a newer schema
    must not break an older operator.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    """Enforced by the API server on every write of this object."""

    def wire(self) -> Json:
        """As the API server stores it: camelCase, nothing that is absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _checked(quantity: str) -> str:
    if not re.match(QUANTITY, quantity):
        raise ValueError(
            f"{quantity!r} is no quantity above zero: give a number with or without a suffix: 500m, 2, 80Gi"
        )
    return quantity


QUANTITY = r"^0*([1-9][0-9]*(\.[0-9]+)?|0\.0*[1-9][0-9]*)(m|k|Ki|[MGTPE]i?)?$"
Quantity = Annotated[
    str,
    BeforeValidator(_as_text),
    AfterValidator(_checked),
    Field(
        max_length=32,
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "minimum": 1,
            "pattern": QUANTITY,
        },
    ),
]
"""A Kubernetes quantity above zero, kept as it was written: ``500m``, ``16Gi``, ``2``."""

Text = Annotated[str, Field(max_length=1024)]
Name = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]

LARGEST_COUNT: Final = 2**53
"""Above it JSON readers disagree about integers."""
Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]

Amount = Annotated[float, Field(ge=0, le=1e15)]

LARGEST_MEASURE: Final = 1e9
"""Thirty years of seconds: more is nonsense, must not reach the status, and leads to dates that do not exist."""
Measure = Annotated[float, Field(ge=0, le=LARGEST_MEASURE, allow_inf_nan=False)]
"""Seconds or epochs as a trainer tells them, in a report as in its verdict."""
