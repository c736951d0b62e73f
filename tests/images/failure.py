"""What goes wrong in a way that its reader can mend."""

from __future__ import annotations


class ImageError(Exception):
    """An image cannot be built or loaded; the message says what happened and what to do."""
