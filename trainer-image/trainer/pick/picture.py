"""What the two cameras see, as pictures. Pure: the same table gives the same pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from trainer.pick.table import BLOCK_SIDE, ZONE, ZONE_SIDE, Point, Table

if TYPE_CHECKING:
    from collections.abc import Callable

PIXELS: Final = 64
"""Side of what a camera sees."""
FINER: Final = 4
"""Pictures are drawn so many times larger and reduced: soft edges tell where something is to less than a pixel."""
WRIST_VIEW: Final = 0.5
"""Side of the part of the table that the camera at the wrist sees."""

FLOOR: Final = (92, 84, 78)
TABLE: Final = (224, 214, 196)
ZONE_COLOUR: Final = (86, 160, 92)
BLOCK_COLOUR: Final = (206, 62, 44)
JAW: Final = (38, 44, 60)
JAW_LENGTH: Final = 0.11
JAW_WIDTH: Final = 0.035
OPEN: Final = 0.2
"""How far the jaws' middles are apart when open; closed they touch the block."""

Box = tuple[float, float, float, float]


def top(table: Table, pixels: int = PIXELS) -> Image.Image:
    """The whole table from above."""
    return _seen(table, Point(0.5, 0.5), 1.0, pixels)


def wrist(table: Table, pixels: int = PIXELS) -> Image.Image:
    """What is around the gripper, which is always in the middle."""
    return _seen(table, table.gripper, WRIST_VIEW, pixels)


def _seen(table: Table, middle: Point, side: float, pixels: int) -> Image.Image:
    drawn = pixels * FINER
    image = Image.new("RGB", (drawn, drawn), FLOOR)
    draw = ImageDraw.Draw(image)

    def box(place: Point, width: float, height: float) -> Box:
        left, upper = (place.x - middle.x) / side + 0.5, (place.y - middle.y) / side + 0.5
        half = (width / side / 2, height / side / 2)
        return (
            (left - half[0]) * drawn,
            (upper - half[1]) * drawn,
            (left + half[0]) * drawn,
            (upper + half[1]) * drawn,
        )

    draw.rectangle(box(Point(0.5, 0.5), 1.0, 1.0), fill=TABLE)
    draw.rectangle(box(ZONE, ZONE_SIDE, ZONE_SIDE), fill=ZONE_COLOUR)
    draw.rectangle(box(table.block, BLOCK_SIDE, BLOCK_SIDE), fill=BLOCK_COLOUR)
    _jaws(draw, table, box)
    return image.reduce(FINER)


def _jaws(draw: ImageDraw.ImageDraw, table: Table, box: Callable[[Point, float, float], Box]) -> None:
    apart = OPEN + (BLOCK_SIDE + JAW_WIDTH - OPEN) * table.grip
    for side in (-1, 1):
        jaw = Point(table.gripper.x + side * apart / 2, table.gripper.y)
        draw.rectangle(box(jaw, JAW_WIDTH, JAW_LENGTH), fill=JAW)
    palm = Point(table.gripper.x, table.gripper.y - JAW_LENGTH / 2)
    draw.rectangle(box(palm, apart + JAW_WIDTH, JAW_WIDTH / 2), fill=JAW)
