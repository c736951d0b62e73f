"""How a pod of each fate ends: exit code, the kubelet's reason, and the verdict but for stage and attempt."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.model import Json
from tests.simulated.fates import Fate

STEPS: Final = 100
DIGEST: Final = "sha256:" + 64 * "0"
REPORT: Final[Json] = {
    "rows": 10_000,
    "tokens": 1_000_000,
    "longestRowTokens": 900,
    "sequences": 10_000,
    "validationRows": 0,
    "parameters": 90_752,
    "warnings": [],
}
ARTIFACT: Final[Json] = {
    "path": "model",
    "kind": "adapter",
    "files": ["adapter_config.json", "adapter_model.safetensors"],
    "bytes": 381_211,
    "digest": DIGEST,
}


def outcomes(train_seconds: float) -> Json:
    """By stage and fate: ``exitCode``, ``reason`` and, where the trainer has a last word, ``verdict``.

    A fate with ``disruption`` is the cluster's doing. ``train_seconds`` is what each attempt adds to the training time;
    the step of an attempt that fails grows with its number.
    """
    return {"prepare": _prepare(), "train": _train(train_seconds), "publish": _publish()}


def _prepare() -> Json:
    return {
        Fate.COMPLETED: _done("completed", "10000 rows are ready", report=REPORT),
        Fate.FAILED: _broken(1, "failed", "Crashed", "the check ended with an exception"),
        Fate.USER_ERROR: _broken(
            64, "userError", "DatasetNotFound", "there is no such file", param="spec.datasets[0].uri"
        ),
        **_ended_by_others(),
        "terminated": _broken(75, "retry", "Terminated", "asked to end by SIGTERM"),
    }


def _publish() -> Json:
    merged = {**ARTIFACT, "kind": "model", "files": ["config.json", "model.safetensors"]}
    return {
        Fate.COMPLETED: _done("completed", "the merged model is in place", artifact=merged),
        Fate.FAILED: _broken(1, "failed", "Crashed", "the merge ended with an exception"),
        **_ended_by_others(),
        "terminated": _broken(75, "retry", "Terminated", "asked to end by SIGTERM"),
    }


def _train(seconds: float) -> Json:
    finished: Json = {"step": STEPS, "totalSteps": STEPS, "epoch": 1, "trainingSeconds": seconds, "artifact": ARTIFACT}
    half: Json = {"step": STEPS // 2, "totalSteps": STEPS, "trainingSeconds": seconds, "metrics": {"loss": 1.02}}
    metrics: Json = {"metrics": {"firstLoss": 4.59, "loss": 0.31}}
    return {
        Fate.COMPLETED: _done("completed", f"trained {STEPS} of {STEPS} steps", **finished, **metrics),
        Fate.DEADLINE: _done("deadline", "the hours are used up", **{**finished, "step": STEPS // 2}, **metrics),
        Fate.STOPPED: _done("stopped", "stopped as asked", **{**finished, "step": STEPS // 2}, **metrics),
        Fate.FAILED: _broken(1, "failed", "Crashed", "the training ended with an exception", **half),
        Fate.USER_ERROR: _broken(64, "userError", "HyperparameterUnsupported", "no such optimizer", param="spec"),
        Fate.RETRY: _broken(75, "retry", "Terminated", "asked to end by SIGTERM; a checkpoint is complete", **half),
        Fate.STALLED: _broken(75, "retry", "Stalled", "no step was completed for 600 s", **half),
        Fate.GPU_OUT_OF_MEMORY: _broken(66, "outOfMemory", "GpuOutOfMemory", "the GPU's memory does not suffice"),
        **_ended_by_others(),
        "terminated": _broken(75, "retry", "Terminated", "asked to end by SIGTERM; a checkpoint is complete", **half),
    }


def _ended_by_others() -> Json:
    """Fates in which the trainer has no last word."""
    return {
        Fate.OUT_OF_MEMORY: {"exitCode": 137, "reason": "OOMKilled"},
        Fate.EVICTED: {"exitCode": 137, "reason": "Error", "disruption": "The node was low on resource: memory."},
    }


def _done(result: str, message: str, **more: object) -> Json:
    return {"exitCode": 0, "reason": "Completed", "verdict": _verdict(result, message, more)}


def _broken(code: int, result: str, name: str, message: str, **more: object) -> Json:
    return {"exitCode": code, "reason": "Error", "verdict": _verdict(result, message, {"code": name, **more})}


def _verdict(result: str, message: str, more: Json) -> Json:
    return {"contractVersion": 1, "result": result, "message": message, **more}
