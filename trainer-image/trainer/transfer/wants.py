"""What a run needs from elsewhere: models, weights, datasets, and of each only the files that are of use."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import posixpath
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Literal

from trainer.failures import UserError, did_you_mean
from trainer.transfer.places import Place, is_elsewhere, masked, parse_place
from trainer.transfer.result_record import CLAIM, RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.contract.run import Run
    from trainer.contract.sources import Dataset
    from trainer.transfer.listing import Listing, RemoteFile

Kind = Literal["model", "tokenizer", "dataset", "file"]

NEVER: Final = (".gitattributes", ".gitignore", ".git/*", CLAIM, RECORD)
OTHER_WEIGHTS: Final = (
    *("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.onnx", "*.onnx_data", "*.gguf", "*.ot", "*.tflite"),
    *("original/*", "onnx/*", "openvino/*", "*.mlmodel", "flax_model*", "tf_model*", "optimizer.*", "training_args.*"),
)
"""Files of a model repository that hold the weights a second time, in formats that are not read here."""
PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt")
TOKENIZER_FILES: Final = ("*.json", "*.jinja", "*.model", "*.txt")
LINES: Final = ("auto", "chat", "instruction", "preference", "tokenized")
"""Formats of datasets that are read from .jsonl files at the top of their folder."""
LINES_SUFFIX: Final = ".jsonl"
RECORDING: Final = "meta/info.json"
"""The file by which a dataset of robots is known."""
MOST_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class Want:
    """Something to fetch. `param` is the field that names it, `purpose` whose credentials open it.

    `files` are names that must be there; `patterns` say which of the others are of use, all when empty.
    """

    place: Place
    revision: str
    purpose: str
    param: str
    kind: Kind
    files: tuple[str, ...] = ()
    files_param: str = ""
    patterns: tuple[str, ...] = ()
    recording: Literal["", "maybe", "sure"] = ""
    """Whether it is a dataset of robots, which has no patterns."""
    sha256: str = ""
    """What the digest of each file begins with, where that is known beforehand."""
    sample_of: Dataset | None = None
    """The dataset of which, if it is one of robots, only what an inspection looks at is wanted."""

    @property
    def absent_code(self) -> str:
        """The verdict's code when there is no such thing."""
        return "DatasetNotFound" if self.kind == "dataset" else "ModelNotFound"

    @property
    def key(self) -> str:
        """What tells this want from others of the same job."""
        asked = [self.place.shown, self.place.query, self.revision, self.kind, *self.files, "", *self.patterns]
        # A sample is another thing than the whole: a job that wants that must not go by it.
        asked += ["", "sample"] if self.sample_of else []
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]


def wants_of(run: Run) -> Iterator[tuple[str, Want]]:
    """Each want with its slot: `model`, `checkpoint`, `reward model`, `reward progress` or `dataset <index>`."""
    if run.stage == "publish" and not run.merges:
        return
    yield from _of_model(run)
    # What is finished is not trained; but a policy is described by its recordings.
    if run.stage == "publish" or (run.finish and run.model.type == "causal_lm"):
        return
    if not run.finish:
        yield from _of_reward(run)
    for index, dataset in enumerate(run.datasets):
        if dataset.path is None and dataset.uri:
            yield f"dataset {index}", _of_dataset(run, dataset, index)


def needed(want: Want, listing: Listing) -> tuple[RemoteFile, ...]:
    """The files to fetch; UserError when what is asked for is not there, or is of no use."""
    files = [file for file in listing.files if not _like(file.name, NEVER)]
    names = [file.name for file in files]
    if {CLAIM, RECORD} & {file.name for file in listing.files} == {CLAIM}:
        problem = f"{want.place.shown} is not whole: an upload to it goes on, or was cut off"
        raise UserError(
            want.absent_code, problem, param=want.param, advice="Wait until the job that uploads has ended."
        )
    if want.recording == "sure" and not listing.single and RECORDING not in names:
        raise _no_recording(want, names)
    if listing.single or want.place.scheme == "https":
        return tuple(files)
    if want.files:
        return tuple(_named(want, files, index) for index in range(len(want.files)))
    if want.kind == "model":
        return tuple(_of_use(want, files))
    whole = not want.patterns or (want.recording == "maybe" and RECORDING in names)
    chosen = [file for file in files if whole or _beside(file.name, want.patterns)]
    if not chosen:
        raise UserError(
            want.absent_code,
            f"{want.place.shown} holds nothing of {' or '.join(want.patterns)}. {there(names)}",
            param=want.param,
        )
    return tuple(chosen)


def is_sample(want: Want, files: Sequence[RemoteFile]) -> bool:
    """Whether of what was chosen only `meta/` and a sample are wanted."""
    return want.sample_of is not None and any(file.name == RECORDING for file in files)


