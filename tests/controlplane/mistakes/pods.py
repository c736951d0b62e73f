"""Mistakes in ``spec.podTemplate``."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.model import Json
from tests.controlplane.mistakes.mistake import Mistakes, language

AT: Final = "spec.podTemplate"
SECRET: Final = "put it into a Secret and use valueFrom.secretKeyRef"
FROM_SECRET: Final[Json] = {"secretKeyRef": {"name": "hub", "key": "token"}}
NOT_YOURS: Final = "keys under finetune.dev, kubernetes.io and k8s.io are not a job's to set"
OPERATORS: Final = "WORLD_SIZE belongs to the operator, the container runtime or the image: choose another name"
PLAIN: Final = "a mountPath is plain: no //, no . or .. between slashes, no slash at its end"
ONE_VOLUME: Final = "needs exactly one of persistentVolumeClaim, configMap, secret, emptyDir"
CLAIM: Final[Json] = {"name": "more", "persistentVolumeClaim": {"claimName": "more"}}


def pods(**fields: object) -> Json:
    """Pods with these fields."""
    return {"podTemplate": fields}


def env(name: str, value: str | None = None, **more: object) -> Json:
    """Pods with this variable."""
    return pods(env=[{"name": name, **({} if value is None else {"value": value}), **more}])


def mounted(path: str, name: str = "more") -> Json:
    """Pods with a volume at this path."""
    return pods(volumes=[CLAIM], volumeMounts=[{"name": name, "mountPath": path}])


def key_rule(field: str) -> str:
    """What the keys of a map may be."""
    return f"keys of {field} have at most 63 letters, digits, dashes, dots and underscores, after DOMAIN/ at will"


ENVIRONMENT: Final[Mistakes] = {
    **{
        f"{name} in plain text": language(
            env(name, "hf_abcdefgh"),
            f"{AT}.env[0].value",
            f"{name} looks like a secret, which does not stand in a resource",
            SECRET,
            env(name, valueFrom=FROM_SECRET),
        )
        for name in (
            "HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "openai_apikey", "DB_PASS", "HF_TOKEN1",
            "GOOGLE_CREDENTIALS", "DB_PASSWORD_PROD",
        )
    },
    "a proxy with its password": language(
        env("HTTPS_PROXY", "http://me:secret@proxy.example"),
        f"{AT}.env[0].value",
        "HTTPS_PROXY is an address with a user or password",
        SECRET,
        env("HTTPS_PROXY", "http://proxy.example"),
    ),
    **{
        f"the variable {name}": language(
            env(name, "all"),
            f"{AT}.env[0].name",
            f"{name} belongs to the operator, the container runtime or the image",
            "choose another name",
            env(f"MY_{name}", "all"),
        )
        for name in (
            "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "CUDA_VISIBLE_DEVICES", "PET_NNODES", "TORCHELASTIC_RUN_ID",
            "LOCAL_WORLD_SIZE", "PYTHONPATH", "PYTHONHOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "TMPDIR",
        )
    },
    "a variable of the operator": language(
        env("WORLD_SIZE", "8"), f"{AT}.env[0].name", "WORLD_SIZE", OPERATORS, env("MY_SIZE", "8")
    ),
    "a variable of the trainer contract": language(
        env("FINETUNE_STAGE", "train"), f"{AT}.env[0].name", "FINETUNE_STAGE", "choose another name", env("STAGE", "train")
    ),
    "a variable with a dash": language(
        env("LOG-LEVEL", "debug"), f"{AT}.env[0].name", '"LOG-LEVEL"', "should match", env("LOG_LEVEL", "debug")
    ),
    "a variable that is a number": language(
        pods(env=[{"name": "NCCL_DEBUG", "value": 1}]), f"{AT}.env[0].value", "integer", "must be of type string", env("NCCL_DEBUG", "1")
    ),
    "variables as a map": language(
        pods(env={"NCCL_DEBUG": "INFO"}), f"{AT}.env.NCCL_DEBUG", "", "unknown field", env("NCCL_DEBUG", "INFO")
    ),
    "a variable without a value": language(
        env("A"), f"{AT}.env[0]", "neither", "A needs either value or valueFrom, and not both", env("A", "")
    ),
    "a variable with two values": language(
        env("A", "b", valueFrom=FROM_SECRET), f"{AT}.env[0]", "both", "A needs either value or valueFrom, and not both", env("A", "b")
    ),
    "a value from two places": language(
        env("A", valueFrom={**FROM_SECRET, "configMapKeyRef": {"name": "a", "key": "b"}}),
        f"{AT}.env[0].valueFrom",
        "both",
        "valueFrom needs either secretKeyRef or configMapKeyRef, and not both",
        env("A", valueFrom={"configMapKeyRef": {"name": "a", "key": "b"}}),
    ),
    "a variable twice": language(
        pods(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
        f"{AT}.env[1]",
        '{"name":"A"}',
        "Duplicate value",
        pods(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
    ),
}  # fmt: skip

MARKS: Final[Mistakes] = {
    **{
        f"{field} of the operator's own": language(
            pods(**{field: {"finetune.dev/job": "other"}}), f"{AT}.{field}", "finetune.dev/job", NOT_YOURS, pods(**{field: {"team": "other"}})
        )
        for field in ("labels", "annotations")
    },
    "a label of Kubernetes": language(
        pods(labels={"app.kubernetes.io/managed-by": "me"}), f"{AT}.labels", "app.kubernetes.io/managed-by", NOT_YOURS, pods(labels={"by": "me"})
    ),
    **{
        f"the label {key} of Kubernetes": language(
            pods(labels={key: "me"}), f"{AT}.labels", key, NOT_YOURS, pods(labels={"app.kubernetes.io/part-of": "me"})
        )
        for key in ("job-name", "controller-uid", "batch.kubernetes.io/job-name")
    },
    "a queue by its label": language(
        pods(labels={"kueue.x-k8s.io/queue-name": "gpu"}), f"{AT}.labels", "kueue.x-k8s.io/queue-name", NOT_YOURS, {"queueName": "gpu"}
    ),
    **{
        f"{field} with a blank": language(
            pods(**{field: {"cost center": "7"}}), f"{AT}.{field}", "cost center", key_rule(field), pods(**{field: {"cost-center": "7"}})
        )
        for field in ("labels", "annotations", "nodeSelector")
    },
    "a label value with a blank": language(
        pods(labels={"team": "robot arms"}), f"{AT}.labels.team", '"robot arms"', "should match", pods(labels={"team": "robot-arms"})
    ),
    "a toleration without a key": language(
        pods(tolerations=[{"effect": "NoSchedule"}]),
        f"{AT}.tolerations[0]",
        "without a key",
        "a toleration needs operator Exists, which tolerates every taint",
        pods(tolerations=[{"operator": "Exists", "effect": "NoSchedule"}]),
    ),
    "a toleration with a value for nothing": language(
        pods(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
        f"{AT}.tolerations[0].value",
        "given: b",
        "operator Exists takes no value",
        pods(tolerations=[{"key": "a", "value": "b"}]),
    ),
    "pull secrets in words": language(
        pods(imagePullSecrets=["registry"]),
        f"{AT}.imagePullSecrets[0]",
        "string",
        "must be of type object",
        pods(imagePullSecrets=[{"name": "registry"}]),
    ),
}  # fmt: skip

VOLUMES: Final[Mistakes] = {
    "a volume of nothing": language(
        pods(volumes=[{"name": "more"}]), f"{AT}.volumes[0]", "volume more", ONE_VOLUME, pods(volumes=[CLAIM])
    ),
    "a volume of two": language(
        pods(volumes=[CLAIM | {"emptyDir": {}}]), f"{AT}.volumes[0]", "given: 2", ONE_VOLUME, pods(volumes=[{"name": "more", "emptyDir": {}}])
    ),
    "a mount of no volume": language(
        mounted("/more", "other"), f"{AT}.volumeMounts", "given: other", "a volumeMount names a volume of podTemplate.volumes", mounted("/more")
    ),
    **{
        f"a mount at {path}": language(
            mounted(path),
            f"{AT}.volumeMounts[0].mountPath",
            f"{path} belongs to the operator, the system or the image",
            "choose another path, such as /opt/NAME",
            mounted("/opt/more"),
        )
        for path in (
            "/workspace/more", "/usr", "/usr/local/lib", "/lib", "/bin", "/etc", "/etc/passwd", "/proc", "/sys", "/opt", "/opt/venv", "/app",
            "/run/secrets/finetune", "/run/secrets/kubernetes.io/x",
        )
    },
    "a mount over everything": language(
        pods(volumes=[CLAIM], volumeMounts=[{"name": "more", "mountPath": "//"}]),
        f"{AT}.volumeMounts[0].mountPath",
        "given: //",
        PLAIN,
        mounted("/more"),
    ),
    "a path out of a volume": language(
        pods(volumes=[CLAIM], volumeMounts=[{"name": "more", "mountPath": "/more", "subPath": "a/../b"}]),
        f"{AT}.volumeMounts[0].subPath",
        "given: a/../b",
        "a subPath stays within its volume: no .. between slashes",
        pods(volumes=[CLAIM], volumeMounts=[{"name": "more", "mountPath": "/more", "subPath": "a/..b"}]),
    ),
    "a mount with a detour": language(
        mounted("/more/../workspace"),
        f"{AT}.volumeMounts[0].mountPath",
        "given: /more/../workspace",
        PLAIN,
        mounted("/more/data"),
    ),
    "a mount without a root": language(
        mounted("more"), f"{AT}.volumeMounts[0].mountPath", '"more"', "should match", mounted("/more")
    ),
    "a claim without a name": language(
        pods(volumes=[{"name": "more", "persistentVolumeClaim": {}}]),
        f"{AT}.volumes[0].persistentVolumeClaim.claimName",
        "",
        "Required value",
        pods(volumes=[CLAIM]),
    ),
}  # fmt: skip

PODS: Final[Mistakes] = ENVIRONMENT | MARKS | VOLUMES

ACCEPTED: Final[dict[str, Json]] = {
    **{
        f"the variable {name}": env(name, "1")
        for name in ("TOKENIZERS_PARALLELISM", "MAX_TOKENS", "NCCL_DEBUG", "KEYBOARD", "MONKEY", "RANKING", "HF_HUB_OFFLINE", "SORT_KEY", "PASSAGE", "NVIDIA_TF32_OVERRIDE")
    },
    "a path of credentials": env("GOOGLE_APPLICATION_CREDENTIALS", "/run/secrets/google/key.json"),
    "a proxy of a name": env("HTTPS_PROXY", "http://proxy.example:3128/a@b"),
    "labels that Kubernetes recommends": pods(labels={f"app.kubernetes.io/{k}": "a" for k in ("name", "instance", "part-of")}),
    "a word to the autoscaler": pods(annotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}),
    "certificates": mounted("/etc/ssl/certs/corporate"),
    "credentials of another": mounted("/run/secrets/google"),
    "an empty token": env("HF_TOKEN", ""),
    "labels of every form": pods(labels={"a": "", "team.example/b_c": "D.e", "Z": "1"}),
    "node labels of Kubernetes": pods(nodeSelector={"topology.kubernetes.io/zone": "a"}),
    "a mount beside the workspace": mounted("/workspaces"),
    "every kind of volume": pods(
        volumes=[
            CLAIM,
            {"name": "a", "configMap": {"name": "a", "optional": True}},
            {"name": "b", "secret": {"secretName": "b"}},
            {"name": "c", "emptyDir": {"sizeLimit": "1Gi"}},
        ]
    ),
}  # fmt: skip
