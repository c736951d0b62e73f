"""Pictures of one episode as a video of its own: cut out of a longer one as they are, else encoded anew as H.264."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np
from PIL import Image

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trainer.backends.groot.older_format.episodes import Span

QUALITY: Final = "18"
"""x264's constant rate factor, at which nobody sees a difference."""


def cut(span: Span, target: Path) -> None:
    """Write the episode's pictures to `target`. UserError (DatasetInvalid) when they are not all there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _copied(span, target):
        encode(_pictures(span), span.fps, target)


def encode(pictures: Iterable[Image.Image], fps: float, target: Path) -> None:
    """Write pictures of equal size as H.264 to `target`. Sides of an odd length lose their last row of pixels."""
    target.parent.mkdir(parents=True, exist_ok=True)
    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(target), "w", format="mp4") as output:
        stream: Any = None
        for number, picture in enumerate(pictures):
            even = picture.convert("RGB").crop((0, 0, picture.width & ~1, picture.height & ~1))
            if stream is None:
                stream = output.add_stream("libx264", rate=rate, options={"crf": QUALITY, "bf": "0"})
                stream.width, stream.height, stream.pix_fmt = even.width, even.height, "yuv420p"
                stream.codec_context.time_base = 1 / rate
            frame = av.VideoFrame.from_ndarray(np.asarray(even), format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            output.mux(stream.encode(frame))
        if stream is not None:
            output.mux(stream.encode(None))


def decoded(contents: Iterable[bytes]) -> Iterator[Image.Image]:
    """The pictures of files that lie in the rows of a dataset."""
    for content in contents:
        yield Image.open(io.BytesIO(content))


def _copied(span: Span, target: Path) -> bool:
    """Whether the packets could be taken over: they begin with a key frame and are just the episode's."""
    with av.open(str(span.file)) as source:
        stream = source.streams.video[0]
        packets: list[Any] = [each for each in source.demux(stream) if each.pts is not None and _is_within(each, span)]
        if len(packets) != span.frames or not packets[0].is_keyframe:
            return False
        first = min(int(each.pts) for each in packets)
        with av.open(str(target), "w", format="mp4") as output:
            copy = output.add_stream_from_template(stream)
            for packet in packets:
                # Shown from zero on; decoded before that, if need be.
                packet.pts, packet.dts = int(packet.pts) - first, int(packet.dts) - first
                packet.stream = copy
                output.mux(packet)
    return True


def _pictures(span: Span) -> Iterator[Image.Image]:
    seen = 0
    with av.open(str(span.file)) as source:
        for frame in source.decode(video=0):
            if _is_within(frame, span):
                seen += 1
                yield Image.fromarray(frame.to_ndarray(format="rgb24"))
    if seen != span.frames:
        raise UserError(
            "DatasetInvalid",
            f"{span.file.name} has {seen} frames from second {span.start:g} on, and the episode has {span.frames}",
            param="spec.datasets",
            advice="Record or convert the dataset again: its videos and its rows do not belong together.",
        )


def _is_within(timed: Any, span: Span) -> bool:  # noqa: ANN401 - a packet or a frame of PyAV
    seconds = float(timed.pts * timed.time_base)
    half = 0.5 / span.fps
    return span.start - half <= seconds < span.start + span.frames / span.fps - half
