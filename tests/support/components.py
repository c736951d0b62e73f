"""The programs behind an API server of ours, to be stopped, started and set back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import Cluster, find
from tests.cluster.places import cluster_folder
from tests.support.apiserver import ApiServer
from tests.support.eventually import wait_until

INFORMED: Final = ("kube-controller-manager", "kube-scheduler", "kwok")
"""Whoever keeps a view of the cluster, as the operator does."""


@dataclass(frozen=True)
class Components:
    """The control plane of one test session."""

    cluster: Cluster

    def stop(self, *programs: str) -> None:
        """Kill them, and wait until they are gone."""
        for program in programs:
            self.cluster.stop(program)
            wait_until(partial(self._is_stopped, program))

    @contextmanager
    def without(self, program: str) -> Iterator[None]:
        """It is stopped while the context lasts."""
        self.stop(program)
        try:
            yield
        finally:
            self.start(program)

    def start(self, *programs: str) -> None:
        """Start them again."""
        for program in programs:
            self.cluster.start(program)

    def keep(self, backup: Path) -> None:
        """Copy what etcd holds, while it is stopped."""
        self.stop("etcd")
        shutil.copytree(self._etcd, backup)
        self.start("etcd")

    def restore(self, backup: Path) -> None:
        """As an administrator does after a loss: what happened since the copy has never been."""
        programs = ("kube-apiserver", *INFORMED)
        self.stop(*programs, "etcd")
        shutil.rmtree(self._etcd)
        shutil.copytree(backup, self._etcd)
        self.start("etcd", *programs)

    def _is_stopped(self, program: str) -> bool:
        return not self.cluster.programs()[program].pid

    @property
    def _etcd(self) -> Path:
        return cluster_folder(self.cluster.name).etcd


def components_of(server: ApiServer) -> Components:
    """Those of a control plane that the tests started; a test that asks for others' is skipped."""
    if os.environ.get("CLUSTER") == "current":
        pytest.skip("the programs of a cluster that is not ours are left alone")
    return Components(find(server.kubeconfig.parent.name))
