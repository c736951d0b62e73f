"""One picture of what the policy will see: a frame for each camera and slot of each dataset, masked slots drawn as such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from trainer.recordings.cameras import CameraPlan
    from trainer.recordings.pictures import PicturesSeen
    from trainer.recordings.recording import Recording

TILE: Final = (260, 200)
CAPTION: Final = 64
"""Height below a tile, for three lines."""
MARGIN: Final = 12
TITLE: Final = 30
MOST_DATASETS: Final = 8
LONGEST_LINE: Final = 38
"""Characters of a caption that fit below a tile."""
INK: Final = (25, 25, 25)
GREY: Final = (120, 120, 120)
PAPER: Final = (250, 250, 248)
HOLE: Final = (205, 205, 205)


@dataclass(frozen=True, slots=True)
class Tile:
    """A place of the sheet: three lines, and the picture (height, width, 3) that is shown; None: a masked one."""

    lines: tuple[str, str, str]
    pixels: NDArray[np.uint8] | None
    seen: bool = True


def draw_sheet(seen: Sequence[tuple[Recording, PicturesSeen]], plan: CameraPlan | None) -> PIL.Image.Image:
    """The sheet, one row for each dataset; as large as it needs. Without a `plan` there are cameras alone, and no slots."""
    rows = [(_title(recording), tiles_of(plan, recording, pictures)) for recording, pictures in seen[:MOST_DATASETS]]
    columns = max(1, *(len(tiles) for _, tiles in rows))
    width = MARGIN + columns * (TILE[0] + MARGIN)
    height = MARGIN + len(rows) * (TITLE + TILE[1] + CAPTION + MARGIN)
    sheet = PIL.Image.new("RGB", (width, height), PAPER)
    for number, (title, tiles) in enumerate(rows):
        top = MARGIN + number * (TITLE + TILE[1] + CAPTION + MARGIN)
        PIL.ImageDraw.Draw(sheet).text((MARGIN, top), title, fill=INK, font=PIL.ImageFont.load_default(15))
        for place, tile in enumerate(tiles):
            _paste(sheet, tile, (MARGIN + place * (TILE[0] + MARGIN), top + TITLE))
    return sheet


def tiles_of(plan: CameraPlan | None, recording: Recording, pictures: PicturesSeen) -> list[Tile]:
    """The policy's slots in its order, then the cameras that nobody looks at."""
    tiles: list[Tile] = []
    views = plan.views if plan else ()
    for view in views:
        if view.dataset_key:
            word = view.policy_key.rsplit(".", 1)[-1]
            lines = (f"slot {view.slot}: {word}", view.dataset_key, _shape(recording, view.dataset_key))
            tiles.append(Tile(lines, pictures.first.get(view.dataset_key)))
        else:
            tiles.append(Tile((f"slot {view.slot}", "left out: a masked picture", view.policy_key), None))
    used = {view.dataset_key for view in views}
    for key in recording.image_keys:
        if key not in used:
            word = "not looked at" if views else "camera"
            tiles.append(Tile((word, key, _shape(recording, key)), pictures.first.get(key), seen=not views))
    tiles += [Tile(("depth, left out", key, _shape(recording, key)), None, seen=False) for key in recording.depth_keys]
    return tiles


def _title(recording: Recording) -> str:
    count = len(recording.episodes)
    return (
        f"{recording.dataset.uri}   {recording.version}, {recording.robot_type or 'robot not named'}, {count}"
        f" episode{'s' if count > 1 else ''}, {recording.frames} frames, {recording.fps:g} fps"
    )


def _shape(recording: Recording, key: str) -> str:
    feature = recording.features[key]
    height, width, channels = feature.size
    return f"{width} wide, {height} high, {channels} channels, {feature.dtype}"


def _paste(sheet: PIL.Image.Image, tile: Tile, at: tuple[int, int]) -> None:
    draw = PIL.ImageDraw.Draw(sheet)
    left, top = at
    frame = (left, top, left + TILE[0] - 1, top + TILE[1] - 1)
    draw.rectangle(frame, fill=HOLE)
    if tile.pixels is None:
        for offset in range(-TILE[1], TILE[0], 16):
            _hatch(draw, frame, offset)
    else:
        picture = PIL.Image.fromarray(tile.pixels)
        scale = min(TILE[0] / picture.width, TILE[1] / picture.height)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, PIL.Image.Resampling.BILINEAR)
        if not tile.seen:
            picture = PIL.Image.blend(picture, PIL.Image.new("RGB", size, PAPER), 0.6)
        sheet.paste(picture, (left + (TILE[0] - size[0]) // 2, top + (TILE[1] - size[1]) // 2))
    draw.rectangle(frame, outline=INK if tile.seen else GREY)
    font = PIL.ImageFont.load_default(13)
    for number, line in enumerate(tile.lines):
        place = (left, top + TILE[1] + 3 + number * 18)
        draw.text(place, _cut(line), fill=INK if tile.seen else GREY, font=font)


def _hatch(draw: PIL.ImageDraw.ImageDraw, frame: tuple[int, int, int, int], offset: int) -> None:
    """One slanting line, no further than the frame."""
    left, top, right, bottom = frame
    begin = max(left, left + offset), top + max(0, -offset)
    end = min(right, left + offset + (bottom - top)), min(bottom, top + (right - left - offset))
    draw.line((begin, end), fill=GREY)


def _cut(line: str) -> str:
    """The end of a long key says more than its begin."""
    return line if len(line) <= LONGEST_LINE else "…" + line[-(LONGEST_LINE - 1) :]
