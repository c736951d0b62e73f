"""What the robot says of itself at each step, by the names that LeRobot's recordings give it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trainer.pick.picture import PIXELS, top, wrist

if TYPE_CHECKING:
    from trainer.pick.table import Table

STATE_KEY: Final = "observation.state"
TOP: Final = "observation.images.top"
WRIST: Final = "observation.images.wrist"
STATE: Final = ("x", "y", "grip")
CAMERAS: Final = {TOP: top, WRIST: wrist}
PICTURE_SHAPE: Final = (PIXELS, PIXELS, 3)


def observed(table: Table) -> dict[str, Any]:
    """State as three float32, and each camera's picture as uint8 of height, width and channels."""
    import numpy as np  # noqa: PLC0415 - so that the simulation alone needs no numpy

    state = np.array([table.gripper.x, table.gripper.y, table.grip], dtype=np.float32)
    return {STATE_KEY: state, **{key: np.asarray(camera(table)) for key, camera in CAMERAS.items()}}
