"""What others measured or state: GPU memory of trainings whose settings they gave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from finetune_operator.api.basemodel import Architecture
from finetune_operator.planning.sizing.language import LanguageModel
from finetune_operator.planning.sizing.load import NF4_BYTES, Adapter, Load, Widths

GIB: Final = 2**30
GB: Final = 10**9

TORCHTUNE: Final = "https://github.com/pytorch/torchtune/blob/main/README.md"
QWEN: Final = "https://github.com/QwenLM/Qwen/blob/main/README.md"
UNSLOTH: Final = "https://docs.unsloth.ai/basics/unsloth-benchmarks"
LLAMA_FACTORY: Final = "https://github.com/hiyouga/LLaMA-Factory/wiki/Performance-comparison"
LLAMA_FACTORY_TABLE: Final = "https://github.com/hiyouga/LLaMA-Factory/blob/main/README.md"
PEFT_FSDP: Final = "https://huggingface.co/docs/peft/accelerate/fsdp"


@dataclass(frozen=True)
class Published:
    """One figure. ``torch_only``: it is torch's own peak, which knows nothing of the CUDA context."""

    model: str
    method: str
    settings: str
    figure: float
    source: str
    load: Load
    unit: int = GIB
    torch_only: bool = False


def _model(parameters: int, shape: tuple[int, int, int], heads: tuple[int, int], vocabulary: int) -> LanguageModel:
    """``shape`` is layers, hidden size and intermediate size; ``heads`` those of queries and of keys."""
    layers, hidden, inner = shape
    architecture = Architecture(
        layers=layers,
        hidden_size=hidden,
        intermediate_size=inner,
        attention_heads=heads[0],
        key_value_heads=heads[1],
        vocabulary_size=vocabulary,
    )
    return LanguageModel(parameters, parameters, architecture)


LLAMA_2_7B: Final = _model(6_738_415_616, (32, 4096, 11008), (32, 32), 32000)
LLAMA_2_70B: Final = _model(68_976_648_192, (80, 8192, 28672), (64, 8), 32000)
LLAMA_3_8B: Final = _model(8_030_261_248, (32, 4096, 14336), (32, 8), 128256)
LLAMA_3_70B: Final = _model(70_553_706_496, (80, 8192, 28672), (64, 8), 128256)
LLAMA_3_3B: Final = _model(3_212_749_824, (28, 3072, 8192), (24, 8), 128256)
QWEN_1_8B: Final = _model(1_836_828_672, (24, 2048, 5504), (16, 16), 151936)
QWEN_7B: Final = _model(7_721_324_544, (32, 4096, 11008), (32, 32), 151936)
QWEN_14B: Final = _model(14_167_290_880, (40, 5120, 13696), (40, 40), 152064)
QWEN_72B: Final = _model(72_287_920_128, (80, 8192, 24576), (64, 64), 152064)

