"""Every field of every status, filled in as a busy cluster would; list lengths as in ``filled``."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.model import Json
from tests.support.filled import COMMIT, DIGEST, HYPERPARAMETERS, INSTANCE_TYPE, LANGUAGE_MODEL, ROBOT_MODEL

FOR_THOSE_WHO_CHOOSE: Final = frozenset({"description", "regions", "namespaceSelector"})
"""Of the hardware, not kept in a job's status."""
NOON: Final = "2026-11-21T12:00:00Z"
CHECKPOINT: Final = "Saved step 2500; the autoscaler drained the node."


def condition(type_: str, status: str, reason: str, message: str = "") -> Json:
    """One condition."""
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": NOON,
        "observedGeneration": 4,
    }


def attempt(stage: str, number: int, outcome: str, reason: str, message: str) -> Json:
    """One attempt that ended."""
    return {
        "stage": stage,
        "number": number,
        "run": 1,
        "job": f"support-bot-1a2b3-{stage}-{number}",
        "startTime": NOON,
        "runningTime": NOON,
        "endTime": NOON,
        "node": "gpu-17.eu-north1",
        "outcome": outcome,
        "reason": reason,
        "message": message,
        "checkpointStep": 2500,
    }


def stage(name: str, attempt: int, message: str) -> Json:
    """One stage that is done."""
    return {
        "name": name,
        "phase": "Succeeded",
        "startTime": NOON,
        "endTime": NOON,
        "attempt": attempt,
        "message": message,
    }


def checkpoint(step: int, loss: float) -> Json:
    """One checkpoint that is there."""
    return {
        "step": step,
        "attempt": 2,
        "uri": f"pvc://support-bot-with-a-name-of-1a2b3-output/checkpoints/2/{step}",
        "time": NOON,
        "trainingSeconds": 30902.2,
        "metrics": {"loss": loss, "evalLoss": 0.3893},
    }


RESOLVED_HYPERPARAMETERS: Final[Json] = {
    "epochs": 3,
    "batchSize": 64,
    "learningRate": 0.0002,
    "warmupRatio": 0.03,
    "weightDecay": 0.01,
    "maxGradNorm": 1,
    "seed": 42,
    "contextLength": 4096,
    "packing": True,
    "precision": "bf16",
    "quantization": "nf4",
    "trainOn": "assistant",
    "dpoBeta": 0.1,
    "imageAugmentation": False,
    "lora": HYPERPARAMETERS["lora"],
    "extra": {"optim": "paged_adamw_8bit"},
}

