"""Hypothesis strategies for whatever our models accept, read from the models themselves: nothing else is assumed."""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from finetune_operator.api.model import ApiModel, Quantity

Strategy = st.SearchStrategy[Any]
Given = Mapping[tuple[str, str], Strategy]
"""Strategies for fields where chance would never hit a name of the catalog: (model, field)."""

MOST_ITEMS: Final = 3
QUANTITIES: Final = st.sampled_from(["1", "500m", "4Gi", "23034Mi", "80Gi", "1T"])
JSON: Final = st.one_of(st.booleans(), st.integers(-5, 5), st.text(max_size=3))


def anything(model: type[ApiModel], given: Given | None = None) -> Strategy:
    """Instances of a model, valid for the model alone: rules that the API server enforces are not looked at."""
    wanted = given or {}
    fields = {
        name: wanted[key] if (key := (model.__name__, name)) in wanted else _field(info, wanted)
        for name, info in model.model_fields.items()
    }
    required = {name: fields[name] for name, info in model.model_fields.items() if info.is_required()}
    optional = {name: strategy for name, strategy in fields.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: model(**values))


def _field(info: FieldInfo, given: Given) -> Strategy:
    return _values(info.annotation, tuple(info.metadata), given)


def _values(kind: Any, limits: tuple[object, ...], given: Given) -> Strategy:  # noqa: PLR0911 - one line for each kind
    origin = get_origin(kind)
    if kind == Quantity or any(getattr(limit, "func", None) is _func_of_quantity() for limit in limits):
        return QUANTITIES
    if origin is Annotated:
        inner, *metadata = get_args(kind)
        found = [m for each in metadata for m in (each.metadata if isinstance(each, FieldInfo) else (each,))]
        return _values(inner, (*limits, *found), given)
    if origin in {Union, types.UnionType}:
        return st.one_of(*(_values(each, limits, given) for each in get_args(kind)))
    if origin is Literal:
        return st.sampled_from(get_args(kind))
    if origin is tuple:
        least, most = _sizes(limits)
        return st.lists(_values(get_args(kind)[0], (), given), min_size=least, max_size=most).map(tuple)
    if origin is dict:
        least, most = _sizes(limits)
        key, value = (_values(each, (), given) for each in get_args(kind))
        return st.dictionaries(key, value, min_size=least, max_size=most)
    if isinstance(kind, type) and issubclass(kind, ApiModel):
        return st.deferred(lambda: _model(kind, tuple(given.items())))
    return _plain(kind, limits)


@cache
def _model(kind: type[ApiModel], given: tuple[tuple[tuple[str, str], Strategy], ...]) -> Strategy:
    return anything(kind, dict(given))


def _plain(kind: Any, limits: tuple[object, ...]) -> Strategy:
    if kind is type(None):
        return st.none()
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(_least(limits, 0), _most(limits, 2**40))
    if kind is float:
        above = any(isinstance(limit, Gt) for limit in limits)
        below = any(isinstance(limit, Lt) for limit in limits)
        least, most = float(_least(limits, 0)), float(_most(limits, 1e9))
        return st.floats(least, most, exclude_min=above, exclude_max=below, allow_subnormal=False)
    if kind is str:
        return _text(limits)
    return JSON


def _text(limits: tuple[object, ...]) -> Strategy:
    least, _ = _sizes(limits)
    pattern = next((found for limit in limits if (found := getattr(limit, "pattern", None))), None)
    if pattern is None:
        return st.text(st.characters(codec="ascii"), min_size=least, max_size=max(least, 12))
    longest = min([limit.max_length for limit in limits if isinstance(limit, MaxLen)], default=64)
    return st.from_regex(pattern).filter(lambda text: len(text) <= longest and "\n" not in text)


def _sizes(limits: tuple[object, ...]) -> tuple[int, int]:
    """The fewest and the most items that are drawn."""
    least = max([limit.min_length for limit in limits if isinstance(limit, MinLen)], default=0)
    most = min([limit.max_length for limit in limits if isinstance(limit, MaxLen)], default=MOST_ITEMS)
    return least, max(least, min(most, MOST_ITEMS))


def _least(limits: tuple[object, ...], default: float) -> Any:
    found: list[Any] = [
        limit.ge if isinstance(limit, Ge) else limit.gt for limit in limits if isinstance(limit, Ge | Gt)
    ]
    return max(found, default=default)


def _most(limits: tuple[object, ...], default: float) -> Any:
    found: list[Any] = [
        limit.le if isinstance(limit, Le) else limit.lt for limit in limits if isinstance(limit, Le | Lt)
    ]
    return min(found, default=default)


@cache
def _func_of_quantity() -> object:
    """What tells a quantity from other text, once pydantic has taken its annotation apart."""
    return next(found for each in get_args(Quantity)[1:] if (found := getattr(each, "func", None)))
