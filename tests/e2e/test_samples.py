"""The samples that people copy from: the API server takes each of them, unknown fields refused."""

from __future__ import annotations

import pytest

from tests.demo.install import CHECKOUT
from tests.demo.sample import SAMPLES
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("samples")]

FILES = sorted(path.name for path in (CHECKOUT / SAMPLES).glob("*.yaml") if path.name != "kustomization.yaml")
DRY = ("--dry-run=server", "--validate=strict")


@pytest.mark.parametrize("file", FILES)
def test_a_sample_is_accepted(shared_world: World, file: str) -> None:
    where = f"--filename={CHECKOUT / SAMPLES / file}"

    assert "(server dry run)" in shared_world.kubectl.run("apply", *DRY, where, f"--namespace={shared_world.namespace}")


def test_the_folder_applies_as_a_whole_dataset_included(shared_world: World) -> None:
    said = shared_world.kubectl.run(
        "apply", *DRY, f"--kustomize={CHECKOUT / SAMPLES}", f"--namespace={shared_world.namespace}"
    )

    assert "configmap/support-questions" in said
    assert "finetunejob.finetune.dev/quillby-support" in said
