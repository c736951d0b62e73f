"""What the cameras of the robot demo see, and what people see of its tries."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

from PIL import Image

from trainer.pick.picture import BLOCK_COLOUR, FLOOR, PIXELS, TABLE, ZONE_COLOUR, top, wrist
from trainer.pick.pictures_of_tries import DONE, STILL, animation, sheet
from trainer.pick.sensors import TOP, WRIST, observed
from trainer.pick.table import FPS, ZONE, Point, Table
from trainer.pick.tries import Try

LAID = Table(gripper=Point(0.5, 0.75), grip=0.0, block=Point(0.25, 0.25))
ENDED = replace(LAID, block=ZONE)


def test_the_camera_above_sees_block_and_zone_where_they_are() -> None:
    seen = top(LAID)

    assert seen.size == (PIXELS, PIXELS)
    assert seen.getpixel((PIXELS // 4, PIXELS // 4)) == BLOCK_COLOUR
    assert seen.getpixel((round(ZONE.x * PIXELS), round(ZONE.y * PIXELS))) == ZONE_COLOUR
    assert seen.getpixel((PIXELS // 2, PIXELS // 2)) == TABLE


def test_the_camera_at_the_wrist_has_the_gripper_in_its_middle() -> None:
    above = replace(LAID, block=LAID.gripper)

    assert wrist(above).getpixel((PIXELS // 2, PIXELS // 2)) == BLOCK_COLOUR
    assert wrist(LAID).getpixel((PIXELS // 2, PIXELS // 2)) == TABLE


def test_the_camera_at_the_wrist_sees_where_the_table_ends() -> None:
    at_the_edge = replace(LAID, gripper=Point(0.0, 0.5))

    assert wrist(at_the_edge).getpixel((2, PIXELS // 2)) == FLOOR


def test_pictures_tell_how_far_the_jaws_are_closed() -> None:
    assert len({wrist(replace(LAID, grip=grip)).tobytes() for grip in (0.0, 0.5, 1.0)}) == 3


def test_pictures_tell_where_the_block_is_to_less_than_a_pixel() -> None:
    nudged = replace(LAID, block=Point(LAID.block.x + 0.4 / PIXELS, LAID.block.y))

    assert top(nudged).tobytes() != top(LAID).tobytes()


def test_the_same_table_is_seen_in_the_same_pixels() -> None:
    assert top(LAID).tobytes() == top(replace(LAID)).tobytes()


def test_sensors_say_state_and_both_pictures_by_their_names() -> None:
    seen = observed(replace(LAID, grip=0.5))

    assert seen["observation.state"].tolist() == [0.5, 0.75, 0.5]
    assert seen[TOP].shape == seen[WRIST].shape == (PIXELS, PIXELS, 3)
    assert (str(seen["observation.state"].dtype), str(seen[TOP].dtype)) == ("float32", "uint8")


def test_an_animation_shows_every_step_and_an_edge_that_turns_green() -> None:
    with Image.open(BytesIO(animation([Try(0, (LAID, ENDED, ENDED))]))) as moving:
        edges = []
        for frame in (0, 1):
            moving.seek(frame)
            edges.append(moving.convert("RGB").getpixel((4, 40)))
        frames, milliseconds = getattr(moving, "n_frames", 1), moving.info["duration"]

    assert frames >= 2  # equal ones may be one that lasts longer
    assert milliseconds >= 1000 / FPS
    assert [_nearer(edge) for edge in edges] == [STILL, DONE]


def test_a_sheet_is_a_small_picture_of_a_few_tries() -> None:
    tries = [Try(seed, (LAID,) * 10 + (ENDED,)) for seed in range(20)]

    drawn = sheet(tries)

    assert len(drawn) < 50_000
    with Image.open(BytesIO(drawn)) as picture:
        assert picture.width == 2 * picture.height


def _nearer(colour: object) -> tuple[int, int, int]:
    assert isinstance(colour, tuple)
    return min((STILL, DONE), key=lambda other: sum(abs(a - b) for a, b in zip(colour, other, strict=True)))
