"""Every field of every kind, filled in as a busy cluster would: for sizes, round trips and bounds.

A job cannot have all fields at once, so there are several: a language model with every group of fields, and a robot
policy with its reward model. Lists have the length of real life and not their maximum: two datasets, one tracker, two
variables, one volume; of the status three attempts (the check, one on a node that was lost, success), nine conditions, two
warnings, four choices, five files.

The language model's job stays just below ten kilobytes, and was cut down to that: a chat template of its own, a second
tracker, further volumes, further attempts or kubectl's last-applied annotation each take it above.
"""

from __future__ import annotations

from typing import Final

from finetune_operator.api.model import Json

COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
DIGEST: Final = "sha256:" + COMMIT + "0123456789abcdef01234567"

HYPERPARAMETERS: Final[Json] = {
    "epochs": 3,
    "batchSize": 64,
    "learningRate": 0.0002,
    "warmupRatio": 0.03,
    "weightDecay": 0.01,
    "maxGradNorm": 1,
    "contextLength": 4096,
    "packing": True,
    "seed": 42,
    "precision": "bf16",
    "lora": {
        "enabled": True,
        "rank": 16,
        "alpha": 32,
        "dropout": 0.05,
        "targetModules": ["q_proj", "k_proj", "v_proj"],
    },
    "quantization": "nf4",
    "dpo": {"beta": 0.1},
    "trainOn": "assistant",
    "extra": {"optim": "paged_adamw_8bit"},
}

LANGUAGE_JOB: Final[Json] = {
    "jobType": "dpo",
    "displayName": "Customer Support Classifier",
    "description": "Fine-tuned on 10k support tickets for intent classification",
    "model": {
        "name": "meta-llama/Llama-3.1-8B-Instruct",
        "type": "causal_lm",
        "revision": COMMIT,
        "secretRef": {"name": "hugging-face", "key": "token"},
        "trustRemoteCode": False,
        "fromCheckpoint": {"job": "support-bot-sft", "step": 1200},
    },
    "datasets": [
        {
            "name": "tickets",
            "split": "train",
            "uri": "s3://support-data/tickets",
            "files": ["2025.jsonl", "2026.jsonl"],
            "revision": "main",
            "format": "preference",
            "weight": 1,
            "secretRef": {"name": "object-store", "key": "settings"},
        },
        {"name": "tickets", "split": "validation", "datasetRef": {"name": "held-out-tickets"}, "format": "auto"},
    ],
    "hyperparameters": HYPERPARAMETERS,
    "evaluation": {
        "everySteps": 100,
        "fraction": 0.05,
        "prompts": ["My parcel has not arrived.", "How do I change my address?"],
        "earlyStopping": {"patience": 3},
    },
    "instanceType": "h100-x8",
    "allowMemoryOvercommit": False,
    "region": "eu-north1",
    "nodes": 2,
    "hours": 24,
    "startDeadlineSeconds": 1800,
    "stallTimeoutSeconds": 900,
    "maxCost": 2500,
    "backoffLimit": 3,
    "suspend": False,
    "stop": False,
    "cancel": False,
    "restartGeneration": 1,
    "restartFrom": "checkpoint",
    "output": {
        "uri": "s3://models/support-bot",
        "modelName": "support-bot",
        "suffix": "support-v1",
        "storageSize": "200Gi",
        "storageClassName": "shared-fast",
        "accessModes": ["ReadWriteMany"],
        "retain": True,
        "secretRef": {"name": "object-store", "key": "settings"},
        "merge": "merged",
        "select": "best",
    },
    "checkpoints": {"everySteps": 500, "everyMinutes": 30, "keepLast": 2, "keepBest": 1},
    "integrations": [
        {
            "type": "wandb",
            "wandb": {
                "project": "support",
                "name": "support-bot-v1",
                "entity": "platform",
                "tags": ["support", "v1"],
                "apiKeySecretRef": {"name": "wandb", "key": "api-key"},
            },
        },
    ],
    "tags": ["support", "v1"],
    "metadata": {"ticket": "ML-1234", "costCenter": "7700"},
    "queueName": "gpu",
    "priorityClassName": "batch-high",
    "childrenTTLSecondsAfterFinished": 604800,
    "cache": {"size": "500Gi", "storageClassName": "shared-fast"},
    "podTemplate": {
        "labels": {"team": "support"},
        "annotations": {"owner": "support@platform.example"},
        "env": [
            {"name": "NCCL_DEBUG", "value": "WARN"},
            {"name": "PROXY_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "password"}}},
        ],
        "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "training", "effect": "NoSchedule"}],
        "nodeSelector": {"pool": "training"},
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "trainer",
        "volumes": [{"name": "tools", "persistentVolumeClaim": {"claimName": "tools", "readOnly": True}}],
        "volumeMounts": [{"name": "tools", "mountPath": "/opt/tools", "readOnly": True}],
    },
    "image": "images.example/team/trainer:1.4",
}

ROBOT_JOB: Final[Json] = {
    "jobType": "vla_w_reward",
    "displayName": "Push the T",
    "model": {
        "name": "lerobot/smolvla_base",
        "type": "smolvla",
        "trustRemoteCode": False,
        "fromCheckpoint": {"uri": "hf://lerobot/smolvla_pusht", "revision": COMMIT},
    },
    "datasets": [
        {
            "name": "pusht",
            "split": "train",
            "uri": "hf://lerobot/pusht",
            "revision": COMMIT,
            "format": "lerobot",
            "episodes": "0-49,60",
        }
    ],
    "cameraMappings": {
        "cam_1": "observation.images.top",
        "cam_2": "observation.images.wrist",
        "cam_3": "observation.images.front",
    },
    "hyperparameters": {"steps": 20000, "batchSize": 32, "warmupSteps": 1000, "imageAugmentation": True},
    "reward": {
        "useRabc": True,
        "modelUri": "hf://lerobot/sarm_pusht",
        "progressUri": "s3://rewards/pusht/progress.parquet",
        "headMode": "sparse",
        "imageKey": "observation.images.top",
        "annotationMode": "single_stage",
        "kappa": 0.01,
        "hyperparameters": {"lr": 0.0001},
        "hoursShare": 0.3,
    },
    "allowMemoryOvercommit": False,
    "nodes": 1,
    "hours": 12,
    "backoffLimit": 3,
    "suspend": False,
    "stop": False,
    "cancel": False,
    "restartGeneration": 0,
    "restartFrom": "checkpoint",
    "integrations": [
        {
            "type": "mlflow",
            "mlflow": {
                "trackingUri": "https://mlflow.example",
                "experiment": "support",
                "secretRef": {"name": "mlflow", "key": "token"},
            },
        },
    ],
    "cache": {"claimName": "hub-cache"},
    "podTemplate": {
        "env": [{"name": "HTTPS_PROXY", "valueFrom": {"configMapKeyRef": {"name": "proxy", "key": "address"}}}],
        "runtimeClassName": "nvidia",
        "volumes": [
            {"name": "settings", "configMap": {"name": "settings", "optional": True}},
            {"name": "keys", "secret": {"secretName": "keys", "optional": False}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "10Gi"}},
        ],
        "volumeMounts": [{"name": "settings", "mountPath": "/settings", "subPath": "v2", "readOnly": False}],
    },
}