LANGUAGE_STATUS: Final[Json] = {
    "observedGeneration": 4,
    "restartGeneration": 1,
    "phase": "Succeeded",
    "reason": "Completed",
    "reasonTime": NOON,
    "message": "All 5062 steps were trained; the model is published as s3://models/support-bot/support-bot-support-v1.",
    "startTime": NOON,
    "completionTime": NOON,
    "updatedTime": NOON,
    "conditions": [
        condition("Validated", "True", "Validated"),
        condition("Suspended", "False", "Completed"),
        condition("StepStalled", "False", "Completed"),
        condition("Running", "False", "Completed"),
        condition("Complete", "True", "Completed", "All 5062 steps were trained; the model is published."),
        condition("Failed", "False", "Completed"),
        condition("Reconciling", "False", "Completed"),
        condition("Stalled", "False", "Completed"),
        condition("Ready", "True", "Completed", "All 5062 steps were trained; the model is published."),
    ],
    "attempts": [
        attempt("prepare", 1, "Succeeded", "Completed", "48 210 rows, 14 203 911 tokens, longest 8 112."),
        attempt("train", 1, "Platform", "NodeFailure", CHECKPOINT),
        attempt("train", 2, "Succeeded", "Completed", "All 5062 steps were trained."),
    ],
    "retries": 0,
    "progress": {
        "step": 5062,
        "totalSteps": 5062,
        "epoch": 3,
        "totalEpochs": 3,
        "percentage": 100,
        "estimatedRemainingSeconds": 0,
        "trainedTokens": 42611733,
        "checkpointStep": 5000,
        "metrics": {
            "loss": 0.3417,
            "firstLoss": 2.4021,
            "evalLoss": 0.3893,
            "learningRate": 2.1e-7,
            "gradNorm": 0.812,
            "tokensPerSecond": 48211.5,
            "rewardAccuracy": 0.914,
            "rewardMargin": 3.2071,
        },
        "lastUpdatedTime": NOON,
    },
    "usage": {
        "trainingSeconds": 31262.4,
        "wastedSeconds": 311.5,
        "queuedSeconds": 1204,
        "preparingSeconds": 95,
        "gpuSeconds": 510222.4,
        "countedUntil": NOON,
        "cost": 409.88,
        "currency": "USD",
    },
    "report": {
        "rows": 48210,
        "tokens": 14203911,
        "longestRowTokens": 8112,
        "sequences": 12044,
        "validationRows": 512,
        "parameters": 8030261248,
        "warnings": ["phrases/2025.jsonl: 14 rows are longer than contextLength 4096 and were cut off."],
    },
    "warnings": [
        "spec.evaluation.fraction: has no effect, because there is a validation dataset.",
        "spec.hours: 24 hours will end before the third epoch.",
    ],
    "resolved": {
        "image": "images.example/team/trainer:1.4",
        "instanceTypeName": "h100-x8",
        "instanceType": {key: value for key, value in INSTANCE_TYPE.items() if key not in FOR_THOSE_WHO_CHOOSE},
        "region": "eu-north1",
        "nodes": 2,
        "model": {
            "name": "llama-3.1-8b",
            "listed": True,
            "type": "causal_lm",
            "family": "trl",
            "uri": "hf://meta-llama/Llama-3.1-8B-Instruct",
            "revision": COMMIT,
            "parameters": 8030261248,
            "maxSequenceLength": 131072,
            "architecture": LANGUAGE_MODEL["architecture"],
            "limits": LANGUAGE_MODEL["limits"],
        },
        "hyperparameters": RESOLVED_HYPERPARAMETERS,
        "datasets": [
            {
                "name": "tickets",
                "split": "train",
                "uri": "s3://support-data/tickets",
                "files": ["2025.jsonl", "2026.jsonl"],
                "revision": "main",
                "format": "preference",
                "secretRef": {"name": "object-store", "key": "settings"},
            },
            {"name": "tickets", "split": "validation", "uri": "configmap://support/validation.jsonl", "format": "auto"},
        ],
        "choices": [
            {"field": "hyperparameters.batchSize", "rule": "48 210 rows: 64 from 32 768 rows on"},
            {"field": "hyperparameters.epochs", "rule": "48 210 rows: 3 epochs below 100 000 rows"},
            {"field": "hyperparameters.lora.alpha", "rule": "twice the rank"},
        ],
        "rulesVersion": 1,
        "fit": {
            "bytesPerGpu": 42_949_672_960,
            "availableBytes": 80_530_636_800,
            "message": "Weights 4.5 GiB (8.03 billion in 4 bits) + adapter 0.2 GiB + optimizer 0.3 GiB + activations 30.1 "
            "GiB + 4.9 GiB of slack = 40.0 of 75.0 GiB.",
        },
        "microBatchSize": 4,
        "complete": True,
    },
    "estimate": {
        "trainingSeconds": 30112,
        "cost": 394.81,
        "currency": "USD",
        "steps": 5062,
        "message": "14 203 911 tokens x 3 x 6 x 8.03 billion / (16 x 989.5 TFLOPS x 0.35) = 8.4 h = 394.81 USD.",
    },
    "result": {
        "uri": "s3://models/support-bot/support-bot-support-v1",
        "kind": "adapter",
        "files": [
            "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "tokenizer.json",
            "tokenizer_config.json",
        ],
        "bytes": 83_945_296,
        "digest": DIGEST,
    },
    "display": {
        "model": "llama-3.1-8b",
        "instance": "h100-x8 x2",
        "progress": "100%",
        "eta": "0s",
        "loss": "0.3417",
        "hours": "8.68/24",
        "cost": "409.88 USD",
        "attempt": "train 2",
    },
}  # fmt: skip