NF4: Final = Widths(frozen=NF4_BYTES)
INT4: Final = Widths(frozen=0.5 + 4 / 128)
"""GPTQ with groups of 128: a scale and a zero of two bytes each."""
CAST: Final = replace(NF4, outside=4, residual=4)
"""PEFT's preparation for 4-bit training makes all that is not quantized fp32; ours leaves it out."""
PURE_BF16: Final = Widths(trained=2, gradient=2, optimizer=4)
"""Weights, gradients and AdamW's moments in bf16: not how ours trains."""
MASTERS: Final = Widths(residual=4)
"""fp32 weights, computed with in bf16: how ours trains all weights on one GPU."""
TUNED: Final = ("q_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""What torchtune's recipes put adapters on."""


def _stock(model: LanguageModel, adapter: Adapter | None, widths: Widths, rows_and_tokens: tuple[int, int]) -> Load:
    """With logits as a whole: every trainer but TRL since 1.16 and torchtune."""
    rows, tokens = rows_and_tokens
    return Load(model, adapter, widths, rows, tokens, tiled_head=False)


def _qwen(name: str, model: LanguageModel, widths: Widths, figures: dict[int, float]) -> list[Published]:
    """One GPU, batch 1 accumulated 8 times, rank 64 on all linear layers."""
    method = "LoRA" if widths.frozen >= 1 else "QLoRA (GPTQ)"
    loads = {tokens: replace(_stock(model, Adapter(64), widths, (1, tokens)), accumulates=True) for tokens in figures}
    return [
        Published(name, method, f"rank 64, 1 x {tokens} tokens", figures[tokens], QWEN, load)
        for tokens, load in loads.items()
    ]


def _limit(name: str, model: LanguageModel, tokens: int, size: float) -> Published:
    """Unsloth's column «Hugging Face + FA2»: the longest row that a GPU of ``size`` GiB takes."""
    load = _stock(model, Adapter(32), CAST, (1, tokens))
    return Published(name, "QLoRA", f"rank 32, 1 x {tokens} tokens: the most that fits", size, UNSLOTH, load)


def _tuned(name: str, method: str, figure: float, load: Load) -> Published:
    settings = f"bf16 AdamW, {load.rows} x {load.row_tokens} tokens packed"
    if load.adapter:
        settings = f"rank {load.adapter.rank}, {settings}"
    if load.shards > 1:
        settings += f", {load.shards} GPUs"
    return Published(name, method, settings, figure, TORCHTUNE, load, torch_only=True)


CHECKED: Final[tuple[Published, ...]] = (
    *_qwen("Qwen 1.8B", QWEN_1_8B, Widths(), {1024: 8.4, 4096: 16.2, 8192: 21.8}),
    *_qwen("Qwen 7B", QWEN_7B, Widths(), {1024: 21.5, 4096: 29.7, 8192: 36.6}),
    *_qwen("Qwen 14B", QWEN_14B, Widths(), {1024: 35.3, 4096: 42.5, 8192: 55.2}),
    *_qwen("Qwen 7B", QWEN_7B, INT4, {1024: 12.3, 4096: 16.9, 8192: 23.5}),
    *_qwen("Qwen 14B", QWEN_14B, INT4, {1024: 18.9, 4096: 23.0}),
    *_qwen("Qwen 72B", QWEN_72B, INT4, {1024: 62.9, 4096: 68.0, 8192: 75.6}),
    *(
        Published(
            "Qwen 72B",
            "LoRA",
            f"rank 64, 1 x {tokens} tokens, ZeRO-3 over 4 GPUs",
            total / 4,
            QWEN,
            replace(_stock(QWEN_72B, Adapter(64), Widths(), (1, tokens)), accumulates=True, shards=4),
        )
        for tokens, total in {1024: 222.6, 4096: 249.0, 8192: 289.2}.items()
    ),
    *(
        Published(
            "Llama 2 7B",
            "QLoRA",
            f"rank 8, 1 x {tokens} tokens",
            figure,
            LLAMA_FACTORY,
            _stock(LLAMA_2_7B, Adapter(8), NF4, (1, tokens)),
        )
        for tokens, figure in {1024: 6, 4096: 9, 8192: 12, 16384: 19, 32768: 32}.items()
    ),
    *(_limit("Llama 3.1 8B", LLAMA_3_8B, tokens, size) for tokens, size in {932: 12, 5789: 24, 28454: 80}.items()),
    _limit("Llama 3.3 70B", LLAMA_3_70B, 6916, 80),
    Published(
        "Llama 2 70B",
        "QLoRA",
        "rank 8, 2 x 2048 tokens, FSDP over 2 GPUs",
        35.6,
        PEFT_FSDP,
        replace(_stock(LLAMA_2_70B, Adapter(8), NF4, (2, 2048)), shards=2),
        unit=GB,
    ),
    _tuned("Llama 3.2 3B", "full", 24.9, Load(LLAMA_3_3B, None, PURE_BF16, 2, 4096)),
    _tuned("Llama 3.1 8B", "LoRA", 16.2, Load(LLAMA_3_8B, Adapter(8, TUNED), PURE_BF16, 2, 2048)),
    _tuned(
        "Llama 3.1 8B", "QLoRA", 7.4, Load(LLAMA_3_8B, Adapter(8, TUNED), replace(PURE_BF16, frozen=NF4_BYTES), 2, 2048)
    ),
    _tuned("Llama 3.1 70B", "LoRA", 27.6, Load(LLAMA_3_70B, Adapter(16, TUNED), PURE_BF16, 2, 2048, shards=8)),
    Published(
        "Llama 2 7B",
        "full",
        "fp32 weights, their estimate; 1 x 1024 tokens assumed",
        120,
        LLAMA_FACTORY_TABLE,
        _stock(LLAMA_2_7B, None, MASTERS, (1, 1024)),
        unit=GB,
    ),
    Published(
        "Llama 2 7B",
        "full",
        "all bf16, their estimate; 1 x 1024 tokens assumed",
        60,
        LLAMA_FACTORY_TABLE,
        _stock(LLAMA_2_7B, None, PURE_BF16, (1, 1024)),
        unit=GB,
    ),
)
"""Compared with our formula, and held to its bounds by a test."""

MISSED: Final[tuple[tuple[Published, str], ...]] = (
    (
        Published(
            "Llama 2 70B",
            "LoRA",
            "rank 8, 8 x 2048 tokens, FSDP over 8 GPUs",
            76,
            PEFT_FSDP,
            replace(_stock(LLAMA_2_70B, Adapter(8), Widths(), (8, 2048)), shards=8),
            unit=GB,
        ),
        "«72 to 80 GB» is what the allocator had taken of an 80 GB GPU, not what it needed",
    ),
    (
        Published(
            "Qwen 7B",
            "full",
            "1 x 1024 tokens, ZeRO-2 over 2 GPUs",
            81.0,
            QWEN,
            replace(_stock(QWEN_7B, None, Widths(), (1, 1024)), accumulates=True, shards=2),
        ),
        "ZeRO-2 keeps all weights on each GPU and buckets beside the gradients; ours shares the weights too",
    ),
    (
        Published(
            "Qwen 1.8B",
            "full",
            "1 x 2048 tokens, ZeRO-2 on one GPU",
            43.5,
            QWEN,
            replace(_stock(QWEN_1_8B, None, MASTERS, (1, 2048)), accumulates=True),
        ),
        "the same from 256 to 2048 tokens: what DeepSpeed sets aside, 25 bytes for each weight",
    ),
    *(
        (row, "over: Qwen's 4-bit trainings ran in fp16, without the fp32 copies of logits that stock bf16 makes")
        for row in (
            *_qwen("Qwen 1.8B", QWEN_1_8B, INT4, {4096: 10.2, 8192: 15.8}),
            *_qwen("Qwen 14B", QWEN_14B, INT4, {8192: 27.9}),
        )
    ),
    *(
        (row, "under: so few tokens that what GPTQ's kernels keep for themselves shows; ours is nf4, without them")
        for row in (
            *_qwen("Qwen 1.8B", QWEN_1_8B, INT4, {512: 6.0}),
            *_qwen("Qwen 14B", QWEN_14B, INT4, {512: 18.4}),
        )
    ),
    (
        _tuned(
            "Llama 3.2 3B",
            "full, nothing recomputed",
            42.9,
            Load(LLAMA_3_3B, None, PURE_BF16, 2, 4096, checkpointing=False),
        ),
        "torch.compile keeps about half of what plain torch does; ours always recomputes on GPUs",
    ),
)
"""Outside the bounds, and why."""
