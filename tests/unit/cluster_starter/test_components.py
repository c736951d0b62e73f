"""What is built, and where it is looked for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.cluster.components import COMPONENTS, component, fingerprint, program_owner, program_path
from tests.cluster.errors import ClusterError


@pytest.mark.parametrize("each", COMPONENTS, ids=lambda each: each.name)
def test_every_component_pins_its_version_and_its_programs(each: object) -> None:
    chosen = component(each.name)  # type: ignore[attr-defined]
    assert re.fullmatch(r"v\d+\.\d+\.\d+", chosen.version)
    tools = (chosen.source / "go.mod").read_text(encoding="utf-8")
    assert all(name in tools for name in chosen.programs)


def test_the_version_is_stamped_into_kubernetes() -> None:
    flags = component("kubernetes").linker_flags
    assert "version.gitVersion=v1.35.4" in flags
    assert "version.gitMajor=1" in flags
    assert "version.gitMinor=35" in flags


def test_what_is_stamped_changes_where_it_is_cached() -> None:
    helm = component("helm")
    assert replace(helm, linker=()).folder != helm.folder


def test_the_fingerprint_of_all_changes_with_any_of_them() -> None:
    assert fingerprint() != fingerprint(COMPONENTS[1:])


def test_etcd_comes_with_kubernetes() -> None:
    assert program_owner("etcd").name == "kubernetes"
    assert program_path("etcd").name == "etcd"


def test_a_misspelt_program_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ClusterError, match="did you mean kubectl"):
        program_owner("kubctl")


def test_a_misspelt_component_is_refused_with_all_there_are() -> None:
    with pytest.raises(ClusterError, match="kubernetes, helm, coredns, kwok, local-path-provisioner"):
        component("nothing-like-it")
