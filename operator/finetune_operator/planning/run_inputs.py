"""The run document's part on what is tuned and on what: model, datasets, cameras, reward."""

from __future__ import annotations

from finetune_operator.api.finetunejob import CheckpointSource, Dataset, FineTuneJobSpec
from finetune_operator.api.finetunejob.words import LANGUAGE_MODEL, SELF_NAMED_TYPES
from finetune_operator.api.model import Json
from finetune_operator.api.resolved import Resolved, ResolvedDataset
from finetune_operator.planning.places import mounted_path, reward_place, used_reward


def input_sections(spec: FineTuneJobSpec, resolved: Resolved) -> Json:
    """``model`` and ``datasets``, and what robots have besides."""
    sections: Json = {
        "model": _model(spec, resolved),
        "datasets": [_dataset(dataset, spec) for dataset in resolved.datasets],
    }
    if resolved.cameras:
        sections["cameras"] = [camera.wire() for camera in resolved.cameras]
    if reward := _reward(spec):
        sections["reward"] = reward
    return sections


def _model(spec: FineTuneJobSpec, resolved: Resolved) -> Json:
    """Name and place, the name as the job gave it."""
    given, model = spec.model, resolved.model
    document: Json = {"name": _model_name(spec, resolved)}
    if model and model.type != LANGUAGE_MODEL:
        document["type"] = model.type
    if model and model.uri:
        document |= _place(model.uri, model.revision)
    if given.trust_remote_code:
        document["trustRemoteCode"] = True
    if given.chat_template is not None:
        document["chatTemplate"] = given.chat_template
    if given.from_checkpoint:
        document["fromCheckpoint"] = _checkpoint(given.from_checkpoint, resolved.checkpoint_uri)
    return document


def _model_name(spec: FineTuneJobSpec, resolved: Resolved) -> str:
    """A name beside a type that implies its own model is superfluous; weights to go on from may be all that is named."""
    implied = spec.model.type in SELF_NAMED_TYPES
    checkpoint = spec.model.from_checkpoint
    names = (
        None if implied else spec.model.name,
        resolved.model.name if resolved.model else None,
        _checkpoint_name(checkpoint) if checkpoint else None,
    )
    return next((name for name in names if name), "")


def _checkpoint(source: CheckpointSource, uri: str | None) -> Json:
    document: Json = {"name": _checkpoint_name(source)}
    if uri:
        document |= {"uri": uri} | _place(uri, source.revision)
    return document | ({"step": source.step} if source.step else {})


def _checkpoint_name(source: CheckpointSource) -> str:
    return source.job or source.uri or ""


def _dataset(dataset: ResolvedDataset, spec: FineTuneJobSpec) -> Json:
    """As resolved, with what the job alone says of it."""
    document: Json = {"name": dataset.name, "split": dataset.split, "uri": dataset.uri}
    document |= _place(dataset.uri, dataset.revision)
    given = _given(dataset, spec)
    if files := (given and given.files) or dataset.files:
        document["files"] = list(files)
    if dataset.format != "auto":
        document["format"] = dataset.format
    if given and given.weight is not None:
        document["weight"] = given.weight
    if given and given.episodes:
        document["episodes"] = given.episodes
    return document


def _given(dataset: ResolvedDataset, spec: FineTuneJobSpec) -> Dataset | None:
    return next((d for d in spec.datasets if (d.name, d.split) == (dataset.name, dataset.split)), None)


def _reward(spec: FineTuneJobSpec) -> Json:
    reward = used_reward(spec)
    if reward is None:
        return {}
    document = reward.wire()
    for kind, given in (("model", reward.model_uri), ("progress", reward.progress_uri)):
        uri = reward_place(given)
        if uri:
            document[f"{kind}Uri"] = uri
            document |= {f"{kind}Path": path} if (path := mounted_path(uri)) else {}
    return document


def _place(uri: str, revision: str | None) -> Json:
    """Where it is mounted, else where it is fetched from."""
    if path := mounted_path(uri):
        return {"path": path}
    return {"uri": uri} | ({"revision": revision} if revision else {})
