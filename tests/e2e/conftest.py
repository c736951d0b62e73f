"""Fixtures of the end-to-end tests: one cluster for all, with the operator installed by Helm; a namespace for each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from tests.cluster.cluster import CURRENT
from tests.cluster.places import exclusive
from tests.demo.install import chart_values, install
from tests.demo.kubectl import Json
from tests.demo.ownership import require_own
from tests.demo.sample import MODELS_CLAIM, ensure_model, restricted_namespace
from tests.demo.steps import Steps
from tests.demo.target import Target, reach
from tests.e2e.audit import Audit, audited
from tests.e2e.manifests import DATASET, INSTANCE_TYPE, dataset, instance_type, lent_volume, sample_rows
from tests.e2e.operators import Operators
from tests.e2e.place import cluster_name
from tests.e2e.training_pods import TrainingPods, watched
from tests.e2e.world import World
from tests.images.recipes import ROBOTS

LENDER = "e2e-models"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark of tests that cannot share the operator with others."""
    config.addinivalue_line(
        "markers", "alone: kills, scales or reconfigures the operator; runs beside no test that uses it"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failure what the cluster knows about it."""
    report = yield
    used = getattr(item, "funcargs", {})
    if report.failed and (world := used.get("world") or used.get("shared_world")):
        report.sections.append((f"cluster, namespace {world.namespace}", world.evidence()))
    return report


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Target:
    """The cluster, with images, operator and base model in place. Whichever process comes first prepares it for all."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent  # the folder of this run, never that of all runs
    with exclusive(shared / "target.lock"):
        target = reach(cluster_name(), Steps(Console(stderr=True)), ROBOTS)
        if not (shared / "target.prepared").exists():
            prepare(target)
            (shared / "target.prepared").touch()
    return target


@pytest.fixture(scope="session")
def base_model(target: Target) -> Json:
    """The PersistentVolume with the base model."""
    return base_model_volume(target)


@pytest.fixture
def world(target: Target, base_model: Json) -> Iterator[World]:
    """A namespace of the test's own, with dataset and base model."""
    with a_world(target, base_model) as world:
        yield world


@pytest.fixture(scope="module")
def shared_world(target: Target, base_model: Json) -> Iterator[World]:
    """A namespace for the tests of one file that only look at what one job left."""
    with a_world(target, base_model) as world:
        yield world


@pytest.fixture
def audit(world: World, tmp_path: Path) -> Iterator[Audit]:
    """Every Job that ever existed in the test's namespace."""
    with audited(world.kubectl, world.namespace, tmp_path) as audit:
        yield audit


@pytest.fixture
def training_pods(world: World, tmp_path: Path) -> Iterator[TrainingPods]:
    """Every pod that ever trained in the test's namespace."""
    with watched(world.kubectl, world.namespace, tmp_path) as pods:
        yield pods


@pytest.fixture
def operators(target: Target) -> Iterator[Operators]:
    """The operator's pods; one of them again after the test."""
    operators = Operators(target)
    yield operators
    operators.scale(1)


@pytest.fixture
def reconfigure(target: Target) -> Iterator[Callable[[Json], None]]:
    """Install the operator with more values; as it was, after the test."""
    yield lambda more: install(target.helm, chart_values(target.images, more))
    install(target.helm, chart_values(target.images))


@contextmanager
def a_world(target: Target, base_model: Json) -> Iterator[World]:
    """A new namespace with dataset and base model, while the context lasts."""
    world = World(target, f"e2e-{secrets.token_hex(4)}")
    volume, claim = lent_volume(base_model, world.namespace)
    target.kubectl.apply(restricted_namespace(world.namespace), volume)
    world.apply(claim, dataset(DATASET, sample_rows()))
    yield world
    target.kubectl.delete("namespace", world.namespace, "", "--wait=false")
    target.kubectl.delete("persistentvolume", volume["metadata"]["name"], "", "--wait=false")


def prepare(target: Target) -> None:
    """Have the operator, the InstanceType and the base model that all tests share."""
    if target.name == CURRENT:
        require_own(target.helm)
    install(target.helm, chart_values(target.images))
    target.kubectl.apply(instance_type(INSTANCE_TYPE))
    ensure_model(target.kubectl, target.images["trainer"], LENDER)


def base_model_volume(target: Target) -> Json:
    """The PersistentVolume of the base model that `prepare` made."""
    claim = target.kubectl.get("persistentvolumeclaim", MODELS_CLAIM, LENDER)
    assert claim, "the base model was made"
    volume = target.kubectl.get("persistentvolume", claim["spec"]["volumeName"])
    assert volume, "its claim is bound"
    return volume
