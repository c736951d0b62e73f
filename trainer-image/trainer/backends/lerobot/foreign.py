"""A name for what is LeRobot's, torch's or accelerate's: objects whose types are known in the trainer image alone."""

from __future__ import annotations

from typing import Any, TypeAlias

Foreign: TypeAlias = Any
"""An object of a library; the parameter's name says which."""
