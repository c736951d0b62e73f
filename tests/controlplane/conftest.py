"""The fixture ``stage``: a namespace, hardware, and an operator whose every call is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest

from finetune_operator.cluster.client import Cluster
from tests.controlplane.kubectl import Kubectl, kubectl_for
from tests.controlplane.life import Life
from tests.controlplane.stage import Stage, an_operator, hardware
from tests.support.apiserver import ApiServer
from tests.support.chosen import SEED, seed
from tests.support.trial import Trial, a_trial

COLLECTED_LATER: Final = ("<function _SelectorTransport.__del__", "<socket.socket .*laddr=..127.0.0.1")
"""What cuts connections on purpose leaves ends of them to be collected, in whatever test that happens to be."""


def pytest_configure(config: pytest.Config) -> None:
    """Connections of the loopback that are collected late are nobody's mistake."""
    for what in COLLECTED_LATER:
        config.addinivalue_line(
            "filterwarnings", f"ignore:Exception ignored in. {what}:pytest.PytestUnraisableExceptionWarning"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole lives under faults take minutes and come first: at the end they would leave all workers but one idle."""
    items.sort(key=lambda item: not item.path.name.startswith("test_fault_"))


@pytest.fixture
async def stage(api_server: ApiServer, cluster: Cluster, namespace: str) -> AsyncIterator[Stage]:
    """Everything that one FineTuneJob needs; the job itself is the test's to apply."""
    async with hardware(cluster) as name, an_operator(api_server) as operator:
        yield Stage(cluster, namespace, name, operator, api_server)


@pytest.fixture
async def life(cluster: Cluster, namespace: str) -> AsyncIterator[Life]:
    """A job that has not begun, for an operator that is a process."""
    async with hardware(cluster) as name:
        yield Life(cluster, namespace, name)


@pytest.fixture
async def trial(api_server: ApiServer) -> AsyncIterator[Trial]:
    """Server-side dry runs: fast, and nothing is left behind."""
    async with a_trial(api_server) as connection:
        yield connection


@pytest.fixture
def kubectl(api_server: ApiServer) -> Kubectl:
    """The real program; its arguments, and text for its standard input."""
    return kubectl_for(api_server)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of the API was tried, and how faults were chosen."""
    reports = [report.nodeid for key in ("passed", "failed") for report in terminalreporter.getreports(key)]
    if any("/test_fault_" in nodeid for nodeid in reports):
        terminalreporter.write_line(f"faults chosen by seed {seed()}; {SEED}={seed()} chooses them again")
    if not any("/test_crd_" in nodeid for nodeid in reports):
        return
    from tests.controlplane.mistakes.counting import tried  # noqa: PLC0415 - it derives some hundred cases

    for line in tried(lambda module: any(f"/{module}.py" in nodeid for nodeid in reports)):
        terminalreporter.write_line(line)
