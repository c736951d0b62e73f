"""What only robots have, as run.json says it: cameras and the reward model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from trainer.contract.reading import Bounds, Fields, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

HeadMode = Literal["sparse", "dense", "both"]
AnnotationMode = Literal["single_stage", "dense_only", "dual"]

MAX_CAMERAS: Final = 16
REWARD_KEYS: Final = (
    *("useRabc", "modelUri", "modelPath", "progressUri", "progressPath", "headMode", "imageKey", "annotationMode"),
    *("kappa", "hyperparameters", "hoursShare"),
)


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera slot of the policy. No `dataset_key`: a masked picture; no `policy_key`: it takes the dataset's."""

    slot: str
    policy_key: str = ""
    dataset_key: str = ""


@dataclass(frozen=True, slots=True)
class Reward:
    """The reward model, and training that is weighted by the progress that it sees. Paths are of what is mounted."""

    use_rabc: bool = False
    model_uri: str = ""
    model_path: str = ""
    progress_uri: str = ""
    progress_path: str = ""
    head_mode: HeadMode = "sparse"
    image_key: str = ""
    annotation_mode: AnnotationMode = "single_stage"
    kappa: float | None = None
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    hours_share: float = 0.3


def parse_cameras(document: Fields) -> tuple[Camera, ...]:
    """The cameras under that key of run.json, in the policy's order."""
    items = document.items("cameras") if "cameras" in document else []
    if len(items) > MAX_CAMERAS:
        raise invalid("cameras", f"has {len(items)} items, must have at most {MAX_CAMERAS}")
    return tuple(
        _camera(Fields(item, f"cameras[{i}]", ["slot", "policyKey", "datasetKey"])) for i, item in enumerate(items)
    )


def parse_reward(document: Fields) -> Reward | None:
    """The reward model under that key of run.json; None when there is none."""
    if "reward" not in document:
        return None
    fields = document.section("reward", REWARD_KEYS)
    return Reward(
        use_rabc=fields.flag_or("useRabc"),
        model_uri=fields.text_or("modelUri"),
        model_path=fields.text_or("modelPath"),
        progress_uri=fields.text_or("progressUri"),
        progress_path=fields.text_or("progressPath"),
        head_mode=cast("HeadMode", fields.text_or("headMode", "sparse", get_args(HeadMode))),
        image_key=fields.text_or("imageKey"),
        annotation_mode=cast(
            "AnnotationMode", fields.text_or("annotationMode", "single_stage", get_args(AnnotationMode))
        ),
        kappa=fields.number_or_none("kappa", Bounds(above=0, most=1)),
        hyperparameters=fields.mapping("hyperparameters") if "hyperparameters" in fields else {},
        hours_share=fields.number_or("hoursShare", 0.3, Bounds(above=0, most=1)),
    )


def _camera(fields: Fields) -> Camera:
    return Camera(
        slot=fields.text("slot"), policy_key=fields.text_or("policyKey"), dataset_key=fields.text_or("datasetKey")
    )
