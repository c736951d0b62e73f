"""The operator's and the trainer's container images, built and loaded with neither Docker nor an image registry.

`ensure(names, socket)` is the way in for tests and the demo: it builds what is missing, loads what the node lacks and
answers with image references. `python -m tests.images` is the same for people.
"""

from __future__ import annotations

from tests.images.ensure import ensure, references
from tests.images.failure import ImageError

__all__ = ["ImageError", "ensure", "references"]
