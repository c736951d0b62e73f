"""The weights that ACT's eyes start from: those of ImageNet when a job names them, which stage prepare fetches, else random.

torchvision finds a file by its name in torch's hub folder and would fetch it itself, on every pod and unchecked. Here it is
fetched as the run's own sources are, once and by its digest, of which torchvision's names of files hold the beginning.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.failures import StageEnd, UserError, did_you_mean
from trainer.transfer.hub_models import fetch_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trainer.backends.lerobot.kinds import Kind
    from trainer.contract.run import Run

SETTING: Final = "pretrained_backbone_weights"
PARAM: Final = f"spec.hyperparameters.extra.{SETTING}"
BASE: Final = "FINETUNE_TORCHVISION_URL"
"""Environment variable that names another place with the same files: https://, s3:// or gs://."""
USUAL_BASE: Final = "https://download.pytorch.org/models"
DEFAULT: Final = "resnet18"
"""ACT's backbone when a job names no other."""
FILES: Final[Mapping[str, str]] = {
    "ResNet18_Weights.IMAGENET1K_V1": "resnet18-f37072fd.pth",
    "ResNet34_Weights.IMAGENET1K_V1": "resnet34-b627a593.pth",
    "ResNet50_Weights.IMAGENET1K_V1": "resnet50-0676ba61.pth",
    "ResNet50_Weights.IMAGENET1K_V2": "resnet50-11ad3fa6.pth",
    "ResNet101_Weights.IMAGENET1K_V1": "resnet101-63fe2227.pth",
    "ResNet101_Weights.IMAGENET1K_V2": "resnet101-cd907fc2.pth",
    "ResNet152_Weights.IMAGENET1K_V1": "resnet152-394f9c45.pth",
    "ResNet152_Weights.IMAGENET1K_V2": "resnet152-f82ba261.pth",
}
"""torchvision's names of weights, and of their files."""
REMEDY: Final = (
    f"Set {SETTING} to null, which starts from random weights, or name a mirror in the environment variable {BASE}"
    " (podTemplate.env), or mount the file below $TORCH_HOME/hub/checkpoints."
)


def check_backbone(run: Run) -> None:
    """UserError for weights that torchvision does not have, or that are another backbone's."""
    given, extra = run.hyperparameters.extra.get(SETTING), run.hyperparameters.extra
    if not isinstance(given, str):
        return
    backbone = str(extra.get("vision_backbone", DEFAULT))
    own = [name for name in FILES if FILES[name].startswith(f"{backbone}-")]
    if given not in own:
        known = ", ".join(own or FILES)
        problem = f"extra.{SETTING} is '{given}', and the backbone {backbone} has no such weights."
        raise UserError(
            "HyperparameterUnsupported", f"{problem}{did_you_mean(given, own or FILES)} It has: {known}", param=PARAM
        )


def fetched_backbone(run: Run, kind: Kind) -> Path | None:
    """The file of the weights that a job names, fetched or found again; None where it names none or torch has it.

    UserError (ModelNotFound) in stage prepare when it cannot be had; what was found before may go better the next time.
    """
    name = run.hyperparameters.extra.get(SETTING)
    if kind.lerobot != "act" or not isinstance(name, str) or run.finish or (hub_folder() / FILES[name]).is_file():
        return None
    base = os.environ.get(BASE, "").rstrip("/") or USUAL_BASE
    try:
        return fetch_file(f"{base}/{FILES[name]}", PARAM, "BACKBONE", sha256=_digest(FILES[name]))
    except StageEnd as end:
        if run.stage != "prepare" or end.code == "DiskFull":
            raise
        problem = f"the weights {name} of ACT's backbone cannot be had: {end.message}"
        raise UserError("ModelNotFound", problem, param=PARAM, advice=REMEDY) from end


@contextmanager
def backbone_in_place(file: Path | None) -> Iterator[None]:
    """Work where torchvision finds the file of its weights, if there is one."""
    if file is None:
        yield
        return
    before = os.environ.get("TORCH_HOME")
    with tempfile.TemporaryDirectory(prefix="torch-") as home:
        held = Path(home, "hub", "checkpoints")
        held.mkdir(parents=True)
        (held / file.name).symlink_to(file.resolve())
        os.environ["TORCH_HOME"] = home
        try:
            yield
        finally:
            os.environ.pop("TORCH_HOME")
            os.environ.update({"TORCH_HOME": before} if before is not None else {})


def backbone_of(run: Run, kind: Kind) -> tuple[str | None, tuple[str, ...]]:
    """The weights that ACT's eyes start from when the job says nothing, and what to say about it."""
    if kind.lerobot != "act" or SETTING in run.hyperparameters.extra:
        return None, ()
    backbone = str(run.hyperparameters.extra.get("vision_backbone", DEFAULT))
    first = next((name for name in FILES if FILES[name].startswith(f"{backbone}-")), "")
    if first and (hub_folder() / FILES[first]).is_file():
        return first, ()
    return None, (
        (
            f"ACT's picture backbone starts from random weights. hyperparameters.extra.{SETTING}:"
            f" {first or next(iter(FILES))} starts it from those of ImageNet, fetched in stage prepare; without them more steps"
            " make up for it, and null says that random ones are meant"
        ),
    )


def hub_folder() -> Path:
    """Where torch looks for files of weights before it would fetch them."""
    import torch  # noqa: PLC0415 - heavy

    return Path(torch.hub.get_dir(), "checkpoints")


def _digest(file: str) -> str:
    return file.rpartition("-")[2].partition(".")[0]
