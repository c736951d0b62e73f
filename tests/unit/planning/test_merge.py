"""A podTemplate adds and replaces nothing: whatever it holds, the pod keeps the trainer contract and pod security."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.api.finetunejob import PodTemplate
from finetune_operator.api.finetunejob.contract import key_taken, path_taken, variable_taken
from finetune_operator.api.model import Json
from finetune_operator.api.status import Stage
from finetune_operator.planning.manifests.merge import with_additions
from finetune_operator.planning.manifests.pod import Progress, pod_template
from finetune_operator.planning.run_config import Run
from tests.unit.planning.restricted import breaches
from tests.unit.planning.scene import a_job, resolved_for

JOB = a_job({"output": {"uri": "pvc://models/out"}})
STAGES: tuple[Stage, ...] = ("prepare", "train")

DOMAINS = st.sampled_from(
    ["", "example.com/", "finetune.dev/", "app.kubernetes.io/", "batch.kubernetes.io/", "kueue.x-k8s.io/"]
)
WORDS = st.sampled_from(
    [
        "job",
        "job-uid",
        "stage",
        "attempt",
        "run.json",
        "managed-by",
        "queue-name",
        "team",
        "a",
        "job-name",
        "controller-uid",
        "part-of",
    ]
)
KEYS = st.builds("{}{}".format, DOMAINS, WORDS)
PAIRS = st.dictionaries(KEYS, st.sampled_from(["", "x", "train"]), max_size=6)
VARIABLES = st.sampled_from(
    [
        "HOME",
        "PYTHONUNBUFFERED",
        "FINETUNE_SECRET_MODEL_TOKEN",
        "KUBEFLOW_TRAINER_SERVER_URL",
        "MASTER_ADDR",
        "RANK",
        "WORLD_SIZE",
        "JOB_COMPLETION_INDEX",
        "TOKENIZERS_PARALLELISM",
        "LD_PRELOAD",
        "PATH",
        "NVIDIA_VISIBLE_DEVICES",
        "CUDA_VISIBLE_DEVICES",
        "PET_NNODES",
        "PYTHONPATH",
        "WANDB_API_KEY",
        "X",
    ]
)
SOURCES = st.sampled_from(
    [
        {"value": "mine"},
        {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
    ]
)
NAMES = st.sampled_from(["tmp", "shm", "run", "progress-token", "claim-models", "own-tmp", "cache", "a" * 63, "data"])
KINDS = st.sampled_from(
    [
        {"emptyDir": {}},
        {"emptyDir": {"sizeLimit": "1Gi"}},
        {"configMap": {"name": "support-questions"}},
        {"secret": {"secretName": "s"}},
        {"persistentVolumeClaim": {"claimName": "models"}},
        {"persistentVolumeClaim": {"claimName": "models", "readOnly": True}},
        {"persistentVolumeClaim": {"claimName": "elsewhere"}},
    ]
)
PATHS = st.sampled_from(
    [
        "/.",
        "//",
        "/workspace",
        "/workspace/",
        "/workspace/model",
        "/tmp",
        "/tmp/x",
        "/dev",
        "/dev/shm",
        "/etc",
        "/etc/finetune",
        "/etc/finetune/run.json",
        "/var",
        "/var/run",
        "/run",
        "/run/secrets/finetune",
        "/var/run/secrets",
        "/inputs",
        "/cache",
        "/x/../workspace",
        "/./tmp",
        "/data",
        "/data/deeper",
        "/etc/ssl",
        "/etc/passwd",
        "/usr/lib",
        "/proc",
        "/opt/venv/lib",
        "/app",
        "/opt/models",
        "/workspaces",
    ]
)


def unique(strategy: st.SearchStrategy[Json], key: str) -> st.SearchStrategy[list[Json]]:
    """Lists in which no two items share a key, as the API server's list-maps are."""
    return st.lists(strategy, max_size=6, unique_by=lambda item: item[key])


TEMPLATES = st.fixed_dictionaries(
    {},
    optional={
        "labels": PAIRS,
        "annotations": PAIRS,
        "env": unique(st.builds(lambda name, source: {"name": name, **source}, VARIABLES, SOURCES), "name"),
        "tolerations": st.lists(st.just({"operator": "Exists"}), max_size=2),
        "nodeSelector": PAIRS,
        "imagePullSecrets": st.just([{"name": "registry"}]),
        "serviceAccountName": st.just("trainer"),
        "runtimeClassName": st.just("nvidia"),
        "volumes": unique(st.builds(lambda name, kind: {"name": name, **kind}, NAMES, KINDS), "name"),
        "volumeMounts": unique(st.fixed_dictionaries({"name": NAMES, "mountPath": PATHS}), "mountPath"),
    },
).map(PodTemplate.model_validate)


def bare(stage: Stage) -> Json:
    """The pod template of a job that adds nothing."""
    resolved = resolved_for(
        JOB, nodeSelector={"pool": "gpus"}, tolerations=[{"key": "dedicated", "operator": "Exists"}]
    )
    return pod_template(Run(JOB, resolved, stage, 1), "Always", Progress("https://here", "pem"))


BARE = {stage: bare(stage) for stage in STAGES}


def added(given: Json, stage: Stage = "train") -> Json:
    """The pod template of a job with this podTemplate."""
    return with_additions(BARE[stage], PodTemplate.model_validate(given), stage)


@given(TEMPLATES, st.sampled_from(STAGES))
def test_whatever_is_added_pod_security_restricted_holds(additions: PodTemplate, stage: Stage) -> None:
    spec = with_additions(BARE[stage], additions, stage)["spec"]
    assert not breaches(spec)
    assert spec["automountServiceAccountToken"] is False
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == (
        BARE[stage]["spec"]["restartPolicy"],
        BARE[stage]["spec"]["terminationGracePeriodSeconds"],
    )


