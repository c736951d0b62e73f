"""Object stores that run here: Go programs at pinned versions, built and cached as the local cluster's are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.cluster.build import build
from tests.cluster.components import Component

HERE: Final = Path(__file__).parent
VERSITYGW: Final = Component("versitygw", "github.com/versity/versitygw", ("versitygw",), (), 2, modules=HERE)
"""Speaks S3 over a folder."""
FAKE_GCS_SERVER: Final = Component(
    "fake-gcs-server", "github.com/fsouza/fake-gcs-server", ("fake-gcs-server",), (), 2, modules=HERE
)
"""Speaks the JSON interface of Google Cloud Storage."""


def program_of(component: Component) -> Path:
    """The path of its only program, built first if it has to be."""
    build([component])
    return component.folder / component.programs[0]
