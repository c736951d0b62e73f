"""Images reach the node without a registry: whole once, then only what changed, and old ones go."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.cluster import Cluster, up
from tests.e2e.place import cluster_name
from tests.images.ensure import deliver
from tests.images.node import Node
from tests.images.plan import Plan, plan
from tests.images.recipes import RECIPES, Recipe
from tests.images.storage import Storage
from tests.images.workshop import held

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.xdist_group("images"),  # they count what is on the node
    pytest.mark.skipif(os.environ.get("CLUSTER") == "current", reason="about the local cluster only"),
]
DOCKERFILE = """\
ARG BASE
FROM ${BASE} AS packages
RUN head --bytes 20000000 /dev/urandom > /packages
FROM packages AS probe
COPY program /program
USER 65532:65532
CMD ["cat", "/program/words"]
"""


@dataclass(frozen=True)
class Probe:
    """A small image of the test's own, and the node it goes to."""

    recipe: Recipe
    cluster: Cluster
    node: Node

    def deliver(self, words: str) -> Plan:
        """Have an image on the node that says `words`."""
        program = Path(self.recipe.folder) / "program"
        program.mkdir(exist_ok=True)
        (program / "words").write_text(words, encoding="utf-8")
        wanted = plan(self.recipe)
        with held(print) as workshop:
            deliver(Storage(workshop), wanted, self.node, print)
        return wanted

    def said_by(self, wanted: Plan) -> str:
        """What a restricted pod of the image prints; it is not allowed to ask a registry."""
        name = f"probe-{secrets.token_hex(4)}"
        kubectl = self.cluster.kubectl
        kubectl("apply", "--filename=-", content=json.dumps(_pod(name, wanted.reference)))
        kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
        said = kubectl("logs", name)
        kubectl("delete", "pod", name, "--wait=false")
        return said


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[Probe]:
    repository = f"localhost/finetune-operator/probe-{secrets.token_hex(4)}"
    (tmp_path / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    recipe = replace(
        RECIPES[0],
        name="probe",
        repository=repository,
        folder=str(tmp_path),
        target="probe",
        packages=("Dockerfile",),
        code=("program",),
    )
    cluster = up(cluster_name())
    assert cluster.containerd_socket
    node = Node(cluster.containerd_socket)
    yield Probe(recipe, cluster, node)
    node.keep_newest(repository, 0)
    with held(print) as workshop:
        storage = Storage(workshop)
        storage.forget(["rmi", *(name for name in storage.references() if name.startswith(repository))])


def test_a_changed_program_reaches_the_node_in_kilobytes_and_runs(probe: Probe) -> None:
    first = probe.deliver("first")
    second = probe.deliver("second")
    assert first.reference != second.reference

    assert [probe.said_by(first), probe.said_by(second)] == ["first", "second"]


def test_what_the_node_unpacked_is_neither_kept_packed_nor_sent_again(probe: Probe) -> None:
    wanted = probe.deliver("words")
    with held(print) as workshop:
        image = Storage(workshop).image(wanted.reference)
    heavy = [layer for layer in image.layers if layer.size > 10_000_000]
    assert heavy
    assert not probe.node.lacking(image)
    assert not {layer.digest for layer in heavy} & probe.node.blobs()


def test_an_unchanged_source_is_delivered_once(probe: Probe) -> None:
    before = probe.node.images()
    wanted = [probe.deliver("words"), probe.deliver("words")]
    assert {each.reference for each in wanted} == {*probe.node.images()} - {*before}


def test_of_many_builds_the_node_keeps_the_last_three(probe: Probe) -> None:
    built = [probe.deliver(f"words {number}").reference for number in range(5)]
    kept = {name for name in probe.node.images() if name.startswith(probe.recipe.repository)}
    assert kept <= set(built)
    assert len(kept) == 3
    assert built[-1] in kept


def test_the_store_keeps_the_last_build_only(probe: Probe) -> None:
    built = [probe.deliver(f"words {number}").reference for number in range(2)]
    with held(print) as workshop:
        kept = Storage(workshop).references()
    assert set(built) & set(kept) == {built[-1]}


def _pod(name: str, image: str) -> dict[str, object]:
    security = {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "probe", "image": image, "imagePullPolicy": "Never", "securityContext": security}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True},
            "containers": [container],
        },
    }
