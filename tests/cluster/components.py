"""What the local cluster is made of: Go programs at pinned versions, each from a Go module beside this file."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.places import cache_folder

MODULES = Path(__file__).parent
STAMP = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Component:
    """One Go module whose `tool` lines are built together.

    Attributes:
        name: folder of the module beside this file.
        module: the Go module whose version is the component's version.
        programs: names of the built programs, in the order of the tool lines' last path elements.
        linker: values to stamp, with `{version}`, `{major}` and `{minor}` filled in from go.mod.
        minutes: how long a build takes on two cores with cold caches.
        modules: the folder that holds the module's folder.
    """

    name: str
    module: str
    programs: tuple[str, ...]
    linker: tuple[str, ...]
    minutes: float
    modules: Path = MODULES

    @property
    def version(self) -> str:
        """Version of `module` as pinned in go.mod, for example `v1.35.4`."""
        found = re.search(rf"^\s*(?:require )?{re.escape(self.module)} (v\S+)", self._file("go.mod"), re.MULTILINE)
        if found is None:
            raise ClusterError(f"{self.name}/go.mod does not require {self.module}.", "restore the file from git")
        return found.group(1)

    @property
    def go_version(self) -> tuple[int, int]:
        """The oldest Go that builds it, from go.mod: (major, minor)."""
        found = re.search(r"^go (\d+)\.(\d+)", self._file("go.mod"), re.MULTILINE)
        if found is None:
            raise ClusterError(f"{self.name}/go.mod has no go line.", "restore the file from git")
        return int(found.group(1)), int(found.group(2))

    @property
    def linker_flags(self) -> str:
        """The `-ldflags` of the build: stripped, and stamped with the version."""
        major, minor = self.version.lstrip("v").split(".")[:2]
        stamps = (f"-X {value.format(version=self.version, major=major, minor=minor)}" for value in self.linker)
        return " ".join(["-s", "-w", *stamps])

    @property
    def key(self) -> str:
        """Hash of everything that decides what is built; the same key means the same programs."""
        parts = (self._file("go.mod"), self._file("go.sum"), self.linker_flags, platform.machine())
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """Where the built programs lie; it exists only when the build was completed."""
        return cache_folder() / "bin" / f"{self.name}-{self.key}"

    @property
    def source(self) -> Path:
        return self.modules / self.name

    def _file(self, name: str) -> str:
        return (self.source / name).read_text(encoding="utf-8")


COMPONENTS: tuple[Component, ...] = (
    Component(
        name="kubernetes",
        module="k8s.io/kubernetes",
        # etcd lives in this module because it shares its client's version with the API server.
        programs=(
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubectl",
            "kubelet",
        ),
        linker=(f"{STAMP}.gitVersion={{version}}", f"{STAMP}.gitMajor={{major}}", f"{STAMP}.gitMinor={{minor}}"),
        minutes=6,
    ),
    Component("helm", "helm.sh/helm/v4", ("helm",), ("helm.sh/helm/v4/internal/version.version={version}",), 2),
    Component("coredns", "github.com/coredns/coredns", ("coredns",), (), 2),
    Component("kwok", "sigs.k8s.io/kwok", ("kwok",), ("sigs.k8s.io/kwok/pkg/consts.Version={version}",), 1),
    Component(
        name="local-path-provisioner",
        module="github.com/rancher/local-path-provisioner",
        programs=("local-path-provisioner",),
        linker=("main.VERSION={version}",),
        minutes=1,
    ),
)


def component(name: str) -> Component:
    """The component called `name`; an unknown one is refused with the nearest right spelling."""
    return _choose(name, {each.name: each for each in COMPONENTS}, "component")


def program_owner(program: str) -> Component:
    """The component that builds `program`."""
    return _choose(program, {each: owner for owner in COMPONENTS for each in owner.programs}, "program")


def program_path(program: str) -> Path:
    """Where `program` lies or will lie once it is built."""
    return program_owner(program).folder / program


def fingerprint(components: Iterable[Component] = COMPONENTS) -> str:
    """One hash for the versions of all components; a running cluster with another one is out of date."""
    return hashlib.sha256(" ".join(each.key for each in components).encode()).hexdigest()[:16]


def _choose(name: str, known: dict[str, Component], what: str) -> Component:
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ClusterError(f"There is no {what} {name!r}.", f"{hint}choose one of: {', '.join(known)}")