@given(TEMPLATES, st.sampled_from(STAGES))
def test_whatever_is_added_everything_that_was_rendered_is_still_there(additions: PodTemplate, stage: Stage) -> None:
    before, after = BARE[stage], with_additions(BARE[stage], additions, stage)
    (was,), (now,) = before["spec"]["containers"], after["spec"]["containers"]
    for kind in ("labels", "annotations"):
        assert before["metadata"][kind].items() <= after["metadata"][kind].items()
    assert before["spec"]["nodeSelector"].items() <= after["spec"]["nodeSelector"].items()
    for kind in ("env", "volumeMounts"):
        assert now[kind][: len(was[kind])] == was[kind]
    for kind in ("volumes", "tolerations"):
        assert after["spec"][kind][: len(before["spec"][kind])] == before["spec"][kind]
    assert {**now, "env": 0, "volumeMounts": 0} == {**was, "env": 0, "volumeMounts": 0}


@given(TEMPLATES, st.sampled_from(STAGES))
def test_whatever_is_added_the_api_server_would_take_the_pod(additions: PodTemplate, stage: Stage) -> None:
    spec = with_additions(BARE[stage], additions, stage)["spec"]
    (container,) = spec["containers"]
    names = [volume["name"] for volume in spec["volumes"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name) for name in names)
    paths = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert len(set(paths)) == len(paths)
    assert {mount["name"] for mount in container["volumeMounts"]} == set(names)
    variables = [variable["name"] for variable in container["env"]]
    assert len(set(variables)) == len(variables)
    claims = [v["persistentVolumeClaim"]["claimName"] for v in spec["volumes"] if "persistentVolumeClaim" in v]
    assert len(set(claims)) == len(claims)


@given(TEMPLATES, st.sampled_from(STAGES))
def test_whatever_is_added_nothing_of_it_touches_the_contract(additions: PodTemplate, stage: Stage) -> None:
    before, after = BARE[stage], with_additions(BARE[stage], additions, stage)
    (was,), (now,) = before["spec"]["containers"], after["spec"]["containers"]
    for variable in now["env"][len(was["env"]) :]:
        assert not variable_taken(variable["name"])
    for mount in now["volumeMounts"][len(was["volumeMounts"]) :]:
        assert not path_taken(mount["mountPath"])
        assert not any(
            f"{rendered['mountPath']}/".startswith(f"{mount['mountPath']}/") for rendered in was["volumeMounts"]
        )
    foreign = after["metadata"]["labels"].keys() - before["metadata"]["labels"].keys()
    assert not any(map(key_taken, foreign))
    assert not foreign & {"job-name", "controller-uid", "app.kubernetes.io/managed-by", "batch.kubernetes.io/job-name"}


def test_without_a_pod_template_nothing_is_added() -> None:
    assert with_additions(BARE["train"], None, "train") == BARE["train"] == added({})


def test_a_mount_that_leaves_its_volume_is_left_out() -> None:
    volumes = [{"name": "mine", "emptyDir": {}}]
    mount = {"name": "mine", "mountPath": "/mine", "subPath": "a/../../b"}
    assert added({"volumes": volumes, "volumeMounts": [mount]}) == BARE["train"]


def test_what_is_harmless_is_added() -> None:
    given = {
        "labels": {"team": "support"},
        "env": [{"name": "TOKENIZERS_PARALLELISM", "value": "false"}],
        "nodeSelector": {"zone": "a", "pool": "mine"},
        "tolerations": [{"key": "reserved", "operator": "Exists"}],
        "serviceAccountName": "trainer",
    }
    after = added(given)
    assert after["metadata"]["labels"]["team"] == "support"
    assert after["spec"]["containers"][0]["env"][-1] == {"name": "TOKENIZERS_PARALLELISM", "value": "false"}
    assert after["spec"]["nodeSelector"] == {"zone": "a", "pool": "gpus"}
    assert [each["key"] for each in after["spec"]["tolerations"]] == ["dedicated", "reserved"]
    assert after["spec"]["serviceAccountName"] == "trainer"


def test_a_runtime_class_is_for_training_alone_because_it_may_bring_gpus() -> None:
    given = {"runtimeClassName": "nvidia", "imagePullSecrets": [{"name": "registry"}]}
    assert added(given, "train")["spec"]["runtimeClassName"] == "nvidia"
    assert "runtimeClassName" not in added(given, "prepare")["spec"]
    assert added(given, "prepare")["spec"]["imagePullSecrets"] == [{"name": "registry"}]


def test_a_volume_that_bears_the_name_of_one_of_ours_gets_another() -> None:
    volumes = [{"name": "tmp", "emptyDir": {}}]
    after = added({"volumes": volumes, "volumeMounts": [{"name": "tmp", "mountPath": "/scratch"}]})
    assert after["spec"]["containers"][0]["volumeMounts"][-1] == {"name": "own-tmp", "mountPath": "/scratch"}


def test_a_claim_that_is_mounted_already_is_mounted_once_more_and_not_a_second_volume() -> None:
    volumes = [{"name": "mine", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}}]
    after = added({"volumes": volumes, "volumeMounts": [{"name": "mine", "mountPath": "/models", "subPath": "a"}]})
    mount = {"name": "claim-models", "mountPath": "/models", "readOnly": True, "subPath": "a"}
    assert after["spec"]["containers"][0]["volumeMounts"][-1] == mount
    assert after["spec"]["volumes"] == BARE["train"]["spec"]["volumes"]


def test_a_volume_that_nothing_mounts_is_left_out() -> None:
    assert added({"volumes": [{"name": "idle", "emptyDir": {}}]}) == BARE["train"]
