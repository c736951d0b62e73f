"""The environment variables that hold credentials: each names a key of a Secret, never a value.

Names are those of the trainer contract: a purpose, and a suffix that says what the value is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.finetunejob import Integration
from finetune_operator.api.model import Json
from finetune_operator.api.references import SecretKeyRef, SecretRef
from finetune_operator.planning.places import reward_place, used_reward
from finetune_operator.planning.run_config import Run


@dataclass(frozen=True)
class Usual:
    """One usual key of a Secret. The pod starts without an ``optional`` one."""

    suffix: str
    key: str
    optional: bool = False


HUB: Final = "HF_ENDPOINT"
"""The variable by which the Hub's own client finds a mirror of it."""
WEB: Final = (
    Usual("TOKEN", "token", optional=True),
    Usual("USERNAME", "username", optional=True),
    Usual("PASSWORD", "password", optional=True),
)
"""A token, or a name and a password: which of them a Secret has is not known before the pod starts."""
S3: Final = (
    Usual("ACCESS_KEY_ID", "accessKeyId"),
    Usual("SECRET_ACCESS_KEY", "secretAccessKey"),
    Usual("SESSION_TOKEN", "sessionToken", optional=True),
    Usual("ENDPOINT", "endpoint", optional=True),
    Usual("REGION", "region", optional=True),
)
USUAL: Final[Mapping[str, tuple[Usual, ...]]] = {
    "hf": (Usual("TOKEN", "token"),),
    "https": WEB,
    "s3": S3,
    "gs": (Usual("CREDENTIALS", "credentials"),),
}
"""The keys of a Secret by the scheme of the place that it opens. What is mounted needs none."""
SINGLE: Final[Mapping[str, str]] = {"hf": "TOKEN", "https": "TOKEN", "gs": "CREDENTIALS"}
"""Places that one value opens, so that ``secretRef.key`` may say under which key it is. An object store of s3 wants two."""


def secret_variables(run: Run) -> tuple[Json, ...]:
    """The variables that a stage needs.

    Prepare reads model and data and looks whether it may write the output. Only training reports to trackers, but prepare
    has their keys too: a Secret that is not there, or no key in it, is found before a GPU is held.
    """
    found = [*_model(run), *_datasets(run), *_output(run), *_hub(run)]
    if run.stage != "publish":
        found += [variable for each in run.job.spec.integrations or () for variable in _tracker(each)]
    return tuple({variable["name"]: variable for variable in found}.values())


def _model(run: Run) -> Iterator[Json]:
    """The weights to go on from, and what a reward model needs, are opened by the model's Secret too.

    Its keys for the place of the model itself must be there; those for further places only where they are needed.
    """
    model, reward, secret = run.resolved.model, used_reward(run.job.spec), run.job.spec.model.secret_ref
    first = (model.uri if model else None, run.resolved.checkpoint_uri)
    opened = {scheme_of(uri) for uri in first} & USUAL.keys()
    for uri in first:
        yield from place_variables("MODEL", uri, secret)
    rewards = (reward_place(reward.model_uri), reward_place(reward.progress_uri)) if reward else ()
    for uri in rewards:
        if scheme_of(uri) not in opened:
            yield from place_variables("MODEL", uri, secret, needed=not opened)


def _datasets(run: Run) -> Iterator[Json]:
    for index, dataset in enumerate(run.resolved.datasets):
        yield from place_variables(f"DATASET_{index}", dataset.uri, dataset.secret_ref)


def _hub(run: Run) -> Iterator[Json]:
    """One process speaks to one Hub: the first Secret for it says which, unless the job's own environment does."""
    spec, resolved, reward = run.job.spec, run.resolved, used_reward(run.job.spec)
    template = spec.pod_template
    if template and any(variable.name == HUB for variable in template.env or ()):
        return
    places = [
        (resolved.model.uri if resolved.model else None, spec.model.secret_ref),
        (resolved.checkpoint_uri, spec.model.secret_ref),
        *((dataset.uri, dataset.secret_ref) for dataset in resolved.datasets),
        *(((spec.output.uri, spec.output.secret_ref),) if spec.output else ()),
    ]
    rewards = (reward_place(reward.model_uri), reward_place(reward.progress_uri)) if reward else ()
    places += [(uri, spec.model.secret_ref) for uri in rewards]
    yield from next(filter(None, (hub_variables(uri, secret) for uri, secret in places)), ())


def hub_variables(uri: str | None, secret: SecretRef | None) -> tuple[Json, ...]:
    """Which Hub a Secret is for: none said, the public one."""
    return (_variable(HUB, secret.name, "endpoint", optional=True),) if secret and scheme_of(uri) == "hf" else ()


def _output(run: Run) -> Iterable[Json]:
    output = run.job.spec.output
    return place_variables("OUTPUT", output.uri, output.secret_ref) if output else ()


def place_variables(purpose: str, uri: str | None, secret: SecretRef | None, *, needed: bool = True) -> Iterator[Json]:
    """All that opens one place. Not ``needed``: the pod starts without any of it."""
    scheme = scheme_of(uri)
    if secret is None or scheme not in USUAL:
        return
    single = Usual(SINGLE[scheme], secret.key) if secret.key and scheme in SINGLE else None
    for each in (single,) if single else USUAL[scheme]:
        optional = each.optional or not needed
        yield _variable(f"FINETUNE_SECRET_{purpose}_{each.suffix}", secret.name, each.key, optional=optional)


def scheme_of(uri: str | None) -> str:
    """What a URI begins with: hf, s3, gs, https; empty where there is none."""
    return (uri or "").partition("://")[0]


def _tracker(given: Integration) -> Iterator[Json]:
    if given.wandb:
        key: SecretKeyRef = given.wandb.api_key_secret_ref
        yield _variable("WANDB_API_KEY", key.name, key.key)
    secret = given.mlflow.secret_ref if given.mlflow else None
    if secret and secret.key is not None:
        yield _variable("MLFLOW_TRACKING_TOKEN", secret.name, secret.key)
    elif secret:
        for each in WEB:
            yield _variable(f"MLFLOW_TRACKING_{each.suffix}", secret.name, each.key, optional=True)


def _variable(name: str, secret: str, key: str, *, optional: bool = False) -> Json:
    reference: Json = {"name": secret, "key": key} | ({"optional": True} if optional else {})
    return {"name": name, "valueFrom": {"secretKeyRef": reference}}
