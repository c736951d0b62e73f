"""What the chart makes of its values."""

from __future__ import annotations

from typing import Final

import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.names import LEADER_LABEL, MANAGED_BY_LABEL, MANAGER
from finetune_operator.reconciler.progress.endpoint import serving_names
from finetune_operator.reconciler.settings import Settings, parse_settings
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, deployment_in, helm, of_kind, rendered, settings_in

PROBES: Final = ("startupProbe", "livenessProbe")


def test_helm_finds_nothing_to_complain_about() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


def test_every_namespaced_object_lies_in_the_namespace_of_the_release() -> None:
    clusterwide = {"ClusterRole", "ClusterRoleBinding", "InstanceType", "BaseModel"}
    values = {each: {"enabled": True} for each in ("networkPolicy", "podMonitor", "prometheusRule")}
    for item in rendered(values):
        assert (item["metadata"].get("namespace") is None) == (item["kind"] in clusterwide)
        assert item["metadata"].get("namespace", NAMESPACE) == NAMESPACE


def test_nothing_of_the_chart_is_taken_for_a_child_of_a_job() -> None:
    objects = rendered()
    labels = [item["metadata"]["labels"] for item in [*objects, deployment_in(objects)["spec"]["template"]]]
    assert all(each[MANAGED_BY_LABEL] != MANAGER for each in labels)


def test_the_operator_accepts_the_settings_that_the_chart_writes() -> None:
    settings = parse_settings(settings_in(rendered()), "the chart")
    families = {"trl", "lerobot"}
    assert settings.images.by_family() == {each: f"finetune-operator/trainer-{each}:0.1.0" for each in families}
    assert serving_names(settings) == (f"{RELEASE}-progress.{NAMESPACE}.svc",)


def test_the_chart_states_the_operators_own_defaults() -> None:
    given = settings_in(rendered())
    del given["images"]
    given["progress"].pop("url")
    assert parse_settings(given, "the chart") == Settings()


def test_every_setting_can_be_set_through_the_chart() -> None:
    settings = {
        "images": {
            "trl": "registry.example/trainer@sha256:" + "0" * 64,
            "lerobot": "registry.example/lerobot:1",
            "groot-n15": "registry.example/groot:1.5",
            "groot-n16": "registry.example/groot:1.6",
        },
        "stages": {"prepare": "inTrain", "queueCpu": True, "limitHours": 3},
        "imagePullPolicy": "Always",
        "workers": 4,
        "qps": 5,
        "burst": 6,
        "resyncSeconds": 7,
        "progress": {
            "host": "::",
            "port": 9443,
            "url": "https://operator.example:9443",
            "statusIntervalSeconds": 2,
            "statusWritesPerSecond": 3,
            "recordIntervalSeconds": 4,
            "recordWritesPerSecond": 5,
            "subjectAltNames": ["10.0.0.1"],
        },
        "health": {"host": "::", "port": 9080},
        "lease": {"name": "mine", "seconds": 30, "renewSeconds": 10},
        "logLevel": "debug",
    }
    objects = rendered({"settings": settings})
    assert settings_in(objects) == settings
    parsed = parse_settings(settings_in(objects), "the chart")
    assert parsed.model_dump(mode="json", by_alias=True, exclude={"namespace", "pod_name"}) == settings
    ports = {port["name"]: port["containerPort"] for port in _container(objects)["ports"]}
    assert ports == {"progress": 9443, "health": 9080}


def test_trainers_reach_the_service_under_the_url_that_they_are_given() -> None:
    objects = rendered({"settings": {"progress": {"port": 9443}}}, release="blue")
    service = of_kind("Service", objects)["blue-finetune-operator-progress"]
    assert service["spec"]["ports"] == [{"name": "progress", "port": 9443, "targetPort": "progress"}]
    url = f"https://blue-finetune-operator-progress.{NAMESPACE}.svc:9443"
    assert settings_in(objects)["progress"]["url"] == url


def test_the_progress_service_finds_the_operator_that_acts_and_no_other() -> None:
    objects = rendered()
    selector = of_kind("Service", objects)[f"{RELEASE}-progress"]["spec"]["selector"]
    labels = deployment_in(objects)["spec"]["template"]["metadata"]["labels"]
    assert selector.pop(LEADER_LABEL) == "true"
    assert selector.items() <= labels.items()
    assert LEADER_LABEL not in labels


def test_every_container_keeps_to_restricted_pod_security() -> None:
    spec = deployment_in(rendered())["spec"]["template"]["spec"]
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
    assert all(set(volume) - {"name"} <= {"configMap", "emptyDir"} for volume in spec["volumes"])


def test_a_node_under_load_is_given_time_before_the_operator_is_ended() -> None:
    container = _container(rendered())
    patience = {name: container[name]["periodSeconds"] * container[name]["failureThreshold"] for name in PROBES}
    assert patience["startupProbe"] >= 300
    assert patience["livenessProbe"] >= 120
    assert all(container[name]["timeoutSeconds"] >= 10 for name in PROBES)
    assert container["resources"]["requests"]["cpu"] == "200m"
    assert "cpu" not in container["resources"]["limits"], "a limit would throttle it when there is room"


def test_a_change_of_the_settings_restarts_the_pod_and_nothing_else_does() -> None:
    def checksum(level: str) -> str:
        template = deployment_in(rendered({"settings": {"logLevel": level}}))["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/settings"])

    assert checksum("debug") != checksum("info") == checksum("info")


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "finetune-operator/operator:0.1.0"),
        ({"repository": "localhost:5000/op", "tag": "abc"}, "localhost:5000/op:abc"),
        ({"tag": "abc", "digest": "sha256:" + "a" * 64}, "finetune-operator/operator@sha256:" + "a" * 64),
    ],
)
def test_the_image_is_named_by_tag_or_by_digest(image: dict[str, str], reference: str) -> None:
    assert _container(rendered({"image": image}))["image"] == reference


def test_what_is_optional_comes_only_when_asked_for() -> None:
    optional = {"NetworkPolicy", "PodMonitor"}
    assert not optional & {item["kind"] for item in rendered()}
    values = {"networkPolicy": {"enabled": True}, "podMonitor": {"enabled": True, "labels": {"release": "prom"}}}
    objects = rendered(values)
    assert optional <= {item["kind"] for item in objects}
    assert of_kind("PodMonitor", objects)[RELEASE]["metadata"]["labels"]["release"] == "prom"


def test_the_pod_takes_what_any_deployment_takes() -> None:
    values = {
        "replicas": 2,
        "imagePullSecrets": [{"name": "registry"}],
        "podLabels": {"team": "ml"},
        "podAnnotations": {"note": "x"},
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "system", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "serviceAccount": {"annotations": {"owner": "ml"}},
    }
    objects = rendered(values)
    deployment = deployment_in(objects)["spec"]
    pod = deployment["template"]
    assert deployment["replicas"] == 2
    assert pod["metadata"]["labels"]["team"] == "ml"
    assert pod["metadata"]["annotations"]["note"] == "x"
    for name in ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert pod["spec"][name] == values[name]
    assert of_kind("ServiceAccount", objects)[RELEASE]["metadata"]["annotations"] == {"owner": "ml"}


def _container(objects: list[Json]) -> Json:
    (container,) = deployment_in(objects)["spec"]["template"]["spec"]["containers"]
    found: Json = container
    return found
