"""What the operator may do: this list and nothing else. A new right is written down here, with a reason in the chart."""

from __future__ import annotations

import pytest

from finetune_operator.reconciler.progress import SECRET_NAME
from finetune_operator.reconciler.settings import Settings
from tests.chart.rendering import RELEASE, of_kind, rendered, rules_in

CLUSTER = f"ClusterRole {RELEASE}"
OWN = f"Role {RELEASE}"
GRANTED = {
    (CLUSTER, "finetune.dev", "finetunejobs", "get list watch", ""),
    (CLUSTER, "finetune.dev", "datasets", "get list watch", ""),
    (CLUSTER, "finetune.dev", "instancetypes", "get list watch", ""),
    (CLUSTER, "finetune.dev", "basemodels", "get list watch", ""),
    (CLUSTER, "finetune.dev", "finetunejobs/status", "patch", ""),
    (CLUSTER, "finetune.dev", "datasets/status", "patch", ""),
    (CLUSTER, "finetune.dev", "instancetypes/status", "patch", ""),
    (CLUSTER, "finetune.dev", "basemodels/status", "patch", ""),
    (CLUSTER, "finetune.dev", "finetunejobs/finalizers", "update", ""),
    (CLUSTER, "finetune.dev", "datasets/finalizers", "update", ""),
    (CLUSTER, "", "namespaces", "get", ""),
    (CLUSTER, "batch", "jobs", "get list watch create delete", ""),
    (CLUSTER, "", "pods", "get list watch delete", ""),
    (CLUSTER, "", "events", "list create", ""),
    (CLUSTER, "", "persistentvolumeclaims", "get create", ""),
    (CLUSTER, "", "configmaps", "get create patch", ""),
    (CLUSTER, "", "services", "get list create delete", ""),
    (CLUSTER, "authentication.k8s.io", "tokenreviews", "create", ""),
    (OWN, "coordination.k8s.io", "leases", "create", ""),
    (OWN, "coordination.k8s.io", "leases", "get update", "finetune-operator"),
    (OWN, "", "secrets", "create", ""),
    (OWN, "", "secrets", "get update", "finetune-operator-progress-ca"),
    (OWN, "", "pods", "patch", ""),
}
FOR_USERS = {
    (f"ClusterRole {RELEASE}-view", "finetune.dev", "finetunejobs", "get list watch", ""),
    (f"ClusterRole {RELEASE}-view", "finetune.dev", "datasets", "get list watch", ""),
    (f"ClusterRole {RELEASE}-view", "finetune.dev", "instancetypes", "get list watch", ""),
    (f"ClusterRole {RELEASE}-view", "finetune.dev", "basemodels", "get list watch", ""),
    (f"ClusterRole {RELEASE}-edit", "finetune.dev", "finetunejobs", "create update patch delete deletecollection", ""),
    (f"ClusterRole {RELEASE}-edit", "finetune.dev", "datasets", "create update patch delete deletecollection", ""),
    (f"ClusterRole {RELEASE}-catalog", "finetune.dev", "instancetypes", "get list watch", ""),
    (f"ClusterRole {RELEASE}-catalog", "finetune.dev", "basemodels", "get list watch", ""),
}


def granted(**values: object) -> set[tuple[str, str, str, str, str]]:
    return {
        (role, group, resource, " ".join(rule["verbs"]), " ".join(rule.get("resourceNames", ())))
        for role, rule in rules_in(rendered(values))
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_the_rights_are_exactly_these() -> None:
    assert granted() == GRANTED | FOR_USERS


def test_no_right_has_a_wildcard() -> None:
    for _, rule in rules_in(rendered()):
        assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}


def test_the_names_that_rights_are_bound_to_are_those_that_the_operator_uses() -> None:
    bound = {names for *_, names in granted() if names}
    assert bound == {SECRET_NAME, Settings().lease.name}


def test_a_lease_of_another_name_is_the_one_that_may_be_renewed() -> None:
    renamed = granted(settings={"lease": {"name": "mine"}})
    assert (OWN, "coordination.k8s.io", "leases", "get update", "mine") in renamed


@pytest.mark.parametrize(
    ("switch", "gone"), [("aggregateToUserRoles", {"view", "edit"}), ("catalogForAll", {"catalog"})]
)
def test_the_rights_of_users_can_be_left_out(switch: str, gone: set[str]) -> None:
    names = {f"ClusterRole {RELEASE}-{name}" for name in gone}
    assert granted(rbac={switch: False}) == {right for right in GRANTED | FOR_USERS if right[0] not in names}


def test_every_role_is_bound_to_the_operator_alone_but_for_the_catalog() -> None:
    objects = rendered()
    bindings = {**of_kind("ClusterRoleBinding", objects), **of_kind("RoleBinding", objects)}
    subjects = {name: [each["name"] for each in binding["subjects"]] for name, binding in bindings.items()}
    assert subjects == {RELEASE: [RELEASE], f"{RELEASE}-catalog": ["system:authenticated"]}


def test_roles_for_users_reach_them_by_aggregation() -> None:
    roles = of_kind("ClusterRole", rendered())
    reached = {
        name: {label.rpartition("-")[2] for label in role["metadata"]["labels"] if "aggregate-to-" in label}
        for name, role in roles.items()
    }
    assert reached == {
        RELEASE: set(),
        f"{RELEASE}-view": {"view", "edit", "admin"},
        f"{RELEASE}-edit": {"edit", "admin"},
        f"{RELEASE}-catalog": set(),
    }
