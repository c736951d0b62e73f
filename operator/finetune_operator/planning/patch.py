"""The merge patch that turns one JSON object into another."""

from __future__ import annotations

from finetune_operator.api.model import Json


def merge_patch(old: Json, new: Json) -> Json:
    """The smallest RFC 7386 patch from old to new: absent keys become null, lists are replaced whole. Empty when equal."""
    patch: Json = dict.fromkeys(old.keys() - new.keys())
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := merge_patch(before, value):
                patch[key] = inner
        elif value != before:
            patch[key] = value
    return patch
