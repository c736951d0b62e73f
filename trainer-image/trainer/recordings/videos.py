"""One video: whether it can be decoded, with a frame at each of the times that the tables name."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import av
import av.error
import numpy as np

from trainer.recordings.permissions import allowed
from trainer.recordings.recording import ALLOW
from trainer.recordings.tables import COPY_AGAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from trainer.failures import UserError
    from trainer.recordings.recording import Recording

FLOAT_STEP: Final = 2.4e-7
REENCODE: Final = "Encode the video again as H.264 or AV1 (lerobot-edit-dataset --operation.type reencode_videos)."
MOST_FRAMES: Final = 3000
"""Decoded on the way from a key frame to the frame that is wanted."""


def decode_at(recording: Recording, file: Path, where: str, times: Sequence[float]) -> list[NDArray[np.uint8]]:
    """The frames at `times` in seconds from the file's begin, as RGB.

    UserError: DatasetUnreadable for a file that is cut off or has a codec that is not known here, DatasetInvalid when
    the frames are elsewhere in time. `where` begins the message.
    """
    pictures: list[NDArray[np.uint8]] = []
    with _opened(recording, file, where) as container:
        stream = _stream(recording, container, where)
        _check_rate(recording, stream, where)
        pictures += [_frame_at(recording, container, stream, where, time) for time in times]
    return pictures


def seconds_of(recording: Recording, file: Path, where: str) -> float:
    """How long a video is, by its header. UserError as in `decode_at`."""
    seconds = 0.0
    with _opened(recording, file, where) as container:
        stream = _stream(recording, container, where)
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        else:
            seconds = float(container.duration or 0) / av.time_base
    return seconds


@contextlib.contextmanager
def _opened(recording: Recording, file: Path, where: str) -> Iterator[InputContainer]:
    path = str(file.relative_to(recording.root))
    try:
        with allowed(recording.dataset, recording.root, path), av.open(str(file)) as container:
            yield container
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        # Its text would hold the path inside of the pod.
        why = getattr(error, "strerror", None) or type(error).__name__
        problem = f"{where}: cannot be decoded, the video is cut off or damaged: {why}"
        raise recording.refused("DatasetUnreadable", problem, COPY_AGAIN) from error


def _stream(recording: Recording, container: InputContainer, where: str) -> VideoStream:
    stream = next(iter(container.streams.video), None)
    if stream is None:
        raise recording.refused("DatasetUnreadable", f"{where}: the file holds no video", COPY_AGAIN)
    # PyAV has no decoder to offer, which its annotations do not say.
    if getattr(stream, "codec_context", None) is None:
        problem = f"{where}: its codec is not known here (H.264, H.265, AV1 and VP9 are)"
        raise recording.refused("DatasetUnreadable", problem, REENCODE)
    return stream


def _check_rate(recording: Recording, stream: VideoStream, where: str) -> None:
    rate = float(stream.average_rate or 0)
    if rate and abs(rate - recording.fps) > 0.01 * recording.fps and stream.frames != 1:
        problem = f"{where}: the video has {rate:g} frames per second, and meta/info.json says fps {recording.fps:g}"
        advice = "Write the rate that it was recorded with into meta/info.json, or encode the video at that rate."
        raise recording.refused("DatasetInvalid", problem, advice)


def _frame_at(
    recording: Recording, container: InputContainer, stream: VideoStream, where: str, time: float
) -> NDArray[np.uint8]:
    """The frame whose time is nearest; LeRobot seeks and decodes in the same way."""
    base = float(stream.time_base or 1)
    container.seek(max(round(time / base) - 1, 0), backward=True, any_frame=False, stream=stream)
    nearest = None
    found = float("inf")
    for count, frame in enumerate(container.decode(stream)):
        if frame.pts is None:
            continue
        at = frame.pts * base
        if nearest is None or abs(at - time) < abs(found - time):
            nearest, found = frame, at
        if at >= time or count > MOST_FRAMES:
            break
    if nearest is None:
        raise recording.refused("DatasetUnreadable", f"{where}: no frame can be decoded at {time:.3f} s", COPY_AGAIN)
    if abs(found - time) >= recording.tolerance + FLOAT_STEP * time:
        raise _off(recording, where, time, found)
    return np.asarray(nearest.to_ndarray(format="rgb24"), dtype=np.uint8)


def _off(recording: Recording, where: str, time: float, found: float) -> UserError:
    problem = (
        f"{where}: the tables have a frame at {time:.4f} s, the video's nearest is at {found:.4f} s (within"
        f" {recording.tolerance:g} s is allowed)"
    )
    advice = "The video is too short, or was encoded at another rate: record or encode the episode again, or remove it."
    advice += f" {ALLOW}"
    return recording.refused("DatasetInvalid", problem, advice)
