"""The features of `meta/info.json`: what each row holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.failures import did_you_mean
from trainer.recordings.recording import ACTION, DIMENSIONS, Feature, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.sources import Dataset

INFO: Final = "meta/info.json"
DTYPES: Final = (
    *("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64"),
    *("bool", "string", "image", "video", "language"),
)
ADVICE: Final = "Each feature has dtype, shape and names, as LeRobot's recorder writes them."


def parse_features(dataset: Dataset, info: Mapping[str, object]) -> dict[str, Feature]:
    """All features, in their order. UserError (DatasetInvalid) names the feature that makes no sense."""
    given = info.get("features")
    if not isinstance(given, dict) or not given:
        raise refused(dataset, "DatasetInvalid", f"{INFO} lists no features", ADVICE)
    features = {key: _feature(dataset, key, value) for key, value in given.items()}
    if ACTION not in features:
        hint = did_you_mean(ACTION, features)
        have = ", ".join(features)
        raise refused(
            dataset,
            "DatasetInvalid",
            f"{INFO} has no feature 'action', which is what a policy learns.{hint} There is: {have}",
            "Name the column of the actions 'action', in meta/info.json, in the tables and in the statistics.",
        )
    return features


def _feature(dataset: Dataset, key: str, value: object) -> Feature:
    where = f"{INFO}, feature {key}:"
    if not isinstance(value, dict):
        raise refused(dataset, "DatasetInvalid", f"{where} is no object", ADVICE)
    if "/" in key:
        raise refused(dataset, "DatasetInvalid", f"{where} a name may not hold '/'", "Use dots: observation.state.")
    dtype = str(value.get("dtype", ""))
    if dtype not in DTYPES:
        hint = did_you_mean(dtype, DTYPES)
        raise refused(
            dataset, "DatasetInvalid", f"{where} dtype is '{dtype}'.{hint} Known: {', '.join(DTYPES)}", ADVICE
        )
    shape = value.get("shape")
    if dtype != "language" and not (isinstance(shape, list) and shape and all(_is_length(each) for each in shape)):
        raise refused(dataset, "DatasetInvalid", f"{where} shape is {shape!r}, must be a list of numbers", ADVICE)
    feature = Feature(key, dtype, tuple(shape or ()), _names(value.get("names")), _sees_depth(value))
    if feature.is_camera:
        _check_camera(dataset, where, feature)
    return feature


def _check_camera(dataset: Dataset, where: str, feature: Feature) -> None:
    """LeRobot tells the order of the dimensions by the third name, and cannot do without."""
    if len(feature.shape) != DIMENSIONS:
        problem = f"{where} the shape of a camera is {feature.shown}, must be height, width and channels"
        raise refused(dataset, "DatasetInvalid", problem, ADVICE)
    if len(feature.names) != DIMENSIONS:
        problem = f"{where} names do not say which dimension is which; they must be three"
        raise refused(
            dataset, "DatasetInvalid", problem, 'Write "names": ["height", "width", "channels"] in meta/info.json.'
        )


def _is_length(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _names(value: object) -> tuple[str, ...]:
    """Names come as a list, or grouped: {"motors": [...]}."""
    if isinstance(value, dict):
        return tuple(str(name) for group in value.values() if isinstance(group, list) for name in group)
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _sees_depth(value: Mapping[str, object]) -> bool:
    info, video = (part if isinstance(part, dict) else {} for part in (value.get("info"), value.get("video_info")))
    return bool(info.get("is_depth_map") or info.get("video.is_depth_map") or video.get("video.is_depth_map"))
