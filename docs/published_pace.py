"""What others measured: seconds of an optimizer step of trainings whose settings they gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from docs.published_memory import LLAMA_3_3B, QWEN, QWEN_1_8B, QWEN_7B, QWEN_14B, QWEN_72B, TORCHTUNE
from finetune_operator.api.basemodel import BaseModelSpec, ModelSource
from finetune_operator.api.instancetype import Gpu, InstanceTypeSpec
from finetune_operator.api.resolved import ResolvedHyperparameters, ResolvedLora
from finetune_operator.planning.sizing.language import LanguageModel
from finetune_operator.planning.sizing.training import Training

LEROBOT: Final = "https://huggingface.co/docs/lerobot"
A100: Final = 312.0
H100: Final = 989.0


@dataclass(frozen=True)
class PublishedPace:
    """Seconds of one step."""

    training: str
    seconds: float
    source: str
    asked: Training
    tokens_per_row: float | None = None


def _hardware(peak: float, gpus: int) -> InstanceTypeSpec:
    return InstanceTypeSpec(gpu=Gpu(count=gpus, memory="80Gi", peak_tflops=peak), cpu="8", memory="64Gi")


def _hyperparameters(batch: int, *, lora: bool, quantized: bool = False) -> ResolvedHyperparameters:
    return ResolvedHyperparameters(
        batch_size=batch,
        learning_rate=1e-4,
        seed=1,
        context_length=8192,
        quantization="nf4" if quantized else "none",
        lora=ResolvedLora(enabled=lora, rank=64, alpha=16, dropout=0),
    )


def _language(model: LanguageModel, hyperparameters: ResolvedHyperparameters) -> Training:
    entry = BaseModelSpec(
        type="causal_lm",
        family="trl",
        source=ModelSource(uri="hf://organisation/name"),
        parameters=model.parameters,
        max_sequence_length=8192,
        architecture=model.architecture,
    )
    return Training(entry, "sft", hyperparameters, _hardware(A100, 1))


def _qwen(name: str, model: LanguageModel, seconds: float, method: Literal["LoRA", "QLoRA"] = "LoRA") -> PublishedPace:
    """Eight rows of 4096 tokens on one A100."""
    asked = _language(model, _hyperparameters(8, lora=True, quantized=method == "QLoRA"))
    return PublishedPace(f"{name}, {method}, 8 rows of 4096 tokens on an A100", seconds, QWEN, asked, 4096)


def _policy(policy: tuple[Literal["smolvla", "pi05"], int], rows: int, peak: float, gpus: int) -> Training:
    """``policy`` is a type and its weights; ``rows`` are those on each GPU."""
    source = ModelSource(uri="hf://organisation/name")
    entry = BaseModelSpec(type=policy[0], family="lerobot", source=source, parameters=policy[1])
    return Training(entry, "vla", _hyperparameters(rows * gpus, lora=False), _hardware(peak, gpus))


PACES: Final[tuple[PublishedPace, ...]] = (
    _qwen("Qwen 1.8B", QWEN_1_8B, 3.3),
    _qwen("Qwen 7B", QWEN_7B, 10.1),
    _qwen("Qwen 14B", QWEN_14B, 17.0),
    _qwen("Qwen 7B", QWEN_7B, 11.6, "QLoRA"),
    _qwen("Qwen 14B", QWEN_14B, 20.1, "QLoRA"),
    _qwen("Qwen 72B", QWEN_72B, 97.7, "QLoRA"),
    PublishedPace(
        "Llama 3.2 3B, full, compiled, 2 rows of 4096 tokens on an A100",
        2 * 4096 / 7210,
        TORCHTUNE,
        _language(LLAMA_3_3B, _hyperparameters(2, lora=False)),
        4096,
    ),
    PublishedPace("smolvla, 32 rows on each of 4 H100", 0.31, LEROBOT, _policy(("smolvla", 450_000_000), 32, H100, 4)),
    PublishedPace("pi05, 32 rows on each of 4 H100", 2.55, LEROBOT, _policy(("pi05", 4_140_000_000), 32, H100, 4)),
    PublishedPace("smolvla, 64 rows on an A100", 0.72, LEROBOT, _policy(("smolvla", 450_000_000), 64, A100, 1)),
)