ROBOT_STATUS: Final[Json] = {
    "observedGeneration": 1,
    "phase": "Failed",
    "reason": "UserError",
    "reasonTime": NOON,
    "conditions": [condition("Failed", "True", "UserError", "The dataset has no image key observation.images.front.")],
    "stages": [stage("prepare", 1, "206 episodes."), stage("train", 2, "Saved step 2500.")],
    "attempts": [
        attempt("train", 2, "Platform", "StepStalled", CHECKPOINT) | {"overrunTime": NOON, "endsFor": "StepStalled"}
    ],
    "checkpoints": [checkpoint(2000, 0.3622), checkpoint(2500, 0.3417)],
    "report": {
        "rows": 206,
        "tokens": 0,
        "sequences": 25650,
        "episodes": 206,
        "frames": 25650,
        "fps": 10,
        "imageKeys": ["observation.images.top", "observation.images.wrist"],
        "stateDim": 2,
        "actionDim": 2,
    },
    "resolved": {
        "image": "images.example/lerobot:1",
        "resumeFrom": 1,
        "folded": False,
        "queuesCpuStages": True,
        "stageLimitHours": 24,
        "instanceTypeName": "l4-x1",
        "instanceType": INSTANCE_TYPE,
        "nodes": 1,
        "checkpointUri": "hf://lerobot/pi0_pusht",
        "model": {
            "name": "pi0",
            "listed": True,
            "type": "pi0",
            "family": "lerobot",
            "activeParameters": 3,
            "memory": ROBOT_MODEL["memory"],
        },
        "hyperparameters": {
            "steps": 30000,
            "warmupSteps": 1000,
            "learningRate": 0.0001,
            "seed": 42,
            "lora": {"enabled": False, "rank": 16, "alpha": 32, "dropout": 0},
        },
        "datasets": [
            {
                "name": "pusht",
                "split": "train",
                "uri": "hf://lerobot/pusht",
                "revision": COMMIT,
                "files": ["data/chunk-000"],
                "format": "lerobot",
                "secretRef": {"name": "hugging-face", "key": "token"},
            }
        ],
        "cameras": [
            {"slot": "cam_1", "policyKey": "observation.images.base_0_rgb", "datasetKey": "observation.images.top"},
            {"slot": "cam_2", "policyKey": "observation.images.left_wrist_0_rgb"},
        ],
    },
    "unpublished": {"run": 0, "reason": "HoursExhausted", "asked": "0123456789abcdef"},
    "result": {"uri": "hf://my-team/folding", "revision": "4f0c2d1e9b8a7f6e5d4c3b2a19087f6e5d4c3b2a", "kind": "model"},
    "failure": {
        "cause": "User",
        "code": "UnknownImageKey",
        "message": "The dataset has no image key observation.images.front.",
        "param": "spec.cameraMappings.cam_3",
        "advice": "Use one of observation.images.top, observation.images.wrist.",
        "exitCode": 64,
        "lines": ["preparing lerobot/pusht", "unknown image key observation.images.front"],
    },
}

CATALOG_STATUS: Final[Json] = {
    "observedGeneration": 1,
    "conditions": [condition("Ready", "False", "Contradiction", "sharedMemory 64Gi is more than memory 32Gi.")],
}

DATASET_STATUS: Final[Json] = {
    "observedGeneration": 1,
    "conditions": [condition("Ready", "True", "Valid", "206 episodes.")],
    "reason": "Valid",
    "message": "206 episodes, 25 650 frames.",
    "rows": 206,
    "frames": 25650,
    "fps": 10,
    "tokens": 0,
    "longestRowTokens": 0,
    "format": "lerobot",
    "revision": COMMIT,
    "digest": DIGEST,
    "imageKeys": ["observation.images.top", "observation.images.wrist"],
    "warnings": ["meta/info.json: fps is 10, which most policies were not trained with."],
    "faults": ["data/chunk-000/episode_000007.parquet: observation.state has 7 numbers and not 6."],
    "job": "pusht-1a2b3-inspect-1",
    "inspectedTime": NOON,
}

STATUSES: Final[dict[str, tuple[Json, ...]]] = {
    "FineTuneJob": (LANGUAGE_STATUS, ROBOT_STATUS),
    "InstanceType": (CATALOG_STATUS,),
    "BaseModel": (CATALOG_STATUS,),
    "Dataset": (DATASET_STATUS,),
}
"""All statuses of a kind; together they have every field of it."""
