"""Which weights a policy starts from: a base model, those of an earlier run, an adapter, or none."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.training.earlier_work import folder_of_weights, missing
from trainer.transfer.places import parse_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.backends.lerobot.kinds import Kind
    from trainer.contract.run import Run
    from trainer.contract.sources import Model

PRETRAINED: Final = "pretrained_model"
"""Folder in a checkpoint of LeRobot's that holds the policy."""
ADAPTER_CONFIG: Final = "adapter_config.json"
MAKERS_OWN: Final = ("wall_x",)
"""Types whose base model comes as its makers keep it, without LeRobot's config.json."""
BODY: Final = "pretrained_name_or_path"
"""Where a policy of such a type says what its makers' model is, which LeRobot loads before the policy's own weights."""
HUB: Final = "hf://"
WEIGHTS: Final = "model.safetensors"
"""The one file that LeRobot reads weights from; where there is none, some types go on with random ones."""


@dataclass(frozen=True, slots=True)
class Start:
    """`folder` of the weights, which the user calls `name`; None: from scratch. `adapter`: it holds one, over `base`.

    `body`: the makers' model beneath a policy that was tuned before, where the job names it too.
    """

    folder: Path | None
    name: str
    base: Path | None = None
    adapter: bool = False
    body: Path | None = None

    @property
    def model(self) -> Path | None:
        """The folder with all weights."""
        return self.base if self.adapter else self.folder


def start_of(run: Run, kind: Kind) -> Start:
    """Where the training starts. UserError (ModelNotFound, ModelUnsupported, HyperparameterUnsupported)."""
    source, model = run.model.from_checkpoint, run.model
    if source is None:
        start = Start(model.path, model.name, base=model.path)
    else:
        folder = folder_of_weights(source)
        folder = folder / PRETRAINED if (folder / PRETRAINED).is_dir() else folder
        adapter = (folder / ADAPTER_CONFIG).is_file()
        body = model.path if model.path and is_makers_own(kind, model.path) else None
        start = Start(folder, source.name, base=model.path if adapter else folder, adapter=adapter, body=body)
        if not adapter and not (folder / "config.json").is_file():
            raise missing(source, f"holds neither {ADAPTER_CONFIG} nor config.json")
    _check(run, kind, start)
    return start


def model_to_plan_with(run: Run, start: Start) -> Model:
    """The model whose configuration says what cameras there are: that of the weights."""
    return replace(run.model, path=start.folder)


def is_makers_own(kind: Kind, folder: Path) -> bool:
    """Whether a folder holds a model as its makers keep it, which is no policy of LeRobot's yet."""
    return kind.lerobot in MAKERS_OWN and config_of(folder).get("type") != kind.lerobot


def config_of(folder: Path) -> Mapping[str, object]:
    """The configuration of a policy; empty when it has none. UserError (ModelUnsupported) when it is no JSON."""
    return document_of(folder / "config.json")


def document_of(file: Path) -> Mapping[str, object]:
    """What a JSON file of a policy's folder says; empty when there is none. UserError (ModelUnsupported) when it is no JSON."""
    try:
        document: object = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise UserError(
            "ModelUnsupported",
            f"{file.name} in the model's folder is not valid JSON: {error}",
            param="spec.model.name",
            advice="Copy the model again, completely.",
        ) from error
    return document if isinstance(document, dict) else {}


def staged(start: Start, folder: Path) -> Path | None:
    """The folder that LeRobot is given: an adapter's is copied to `folder` first, with its base's place in this pod."""
    if not start.adapter or start.folder is None:
        return start.folder
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(start.folder, folder)
    point_at(folder, str(start.base))
    return folder


def point_at(folder: Path, base: str) -> None:
    """Let the adapter in a folder say that it belongs to the model `base`: a path to load it, a name to publish it."""
    file = folder / ADAPTER_CONFIG
    file.chmod(0o644)
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**config, "base_model_name_or_path": base}, indent=2) + "\n", encoding="utf-8")


def published_name(model: Model) -> str:
    """Under which LeRobot finds a base model wherever a result is loaded: its repository on the Hub; else the job's name of it."""
    if not model.uri.startswith(HUB):
        return model.name
    place = parse_place(model.uri, "spec.model.uri", "model")
    # LeRobot takes whole repositories only.
    return model.name if place.path else place.root


def name_of_base(run: Run, start: Start) -> str:
    """The same of what an adapter was put on, which may be an earlier job's result."""
    source = run.model.from_checkpoint
    if source is None or start.adapter:
        return published_name(run.model)
    return published_name(replace(run.model, name=source.name, uri=source.uri))


def _check(run: Run, kind: Kind, start: Start) -> None:
    if start.folder is None:
        return
    param = "spec.model.fromCheckpoint" if run.model.from_checkpoint else "spec.model.uri"
    if not start.folder.is_dir():
        raise UserError("ModelNotFound", f"{start.name} is no folder that is there", param=param)
    found = config_of(start.folder).get("type")
    if found != kind.lerobot and not (found is None and kind.lerobot in MAKERS_OWN):
        what = f"a policy of type {found}" if found else "no policy of LeRobot's"
        raise UserError(
            "ModelUnsupported",
            f"{start.name}: config.json describes {what}, and the job says {run.model.type} (type {kind.lerobot})",
            param="spec.model.type" if found else param,
            advice=f"Name a folder with a {kind.lerobot} policy: pretrained_model of a checkpoint, or a base model.",
        )
    if not any(start.folder.glob("*.safetensors")):
        names = ", ".join(sorted(each.name for each in start.folder.iterdir())[:8])
        raise UserError(
            "ModelUnsupported",
            f"{start.name} has no weights in *.safetensors; there is: {names}",
            param=param,
            advice="Save the policy with save_pretrained of LeRobot 0.4 or newer; pickled weights are not loaded.",
        )
    _check_one_file(start, param)
    if start.adapter and not run.hyperparameters.lora.enabled:
        raise UserError(
            "HyperparameterUnsupported",
            f"{start.name} is an adapter, which goes on being trained, and lora.enabled is false",
            param="spec.hyperparameters.lora.enabled",
            advice="Leave lora on, or start from merged weights.",
        )
    if start.adapter and start.base is None:
        raise UserError(
            "ModelNotFound",
            f"{start.name} is an adapter, and the model that it belongs to is not mounted",
            param="spec.model.uri",
            advice="Name the base model's place too.",
        )


def _check_one_file(start: Start, param: str) -> None:
    whole = start.model
    if whole is None or not whole.is_dir() or (whole / WEIGHTS).is_file():
        return
    names = ", ".join(sorted(each.name for each in whole.glob("*.safetensors"))[:8])
    raise UserError(
        "ModelUnsupported",
        f"{start.name} has no {WEIGHTS}, the one file that LeRobot reads weights from; there is: {names or 'none'}",
        param=param,
        advice=f"Save the policy with save_pretrained of LeRobot 0.6.1, which writes {WEIGHTS}.",
    )
