"""What the demo did not make it leaves alone: it says what is in its way, and how to go on."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from finetune_operator.api.names import UID_LABEL
from tests.cluster import ClusterError, ensure_program
from tests.demo.failure import DemoError
from tests.demo.install import CHART, RELEASE, Helm, apply_crds, standing_values
from tests.demo.install import NAMESPACE as OPERATOR_NAMESPACE
from tests.demo.kubectl import Json, Kubectl
from tests.demo.mark import LABEL, MARK, is_marked, marked
from tests.demo.ownership import require_an_operator, require_own
from tests.demo.sample import JOB, NAMESPACE, apply_sample, restricted_namespace
from tests.demo.target import whereabouts
from tests.demo.watch import until
from tests.support.apiserver import remove_api_server, running_api_server

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(os.environ.get("CLUSTER") == "current", reason="puts things in the demo's way on purpose"),
]
LABELLED: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "theirs", "labels": {"app.kubernetes.io/name": "finetune-operator"}},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "theirs"}},
        "template": {
            "metadata": {"labels": {"app": "theirs"}},
            "spec": {"containers": [{"name": "operator", "image": "theirs"}]},
        },
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The kubeconfig of a control plane of this module's own: operators are looked for in the whole cluster."""
    name = f"demo-{secrets.token_hex(3)}"
    try:
        with running_api_server(name) as server:
            yield server.kubeconfig
    finally:
        remove_api_server(name)


@pytest.fixture
def helm(server: Path) -> Iterator[Helm]:
    """Helm and kubectl on it; nothing is in the demo's way after the test. Namespaces stay: they take seconds to go."""
    helm = Helm(ensure_program("helm"), Kubectl(ensure_program("kubectl"), server))
    yield helm
    helm.run("uninstall", RELEASE, f"--namespace={OPERATOR_NAMESPACE}")
    helm.kubectl.run("delete", "deployments", "--all", "--namespace=theirs")
    helm.kubectl.apply(marked(restricted_namespace(NAMESPACE)))
    if helm.kubectl.get("customresourcedefinition", "finetunejobs.finetune.dev"):
        helm.kubectl.delete("finetunejob", JOB, NAMESPACE)


def refusal(helm: Helm, *, keeps: bool = False) -> DemoError:
    with pytest.raises(DemoError) as refused:
        require_own(helm, keeps=keeps)
    return refused.value


def release(helm: Helm, folder: Path, *options: str) -> None:
    """Install a chart with the release's name and one Deployment that says that it is the operator."""
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "stand-in", "version": "0.1.0"}))
    (folder / "templates" / "operator.yaml").write_text(json.dumps(LABELLED))
    place = (f"--namespace={OPERATOR_NAMESPACE}", "--create-namespace")
    said = helm.run("install", RELEASE, str(folder), *place, "--set=settings.logLevel=debug", *options)
    assert said.returncode == 0, said.stderr


def namespace(helm: Helm, name: str) -> None:
    helm.kubectl.apply(restricted_namespace(name))


def test_an_empty_cluster_is_free(helm: Helm) -> None:
    require_own(helm)
    assert standing_values(helm) == {}
    with pytest.raises(DemoError, match="there is none in this cluster"):
        require_an_operator(helm.kubectl)


def test_a_release_that_somebody_else_installed_is_in_the_way_unless_it_is_to_be_used_as_it_is(
    helm: Helm, tmp_path: Path
) -> None:
    release(helm, tmp_path)
    refused = refusal(helm)
    assert f"did not install is in namespace '{OPERATOR_NAMESPACE}'" in str(refused)
    assert "DEMO_OPERATOR=keep" in refused.remedy
    require_own(helm, keeps=True)
    require_an_operator(helm.kubectl)


def test_a_release_of_its_own_is_free_and_what_was_set_for_it_is_known(helm: Helm, tmp_path: Path) -> None:
    release(helm, tmp_path, f"--labels={MARK}")
    require_own(helm)
    assert standing_values(helm) == {"settings": {"logLevel": "debug"}}


def test_an_operator_that_no_helm_knows_of_is_in_the_way(helm: Helm) -> None:
    namespace(helm, "theirs")
    helm.kubectl.apply(LABELLED, namespace="theirs")
    assert "is in namespace 'theirs'" in str(refusal(helm))


