"""Mistakes in ``spec.hyperparameters``."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.model import Json
from tests.controlplane.mistakes.mistake import Mistakes, language, robot

AT: Final = "spec.hyperparameters"


def hyper(**fields: object) -> Json:
    """These hyperparameters."""
    return {"hyperparameters": fields}


def lora(**fields: object) -> Json:
    """An adapter with these fields."""
    return hyper(lora=fields)


def policy(type_: str, **fields: object) -> Json:
    """A robot policy with these hyperparameters."""
    return {"model": {"type": type_, "name": "lerobot/some_policy"}, "hyperparameters": fields}


NUMBERS: Final[Mistakes] = {
    "a batch of nothing": language(
        hyper(batchSize=0), f"{AT}.batchSize", "0", "should be greater than or equal to 1", hyper(batchSize=1)
    ),
    "a batch of 1024": language(
        hyper(batchSize=1024), f"{AT}.batchSize", "1024", "should be less than or equal to 512", hyper(batchSize=512)
    ),
    "a batch in quotes": language(
        hyper(batchSize="32"), f"{AT}.batchSize", "string", "must be of type integer", hyper(batchSize=32)
    ),
    "a batch that is chosen by hand to be automatic": language(
        hyper(batchSize="auto"), f"{AT}.batchSize", "string", "must be of type integer", hyper()
    ),
    "a rate in quotes": language(
        hyper(learningRate="2e-4"), f"{AT}.learningRate", "string", "must be of type number", hyper(learningRate=2e-4)
    ),
    "a negative rate": language(
        hyper(learningRate=-1e-4), f"{AT}.learningRate", "-0.0001", "should be greater than 0", hyper(learningRate=1e-4)
    ),
    "a rate whose sign of the exponent is missing": language(
        hyper(learningRate=2e4), f"{AT}.learningRate", "20000", "should be less than or equal to 10", hyper(learningRate=2e-4)
    ),
    "no epochs": language(hyper(epochs=0), f"{AT}.epochs", "0", "should be greater than 0", hyper(epochs=0.5)),
    "half a step": language(hyper(steps=1.5), f"{AT}.steps", "number", "must be of type integer", hyper(steps=2)),
    "epochs and steps": language(
        hyper(epochs=3, steps=100), AT, "epochs 3 and steps 100", "give epochs or steps, not both", hyper(epochs=3)
    ),
    "two ways to warm up": language(
        hyper(warmupRatio=0.1, warmupSteps=100),
        AT,
        "warmupRatio 0.1 and warmupSteps 100",
        "give warmupRatio or warmupSteps, not both",
        hyper(warmupSteps=100),
    ),
    "a ratio in per cent": language(
        hyper(warmupRatio=3), f"{AT}.warmupRatio", "3", "should be less than or equal to 1", hyper(warmupRatio=0.03)
    ),
    "a dropout in per cent": language(
        lora(dropout=5), f"{AT}.lora.dropout", "5", "should be less than or equal to 1", lora(dropout=0.05)
    ),
    "a rank of nothing": language(
        lora(rank=0), f"{AT}.lora.rank", "0", "should be greater than or equal to 1", lora(enabled=False)
    ),
    "a rank above 512": language(
        lora(rank=1024), f"{AT}.lora.rank", "1024", "should be less than or equal to 512", lora(rank=512)
    ),
    "an adapter in one word": language(
        hyper(lora=True), f"{AT}.lora", "boolean", "must be of type object", lora(enabled=True)
    ),
    "a switch in quotes": language(
        hyper(packing="true"), f"{AT}.packing", "string", "must be of type boolean", hyper(packing=True)
    ),
    "modules in one text": language(
        lora(targetModules="q_proj,v_proj"),
        f"{AT}.lora.targetModules",
        "string",
        "must be of type array",
        lora(targetModules=["q_proj", "v_proj"]),
    ),
    "a module twice": language(
        lora(targetModules=["q_proj", "q_proj"]),
        f"{AT}.lora.targetModules[1]",
        '"q_proj"',
        "Duplicate value",
        lora(targetModules=["q_proj", "v_proj"]),
    ),
    "a seed below nothing": language(
        hyper(seed=-1), f"{AT}.seed", "-1", "should be greater than or equal to 0", hyper(seed=0)
    ),
}  # fmt: skip

METHODS: Final[Mistakes] = {
    "half precision of another kind": language(
        hyper(precision="fp16"), f"{AT}.precision", '"fp16"', 'supported values: "auto", "bf16", "fp32"', hyper(precision="bf16")
    ),
    "eight bits": language(
        hyper(quantization="int8"), f"{AT}.quantization", '"int8"', 'supported values: "none", "nf4"', hyper(quantization="nf4")
    ),
    "four bits and every weight": language(
        hyper(quantization="nf4", lora={"enabled": False}),
        f"{AT}.quantization",
        "lora.enabled is false",
        "quantization nf4 freezes the weights: it needs lora",
        hyper(quantization="nf4", lora={"rank": 16}),
    ),
    "a loss on the user's words": language(
        hyper(trainOn="user"), f"{AT}.trainOn", '"user"', 'supported values: "assistant", "completion", "all"', hyper(trainOn="all")
    ),
    "preferences without the job type": language(
        hyper(dpo={"beta": 0.1}),
        f"{AT}.dpo",
        "sft",
        "hyperparameters.dpo is for jobType dpo",
        {"jobType": "dpo", **hyper(dpo={"beta": 0.1})},
    ),
    "a style without the job type": language(
        {"style": {"baseModel": "general"}},
        "spec.style",
        "sft",
        "style is for jobType style",
        {"jobType": "style", "style": {"baseModel": "general"}},
    ),
    "pictures of a text": language(
        hyper(imageAugmentation=True),
        f"{AT}.imageAugmentation",
        "sft",
        "imageAugmentation is for robot job types (vla, reward, vla_w_reward)",
        hyper(),
    ),
    "LoRA on ACT": robot(
        policy("act", lora={"rank": 16}),
        f"{AT}.lora",
        "model.type act has no LoRA",
        "smolvla, pi0, pi05 and xvla do; set lora.enabled to false",
        policy("act", lora={"enabled": False}),
    ),
    "LoRA on GR00T": robot(
        policy("gr00t_n1_6", lora={"rank": 16}),
        f"{AT}.lora",
        "model.type gr00t_n1_6 has no LoRA",
        "smolvla, pi0, pi05 and xvla do; set lora.enabled to false",
        policy("pi05", lora={"rank": 16}),
    ),
    **{
        f"{field} for a robot": robot(
            hyper(**{field: value}), f"{AT}.{field}", "vla", f"{field} is for language models", hyper(imageAugmentation=True)
        )
        for field, value in {
            "packing": True, "contextLength": 2048, "trainOn": "all", "quantization": "nf4",
        }.items()
    },
}  # fmt: skip

HYPERPARAMETERS: Final[Mistakes] = NUMBERS | METHODS

ACCEPTED: Final[dict[str, Json]] = {
    "empty hyperparameters": hyper(),
    "a value that was left empty": hyper(epochs=None, lora={"rank": None}),
    "hyperparameters at their lower bounds": hyper(
        batchSize=1, learningRate=1e-9, epochs=0.001, warmupRatio=0, weightDecay=0, maxGradNorm=0, seed=0, contextLength=1
    ),
    "hyperparameters at their upper bounds": hyper(
        batchSize=512, learningRate=10, steps=10_000_000, seed=4_294_967_295, contextLength=10_000_000, warmupRatio=1
    ),
    "an adapter at its lower bounds": lora(rank=1, alpha=1, dropout=0, targetModules=[]),
    "an adapter at its upper bounds": lora(rank=512, alpha=4096, dropout=1, targetModules=[f"m{n}" for n in range(64)]),
    "four bits, whose adapter goes without saying": hyper(quantization="nf4"),
    "settings that only the trainer knows": hyper(extra={"optim": "adamw_8bit", "nested": {"deep": [1, "two", None]}}),
    "preferences": {"jobType": "dpo", **hyper(dpo={"beta": 0.1})},
    "a style": {"jobType": "style", "style": {}},
}  # fmt: skip
ACCEPTED_ROBOTS: Final[dict[str, Json]] = {
    f"LoRA on {type_}": policy(type_, lora={"rank": 16}) for type_ in ("smolvla", "pi0", "pi05", "xvla")
} | {"varied pictures": hyper(imageAugmentation=True)}
