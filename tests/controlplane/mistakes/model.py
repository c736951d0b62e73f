"""Mistakes in ``spec.model``."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.finetunejob.words import ModelType
from finetune_operator.api.model import Json
from tests.controlplane.mistakes.mistake import Mistakes, language, robot

STORED: Final = f"uri must be {uris.STORED_WORDS}"
NAMED: Final = f"model.name must be {uris.MODEL_WORDS}"
NEEDS_NAME: Final = "model.name is missing: name a BaseModel, a repository of the Hub or a place"


def named(name: str) -> Json:
    """A model of this name."""
    return {"model": {"name": name}}


def resumed(**source: object) -> Json:
    """A model that goes on from a checkpoint."""
    return {"model": {"name": "qwen3-4b", "fromCheckpoint": source}}


MODEL: Final[Mistakes] = {
    "a language job without a model": language({"model": {}}, "spec.model.name", "", NEEDS_NAME, named("qwen3-4b")),
    "a job without the word model": language({"model": None}, "spec.model", "", "Required value", named("qwen3-4b")),
    "a model with a blank": language(named("Qwen 3"), "spec.model.name", "Qwen 3", NAMED, named("Qwen/Qwen3-4B")),
    "a model by http": language(
        named("http://models.example/a"), "spec.model.name", "http://models.example/a", NAMED, named("https://models.example/a")
    ),
    "a model on this machine": language(
        named("/data/model"), "spec.model.name", "/data/model", NAMED, named("pvc://models/model")
    ),
    "a claim with a capital": language(
        named("pvc://Models/tiny"), "spec.model.name", "pvc://Models/tiny", NAMED, named("pvc://models/tiny")
    ),
    "a page of the Hub in place of a repository": language(
        named("hf://Qwen"), "spec.model.name", "hf://Qwen", NAMED, named("hf://Qwen/Qwen3-4B")
    ),
    "a key in the address": language(
        named("https://me:secret@models.example/a"),
        "spec.model.name",
        "https://me:secret@models.example/a",
        NAMED,
        {"model": {"name": "https://models.example/a", "secretRef": {"name": "models"}}},
    ),
    "an architecture that nobody trains": language(
        {"model": {"name": "qwen3-4b", "type": "qwen"}},
        "spec.model.type",
        '"qwen"',
        'supported values: "causal_lm", "act", "smolvla", "pi0", "pi05", "gr00t_n1_5", "gr00t_n1_6", "sarm", "wall_oss", "xvla"',
        {"model": {"name": "qwen3-4b", "type": "causal_lm"}},
    ),
    "a token in place of a reference": language(
        {"model": {"name": "google/gemma-3-4b", "secretRef": "hf_abcdefgh"}},
        "spec.model.secretRef",
        "string",
        "must be of type object",
        {"model": {"name": "google/gemma-3-4b", "secretRef": {"name": "hub"}}},
    ),
    "a checkpoint of nothing": language(
        resumed(), "spec.model.fromCheckpoint", "neither", "needs either job or uri, and not both", resumed(job="first-run")
    ),
    "a checkpoint of a job and a place": language(
        resumed(job="first-run", uri="pvc://models/a"),
        "spec.model.fromCheckpoint",
        "both",
        "needs either job or uri, and not both",
        resumed(uri="pvc://models/a"),
    ),
    "a step of a place": language(
        resumed(uri="pvc://models/a", step=100),
        "spec.model.fromCheckpoint.step",
        "",
        "step is a step of job: give job too",
        resumed(job="first-run", step=100),
    ),
    "a revision of a job": language(
        resumed(job="first-run", revision="main"),
        "spec.model.fromCheckpoint.revision",
        "",
        "revision is a revision of uri: give uri too",
        resumed(uri="hf://me/adapter", revision="main"),
    ),
    "a checkpoint on this machine": language(
        resumed(uri="file:///data/adapter"),
        "spec.model.fromCheckpoint.uri",
        "file:///data/adapter",
        STORED,
        resumed(uri="pvc://adapters/mine"),
    ),
    "a robot job without a type": robot(
        {"model": {"name": "lerobot/smolvla_base"}},
        "spec.model",
        "none",
        "jobType vla needs a robot model.type: act, smolvla, pi0, pi05, gr00t_n1_5, gr00t_n1_6, sarm, wall_oss or xvla",
        {"model": {"name": "lerobot/smolvla_base", "type": "smolvla"}},
    ),
    "a robot job with a language model": robot(
        {"model": {"name": "qwen3-4b", "type": "causal_lm"}},
        "spec.model",
        "causal_lm",
        "jobType vla needs a robot model.type",
        {"model": {"type": "act"}},
    ),
    "a language job with a policy": language(
        {"model": {"type": "act"}},
        "spec.model",
        "act",
        "jobType sft needs model.type causal_lm, or none",
        {"model": {"name": "qwen3-4b", "type": "causal_lm"}},
    ),
    "a robot policy of no name": robot(
        {"model": {"type": "pi0"}}, "spec.model.name", "", NEEDS_NAME, {"model": {"type": "pi0", "name": "lerobot/pi0"}}
    ),
    "a reward job with a policy": robot(
        {"jobType": "reward"},
        "spec.model",
        "reward and smolvla",
        "jobType reward and model.type sarm belong together",
        {"jobType": "reward", "model": {"type": "sarm"}},
    ),
    "a policy that is the reward model": robot(
        {"model": {"type": "sarm"}},
        "spec.model",
        "vla and sarm",
        "jobType reward and model.type sarm belong together",
        {"jobType": "reward", "model": {"type": "sarm"}},
    ),
    "a chat template for a robot": robot(
        {"model": {"type": "act", "chatTemplate": "{{ messages }}"}},
        "spec.model.chatTemplate",
        "vla",
        "chatTemplate is for language models",
        {"model": {"type": "act"}},
    ),
}  # fmt: skip

ROBOT_TYPES: Final[tuple[ModelType, ...]] = (
    "act",
    "smolvla",
    "pi0",
    "pi05",
    "gr00t_n1_5",
    "gr00t_n1_6",
    "wall_oss",
    "xvla",
)

ACCEPTED: Final[dict[str, Json]] = {
    **{
        f"a model as {name}": named(name)
        for name in (
            "llama-3.1-8b", "meta-llama/Llama-3.1-70B-Instruct", "Newton::c2_4_7b_251215a172f6d7", "pvc://models",
            "pvc://models.v1/a/b-c_d.e", "hf://Qwen/Qwen3-4B", "s3://models/qwen", "gs://models/qwen/4b",
            "https://models.example/qwen.tar", "vaero-1",
        )
    },
    "a model from a repository that brings code": {
        "model": {"name": "org/model", "revision": "0" * 40, "trustRemoteCode": True, "chatTemplate": "{{ messages }}"}
    },
    "a checkpoint of another job": resumed(job="first-run"),
}  # fmt: skip
ACCEPTED_ROBOTS: Final[dict[str, Json]] = {
    f"the policy {type_}": {"model": {"type": type_, "name": "lerobot/some_policy"}} for type_ in ROBOT_TYPES
} | {
    "the reward model": {"jobType": "reward", "model": {"type": "sarm"}},
    "a policy from scratch": {"model": {"type": "act"}},
}
