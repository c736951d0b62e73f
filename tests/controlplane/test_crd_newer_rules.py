"""Rules that are newer than a job that is stored: it is told of all the same, and mended only by who edits it."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import Invalid
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.controlplane.stage import NAME, Stage
from tests.support.apiserver import CRDS, ApiServer, apply_crds
from tests.support.eventually import eventually
from tests.support.objects import fine_tune_job

pytestmark = pytest.mark.controlplane

DEFINITION: Final = "finetunejobs.finetune.dev"
DRY: Final = "only-tried"
NEWER: Final = "hours are below one, by a rule that came later"


@pytest.fixture
async def definition(api_server: ApiServer, cluster: Cluster) -> AsyncIterator[Json]:
    """That of FineTuneJob, to be replaced; afterwards it is as it was."""
    try:
        yield copy.deepcopy(await cluster.get(CRDS, None, DEFINITION))
    finally:
        await apply_crds(api_server)


async def _refused(cluster: Cluster, namespace: str, spec: Json) -> bool:
    """Whether the newer rules are in force: another such job is not taken."""
    job = fine_tune_job(DRY, **spec)
    try:
        await cluster.create(FINETUNEJOBS, namespace, job)
    except Invalid:  # of the type that is wrong: no rule is asked then
        return True
    with suppress(Exception):
        await cluster.delete(FINETUNEJOBS, namespace, DRY)
    return False


def _with_newer_rules(definition: Json) -> Json:
    """Which a job of one hour breaks: on the spec as a whole, in a part of it, in its types, and between two specs."""
    (version,) = definition["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["x-kubernetes-validations"] += [
        {"rule": "!has(self.hours) || self.hours < 1.0", "message": NEWER},
        {"rule": "self.backoffLimit == oldSelf.backoffLimit", "message": "backoffLimit never changes"},
    ]
    spec["properties"]["model"]["x-kubernetes-validations"].append({"rule": "self.name == 'x'", "message": "of a part"})
    spec["properties"]["instanceType"]["maxLength"] = 2
    return definition


async def test_its_status_is_written_and_its_life_goes_on(stage: Stage, definition: Json) -> None:
    stored = await stage.apply()
    await stage.world.replace(CRDS, None, DEFINITION, _with_newer_rules(definition))
    await eventually(lambda: _refused(stage.world, stage.namespace, stored["spec"]))

    await stage.prepare()
    await stage.run("train")
    assert (await stage.visit()).phase == "Running"

    mended = {"spec": {"hours": 2}}
    with pytest.raises(Invalid, match=NEWER):
        await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, mended)