STYLE_JOB: Final[Json] = {
    "jobType": "style",
    "model": {"name": "vaero-1", "chatTemplate": "{% for message in messages %}{{ message.content }}\n{% endfor %}"},
    "datasets": [{"name": "texts", "uri": "pvc://texts/letters", "files": ["a.txt", "b.txt"]}],
    "style": {"baseModel": "general"},
}

INSTANCE_TYPE: Final[Json] = {
    "description": "Eight H100 with 80 GB each, connected by NVLink",
    "gpu": {
        "count": 8,
        "resourceName": "nvidia.com/gpu",
        "product": "NVIDIA-H100-80GB-HBM3",
        "memory": "80Gi",
        "peakTflops": 989.5,
    },
    "cpu": "160",
    "memory": "1600Gi",
    "ephemeralStorage": "500Gi",
    "sharedMemory": "64Gi",
    "regions": [
        {"name": "eu-north1", "description": "Finland"},
        {"name": "us-central1", "description": "Kansas City"},
    ],
    "nodeSelector": {"pool": "h100"},
    "tolerations": [{"key": "h100", "operator": "Equal", "value": "reserved", "effect": "NoSchedule"}],
    "capacityType": "onDemand",
    "pricePerHour": 23.6,
    "currency": "USD",
    "limits": {"hours": 72, "nodes": 4},
    "namespaceSelector": {"matchLabels": {"gpu": "allowed"}},
    "automatic": True,
}

LANGUAGE_MODEL: Final[Json] = {
    "displayName": "LLaMA 3.1 8B",
    "description": "A small general model.",
    "aliases": ["meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"],
    "type": "causal_lm",
    "family": "trl",
    "source": {"uri": "hf://meta-llama/Llama-3.1-8B-Instruct", "revision": COMMIT, "gated": True},
    "provider": "meta",
    "license": "llama3.1",
    "parameters": 8030261248,
    "activeParameters": 8030261248,
    "jobTypes": ["sft", "dpo"],
    "tasks": ["text-generation", "classification"],
    "maxSequenceLength": 131072,
    "architecture": {
        "layers": 32,
        "hiddenSize": 4096,
        "intermediateSize": 14336,
        "attentionHeads": 32,
        "keyValueHeads": 8,
        "vocabularySize": 128256,
        "headSize": 128,
    },
    "hyperparameters": HYPERPARAMETERS,
    "limits": {"hours": 72, "batchSize": 256, "contextLength": 16384, "loraRank": 128},
}

ROBOT_MODEL: Final[Json] = {
    "type": "pi0",
    "family": "lerobot",
    "source": {"uri": "hf://lerobot/pi0", "gated": False},
    "memory": {"fixed": "52Gi", "perRow": "600Mi", "source": "measured on an A100"},
    "cameraSlots": [
        {
            "name": "cam_1",
            "key": "observation.images.base_0_rgb",
            "description": "looks at the whole table",
            "required": True,
        },
        {
            "name": "cam_2",
            "key": "observation.images.left_wrist_0_rgb",
            "description": "on the left wrist",
            "required": False,
        },
    ],
    "hyperparameters": {"steps": 30000, "warmupSteps": 1000, "imageAugmentation": True},
}

DATASET: Final[Json] = {
    "uri": "hf://lerobot/pusht",
    "files": ["data/chunk-000", "meta"],
    "revision": COMMIT,
    "format": "lerobot",
    "secretRef": {"name": "hugging-face", "key": "token"},
    "model": "llama-3.1-8b",
}

SPECS: Final[dict[str, tuple[Json, ...]]] = {
    "FineTuneJob": (LANGUAGE_JOB, ROBOT_JOB, STYLE_JOB),
    "InstanceType": (INSTANCE_TYPE,),
    "BaseModel": (LANGUAGE_MODEL, ROBOT_MODEL),
    "Dataset": (DATASET,),
}
"""All specs of a kind; together they have every field of it."""
