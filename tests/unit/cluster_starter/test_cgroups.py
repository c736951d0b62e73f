"""Control groups on trees of plain files that look like version 1 and version 2."""

from __future__ import annotations

from pathlib import Path

from tests.cluster import cgroups


def test_version_1_groups_inherit_the_processors(tmp_path: Path) -> None:
    cpuset = _version_1(tmp_path / "cpuset")
    cgroups.create("demo", [cpuset])
    for group in (cpuset / "finetune-operator", cpuset / "finetune-operator" / "demo"):
        assert (group / "cpuset.cpus").read_text() == "0-1\n"


def test_version_2_shares_out_only_what_the_machine_controls(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory rdma\n")
    (tmp_path / "finetune-operator").mkdir()
    (tmp_path / "finetune-operator" / "cgroup.controllers").write_text("cpu memory\n")
    cgroups.create("demo", [tmp_path])
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory"
    assert (tmp_path / "finetune-operator" / "cgroup.subtree_control").read_text() == "+cpu +memory"


def test_removing_takes_nested_groups_and_leaves_other_clusters(tmp_path: Path) -> None:
    cgroups.create("demo", [tmp_path])
    cgroups.create("other", [tmp_path])
    (tmp_path / "finetune-operator" / "demo" / "kubepods" / "pod-1").mkdir(parents=True)
    cgroups.remove("demo", [tmp_path])
    assert cgroups.existing("demo", [tmp_path]) == []
    assert cgroups.existing("other", [tmp_path]) != []
    cgroups.remove("other", [tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    cgroups.remove("demo", [tmp_path])


def _version_1(root: Path) -> Path:
    # The kernel fills every new group with files; plain folders get them beforehand.
    for group in (root, root / "finetune-operator", root / "finetune-operator" / "demo"):
        group.mkdir(parents=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            (group / name).write_text("0-1\n" if group == root else "\n")
    return root