def with_masked_places(run: Run) -> Run:
    """The run whose URIs can be shown: signatures of URLs are of no use once all is fetched."""
    shown = [
        dataclasses.replace(dataset, uri=parse_place(dataset.uri, dataset.param, "dataset").shown)
        if dataset.uri.startswith("https://")
        else dataset
        for dataset in run.datasets
    ]
    name = run.model.name
    if is_elsewhere(name) and name.startswith("https://"):
        name = parse_place(name, "spec.model.name", "model").shown
    source = run.model.from_checkpoint
    if source is not None:
        source = dataclasses.replace(source, name=masked(source.name))
    model = dataclasses.replace(run.model, name=name, from_checkpoint=source)
    return dataclasses.replace(run, datasets=tuple(shown), model=model)


def there(names: Sequence[str]) -> str:
    """A sentence on what lies in a place instead."""
    if not names:
        return "Nothing is there."
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"There are: {', '.join(sorted(names)[:MOST_NAMES])}{more}."


def _of_model(run: Run) -> Iterator[tuple[str, Want]]:
    model, source = run.model, run.model.from_checkpoint
    if model.path is None and model.uri:
        kind: Kind = "tokenizer" if run.stage == "inspect" else "model"
        patterns = TOKENIZER_FILES if kind == "tokenizer" else ()
        place = parse_place(model.uri, "spec.model.name", "model")
        yield "model", Want(place, model.revision, "MODEL", "spec.model.name", kind, patterns=patterns)
    if source is not None and source.path is None and source.uri:
        param = "spec.model.fromCheckpoint"
        yield "checkpoint", Want(parse_place(source.uri, param, "model"), source.revision, "MODEL", param, "model")


def _of_reward(run: Run) -> Iterator[tuple[str, Want]]:
    reward = run.reward
    if reward is None:
        return
    if reward.model_uri and not reward.model_path:
        param = "spec.reward.modelUri"
        yield "reward model", Want(parse_place(reward.model_uri, param, "model"), "", "MODEL", param, "model")
    if reward.progress_uri and not reward.progress_path:
        param = "spec.reward.progressUri"
        yield "reward progress", Want(parse_place(reward.progress_uri, param, "dataset"), "", "MODEL", param, "file")


def _of_dataset(run: Run, dataset: Dataset, index: int) -> Want:
    lines = dataset.format in LINES and run.model.type == "causal_lm"
    sure = dataset.format == "lerobot" or (run.stage != "inspect" and run.model.type != "causal_lm")
    maybe = run.stage == "inspect" and dataset.format == "auto"
    return Want(
        place=parse_place(dataset.uri, dataset.param, "dataset"),
        revision=dataset.revision,
        purpose=f"DATASET_{index}",
        param=dataset.param,
        kind="dataset",
        files=dataset.files,
        files_param=f"{dataset.place}.files",
        patterns=(f"*{LINES_SUFFIX}",) if lines else (),
        recording="sure" if sure else "maybe" if maybe else "",
        sample_of=dataset if run.stage == "inspect" and (sure or maybe) else None,
    )


def _no_recording(want: Want, names: Sequence[str]) -> UserError:
    inner = sorted(name.removesuffix(f"/{RECORDING}") for name in names if name.endswith(f"/{RECORDING}"))
    instead = f"There is one in {', '.join(inner[:MOST_NAMES])}: name that folder." if inner else there(names)
    return UserError(
        want.absent_code,
        f"{want.place.shown} has no {RECORDING}, by which a LeRobot dataset is known. {instead}",
        param=want.param,
        advice="Name the folder that holds meta/, data/ and, for videos, videos/.",
    )


def _named(want: Want, files: Sequence[RemoteFile], index: int) -> RemoteFile:
    name = posixpath.normpath(want.files[index])
    found = next((file for file in files if file.name == name), None)
    if found is None:
        names = [file.name for file in files]
        raise UserError(
            want.absent_code,
            f"{want.place.shown} has no file '{name}'.{did_you_mean(name, names)} {there(names)}",
            param=f"{want.files_param}[{index}]",
        )
    return found


def _of_use(want: Want, files: Sequence[RemoteFile]) -> Iterator[RemoteFile]:
    if any(file.name.endswith(".safetensors") for file in files):
        yield from (file for file in files if not _like(file.name, OTHER_WEIGHTS))
        return
    if any(_like(file.name, PICKLES) for file in files):
        raise UserError(
            "ModelUnsupported",
            f"{want.place.shown} has its weights as pickles, which can run code: convert them to safetensors",
            param=want.param,
        )
    yield from files


def _like(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _beside(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name is like a pattern and lies as deep as it."""
    return any(fnmatchcase(name, pattern) and name.count("/") == pattern.count("/") for pattern in patterns)