def test_a_namespace_of_that_name_is_in_the_way_until_its_owner_hands_it_over(helm: Helm) -> None:
    namespace(helm, NAMESPACE)
    helm.kubectl.run("label", "namespace", NAMESPACE, f"{LABEL}-")
    refused = refusal(helm, keeps=True)
    assert f"The namespace '{NAMESPACE}' is there already" in str(refused)
    command = refused.remedy.rpartition("kubectl ")[2].split()
    helm.kubectl.run(*command)
    require_own(helm)


def established(kubectl: Kubectl) -> bool | None:
    """Whether FineTuneJobs can be created; kubectl wait fails on a definition that has no conditions yet."""
    definition = kubectl.get("customresourcedefinition", "finetunejobs.finetune.dev", "") or {}
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions) or None


def test_a_job_of_that_name_is_in_the_way_and_the_demos_own_is_not(helm: Helm) -> None:
    kubectl = helm.kubectl
    apply_crds(kubectl)
    assert until(lambda: established(kubectl), 30), "the API server serves the kind"
    kubectl.apply(marked(restricted_namespace(NAMESPACE)))
    theirs: Json = {"metadata": {"name": JOB}, "apiVersion": "finetune.dev/v1alpha1", "kind": "FineTuneJob"}
    spec: Json = {"jobType": "sft", "model": {"name": "pvc://models/tiny"}, "instanceType": "cpu-small"}
    spec |= {"datasets": [{"name": "a", "uri": "pvc://data/train.jsonl"}]}
    kubectl.apply(theirs | {"spec": spec}, namespace=NAMESPACE)
    refused = refusal(helm)
    assert f"The FineTuneJob '{JOB}' in namespace '{NAMESPACE}' is there already" in str(refused)
    kubectl.run(*refused.remedy.rpartition("kubectl ")[2].split())
    apply_sample(kubectl)
    require_own(helm)


def test_the_demo_removes_the_model_of_the_job_that_it_replaces_and_no_other(helm: Helm) -> None:
    kubectl = helm.kubectl
    apply_crds(kubectl)
    assert until(lambda: established(kubectl), 30), "the API server serves the kind"
    kubectl.apply(marked(restricted_namespace(NAMESPACE)))
    apply_sample(kubectl)
    job = kubectl.get("finetunejob", JOB, NAMESPACE)
    assert job
    kubectl.apply(claim("its-own", job["metadata"]["uid"]), claim("somebodys", "another"), namespace=NAMESPACE)
    apply_sample(kubectl)
    again = kubectl.get("finetunejob", JOB, NAMESPACE)
    assert again
    assert again["metadata"]["uid"] != job["metadata"]["uid"]
    assert again["metadata"]["labels"][LABEL]
    assert kubectl.get("persistentvolumeclaim", "somebodys", NAMESPACE)
    gone = kubectl.get("persistentvolumeclaim", "its-own", NAMESPACE)
    assert gone is None or "deletionTimestamp" in gone["metadata"]


def claim(name: str, uid: str) -> Json:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    metadata = {"name": name, "labels": {UID_LABEL: uid}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def test_crds_that_somebody_else_installed_stay_as_they_are_in_a_cluster_that_is_not_ours(
    helm: Helm, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(server))
    users = Kubectl(helm.kubectl.program, None)
    theirs = yaml.safe_load((CHART / "crds" / "datasets.finetune.dev.yaml").read_text(encoding="utf-8"))
    kind = (theirs["kind"].lower(), theirs["metadata"]["name"])
    helm.kubectl.delete(*kind)
    helm.kubectl.apply(theirs)
    apply_crds(users)
    found = users.get(*kind)
    assert found
    assert not is_marked(found["metadata"].get("labels") or {})
    ours = users.get(kind[0], "finetunejobs.finetune.dev")
    assert ours
    assert is_marked(ours["metadata"]["labels"])


def test_the_cluster_is_named_by_context_and_server(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(server.read_text(encoding="utf-8"))
    monkeypatch.setenv("KUBECONFIG", str(server))
    kubectl = Kubectl(ensure_program("kubectl"), None)
    said = whereabouts(kubectl)
    assert said == f"context {config['current-context']!r}, server {config['clusters'][0]['cluster']['server']}"
    nowhere = tmp_path / "config"
    nowhere.write_text(yaml.safe_dump({**config, "current-context": ""}), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(nowhere))
    with pytest.raises(ClusterError, match="use-context"):
        whereabouts(kubectl)
