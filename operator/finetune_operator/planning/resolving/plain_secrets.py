"""Secrets in plain text in maps of free form: the API server refuses them elsewhere, and cannot look in there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.finetunejob.secret_names import URL_WITH_PASSWORD, looks_secret
from finetune_operator.api.model import Json
from finetune_operator.planning.rejection import Rejection, invalid

REMEDY = (
    "which does not stand in a resource: take it away and rotate it; model, datasets, output and integrations name a Secret "
    "in their secretRef, the trainer gets another one by podTemplate.env with valueFrom.secretKeyRef"
)


def plain_secret(spec: FineTuneJobSpec) -> Rejection | None:
    """The first setting that looks like a secret, by its name or as an address with a password. Its value is not repeated."""
    return next((invalid(param, f"looks like a secret, {REMEDY}") for param in _secrets(spec)), None)


def _secrets(spec: FineTuneJobSpec) -> Iterator[str]:
    if spec.hyperparameters:
        yield from _in(spec.hyperparameters.extra or {}, "spec.hyperparameters.extra")
    if spec.reward:
        yield from _in(spec.reward.hyperparameters or {}, "spec.reward.hyperparameters")


def _in(settings: Json, path: str) -> Iterator[str]:
    """The paths of secrets, however deep. A number or a switch is none."""
    for key, value in settings.items():
        yield from _at(key, value, f"{path}.{key}")


def _at(key: str, value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _in(value, path)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _at(key, item, f"{path}[{number}]")
    elif isinstance(value, str) and value and (looks_secret(key) or re.search(URL_WITH_PASSWORD, value)):
        yield path
