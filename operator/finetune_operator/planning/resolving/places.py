"""Places that a spec names, as far as they can be refused without looking there."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_operator.api import uris
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.planning.rejection import Rejection, invalid


def unreadable_place(spec: FineTuneJobSpec) -> Rejection | None:
    """What the schema's pattern lets through and the parser refuses, such as a path that leaves its claim."""
    return next(_unreadable(spec), None)


def _unreadable(spec: FineTuneJobSpec) -> Iterator[Rejection]:
    for param, uri in _places(spec):
        try:
            place = uris.parse(uri)
        except ValueError as error:
            yield invalid(param, str(error))
            continue
        if isinstance(place, uris.LocalFile):
            message = f"a pod does not see the files of your machine: copy {uri} to a claim, pvc://CLAIM/PATH"
            yield invalid(param, message)
    for index, dataset in enumerate(spec.datasets):
        if dataset.uri is None and dataset.dataset_ref is None:
            yield invalid(f"spec.datasets[{index}]", f"{dataset.name} needs datasetRef or uri")


def _places(spec: FineTuneJobSpec) -> Iterator[tuple[str, str]]:
    """Every URI of a spec with its field. A name without a scheme is another thing."""
    given = {"spec.model.name": spec.model.name}
    if spec.model.from_checkpoint:
        given["spec.model.fromCheckpoint.uri"] = spec.model.from_checkpoint.uri
    if spec.reward:
        given |= {"spec.reward.modelUri": spec.reward.model_uri, "spec.reward.progressUri": spec.reward.progress_uri}
    yield from ((param, uri) for param, uri in given.items() if uri and "://" in uri)
    yield from ((f"spec.datasets[{i}].uri", each.uri) for i, each in enumerate(spec.datasets) if each.uri is not None)
    if spec.output and spec.output.uri is not None:
        yield "spec.output.uri", spec.output.uri
