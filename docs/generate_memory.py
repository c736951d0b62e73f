"""docs/memory.md, with the formula's own figures: ``python docs/generate_memory.py``, ``--check`` finds drift."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from docs.published_memory import CHECKED, GIB, MISSED, Published
from docs.published_pace import PACES, PublishedPace
from finetune_operator.planning.sizing.memory import memory_of
from finetune_operator.planning.sizing.pace import pace
from finetune_operator.planning.sizing.words import figures

PAGE: Final = Path(__file__).with_name("memory.md")

HEAD: Final = """\
<!-- Generated from the formula's own figures by `python docs/generate_memory.py`. Do not edit. -->
# Memory and time

Before a GPU is asked for, the operator reckons what one GPU must hold and how long the training takes. The arithmetic
stands in words in `status.resolved.fit` and `status.estimate`. A job that cannot fit is refused with the smallest single
change that makes it fit; `spec.allowMemoryOvercommit: true` lets it run all the same.

The formula may be over by 35 % and under by 10 %, and a test holds it to that for the published figures below. It has
not yet been compared with our own trainer on a GPU.

## Language models: what one GPU holds

| Part | Bytes |
| --- | --- |
| weights | LoRA: 2 for each frozen one; 0.516 in linear layers with `quantization: nf4`; 4 for each of the adapters. Full: 4 for each |
| gradients, AdamW | 4 and 8 for each weight that is trained |
| reference model | `dpo` of all weights holds the model twice; an adapter is switched off instead |
| weights gathered or cast | over several GPUs: two blocks, embedding and head, whole. On one GPU with all weights trained and accumulated: 2 for each. nf4: one inner layer, unpacked |
| activations | the input of each block, and one block's own while it is computed again: attention, inner layer, norms, inputs of adapters. Pairs of `dpo` are two sequences |
| loss | tiles of 4096 tokens by 32768 words, and the last hidden states: TRL never holds all logits |
| lost between allocations | a tenth of what comes and goes |
| CUDA | 1 GiB, and 1 GiB more when GPUs work together |

What the formula takes for granted about the trainer:

- More than one GPU, over all nodes, always share weights, gradients and optimizer (FSDP2, full shard), and gradients are
  shared out after each micro-batch, not once for all that are accumulated.
- Activations are always recomputed on GPUs, attention never holds its scores as a whole, AdamW keeps two fp32 moments.
- A GPU holds at once as many rows as divide its share of `batchSize`, are a power of two up to 8, and leave a tenth of
  its memory free; the others are accumulated. So a smaller `batchSize` never makes a language model fit.
- In a mixture of experts the experts are no linear layers to transformers 5: they stay in bf16 with nf4, and get no
  adapter unless they are named.
- A row is as long as `contextLength` allows, or as the longest row of the data once that is known.

## Checked against published figures

«In torch» is torch's own peak, without CUDA and what is lost between allocations; the others are the whole GPU's. Each row
is reckoned with the settings of its source: most trainers hold all logits (16 bytes each), some train in bf16 alone. Only
torchtune computes its loss in pieces, as ours does. There is one formula for all rows; what CUDA takes, what is lost between
allocations and the bytes of a logit are round numbers chosen once, CUDA's with a look at these figures. Of Qwen's lengths
1024, 4096 and 8192 are shown; at 256 and 512 tokens LoRA is 6 to 11 % under and QLoRA 9 to 25 %.
"""

MISSED_HEAD: Final = """\
## Where it misses

Figures of the same sources that the formula does not meet, and what is probably the reason.
"""

POLICIES: Final = """\
## Robot policies

There is no formula: the catalog's BaseModel says `memory.fixed` and `memory.perRow`, with their source, and a GPU holds
the first and as many of the second as rows of `batchSize` fall to it. These trainers cannot accumulate: the whole share
must fit, and a smaller `batchSize` is the advice. Published figures are wide (pi0: 24 to 40 GB at batch 8 in LeRobot's
guide, over 22.5 GB with LoRA and over 70 GB without in openpi's), so measure on your hardware and write it into the entry.

## Time and cost

A token costs 2 operations for each weight and pass, and the attention to what stands before it. Passes: forward, again
for recomputation, backward for activations, backward for weights if they are trained; one more forward of the reference
for `dpo`. GPUs are taken to reach 44 % of their dense bf16 peak, less with few tokens at once (t tokens: t / (t + 200)),
85 % of that with nf4, and 70 % of it over several nodes. A robot policy takes 20 ps for each weight and row on an H100,
and on other GPUs more by the root of their peaks; no step is shorter than 0.05 s. Cost is time, by price, by nodes.

However fast GPUs compute, a language model's step takes at least what starting kernels takes, 1 ms for each block and
pass, and at least what gathering shared weights takes: each GPU receives all of them twice for each micro-batch, and the
gradients of those that are trained. Assumed are 150 GB/s between GPUs that are linked (SXM, H100 HBM3, H200, B200 and the
like, by `gpu.product`), 12 GB/s over PCIe, which all others are taken to have, and 25 GB/s between nodes. The message of
the estimate says so where one of these decides.

Expect the time to be right within a factor of two where computing decides, as in the rows below. The
floor is an assumption that no figure here checks: all rows of language models ran on one GPU, with long rows.
"""


def reckoned(row: Published) -> float:
    """Our figure for a published one, in its unit."""
    memory = memory_of(row.load)
    return (memory.allocated if row.torch_only else memory.total) / row.unit


def error(row: Published) -> float:
    """How far ours is over the published figure, as a share of it."""
    return reckoned(row) / row.figure - 1


def seconds(row: PublishedPace) -> float:
    """Our figure for the seconds of a published step. AssertionError when the formula has none."""
    ours = pace(row.asked, row.tokens_per_row)
    assert ours is not None, row.training  # noqa: S101 - every row has all that is needed
    return ours.seconds


def rendered() -> str:
    """The whole page."""
    head = ("Model", "Method", "Settings", "Published", "Ours", "Error")
    checked = _table((*head, "Source"), [(*_cells(row), f"[{_site(row)}]({row.source})") for row in CHECKED])
    missed = _table((*head, "Why"), [(*_cells(row), f"{why} ([{_site(row)}]({row.source}))") for row, why in MISSED])
    paces = _table(("Training", "Published", "Ours"), [_pace(row) for row in PACES])
    return f"{HEAD}\n{checked}\n\n{MISSED_HEAD}\n{missed}\n\n{POLICIES}\n{paces}\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` say that it differs and exit 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page differs")
    check = parser.parse_args(arguments).check
    text = rendered()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if check:
        print(f"docs/{PAGE.name} differs from the formula: run `python docs/{Path(__file__).name}`", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


def _cells(row: Published) -> tuple[str, ...]:
    unit = "GiB" if row.unit == GIB else "GB"
    scope = " in torch" if row.torch_only else ""
    figures = (f"{row.figure:.1f} {unit}{scope}", f"{reckoned(row):.1f}", f"{100 * error(row):+.0f} %")
    return (row.model, row.method, row.settings, *figures)


def _pace(row: PublishedPace) -> tuple[str, ...]:
    return (row.training, f"[{figures(row.seconds)} s]({row.source})", f"{figures(seconds(row))} s")


def _site(row: Published) -> str:
    sites = {"QwenLM": "Qwen", "unsloth": "Unsloth", "LLaMA-Factory": "LLaMA-Factory", "torchtune": "torchtune"}
    return next((name for part, name in sites.items() if part in row.source), "PEFT")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
