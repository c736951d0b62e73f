"""Tries as something to look at: an animation of all of them, and a sheet of moments of a few."""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING, Final

from PIL import Image

from trainer.pick.picture import top
from trainer.pick.table import FPS, done

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.pick.table import Table
    from trainer.pick.tries import Try

TILE: Final = 88
EDGE: Final = 4
COLUMNS: Final = 5
MOMENTS: Final = 8
SHOWN: Final = 4
"""Tries on a sheet."""
LAST_MILLISECONDS: Final = 2000
STILL: Final = (120, 120, 120)
DONE: Final = (46, 150, 60)
PAPER: Final = (250, 250, 250)


def animation(tries: Sequence[Try]) -> bytes:
    """All tries at once as an animated WebP; a table's edge turns green when the block lies in the zone."""
    frames = [_grid([each.tables[step] for each in tries], COLUMNS) for step in range(len(tries[0].tables))]
    durations = [1000 // FPS] * (len(frames) - 1) + [LAST_MILLISECONDS]
    file = BytesIO()
    first, *others = frames
    first.save(
        file, "WEBP", save_all=True, append_images=others, duration=durations, loop=0, quality=70, method=4,
        minimize_size=True,
    )  # fmt: skip
    return file.getvalue()


def sheet(tries: Sequence[Try]) -> bytes:
    """A few tries as a PNG: one row each, from the first table to the last."""
    steps = len(tries[0].tables) - 1
    moments = [round(steps * number / (MOMENTS - 1)) for number in range(MOMENTS)]
    file = BytesIO()
    _grid([each.tables[step] for each in tries[:SHOWN] for step in moments], MOMENTS).save(file, "PNG", optimize=True)
    return file.getvalue()


def _grid(tables: Sequence[Table], columns: int) -> Image.Image:
    cell = TILE + 3 * EDGE
    image = Image.new("RGB", (columns * cell, math.ceil(len(tables) / columns) * cell), PAPER)
    for number, table in enumerate(tables):
        left, upper = number % columns * cell + EDGE // 2, number // columns * cell + EDGE // 2
        edge = Image.new("RGB", (TILE + 2 * EDGE, TILE + 2 * EDGE), DONE if done(table) else STILL)
        edge.paste(top(table, TILE), (EDGE, EDGE))
        image.paste(edge, (left, upper))
    return image
