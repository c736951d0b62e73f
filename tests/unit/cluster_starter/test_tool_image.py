"""The archive of the one image that the cluster brings."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile

import pytest

from tests.cluster.tool_image import tool_image

pytestmark = pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox-static comes with the first cluster")


def test_every_blob_has_the_name_and_size_that_the_manifest_says() -> None:
    with tarfile.open(fileobj=io.BytesIO(tool_image("x86_64").archive)) as archive:
        files = {each.name: _content(archive, each) for each in archive.getmembers()}
    blobs = {name.rpartition("/")[2]: content for name, content in files.items() if name.startswith("blobs/")}
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in blobs.items())
    entry = json.loads(files["index.json"])["manifests"][0]
    manifest = json.loads(blobs[entry["digest"].removeprefix("sha256:")])
    described = [manifest["config"], *manifest["layers"]]
    assert [len(blobs[each["digest"].removeprefix("sha256:")]) for each in described] == [
        each["size"] for each in described
    ]


def test_the_same_program_gives_the_same_image() -> None:
    assert tool_image("x86_64") == tool_image("x86_64")


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    handle = archive.extractfile(member)
    assert handle is not None
    return handle.read()
