"""docs/benchmarks/trainer.md: the figures as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.trainer_bench.ratios import FIRST_STEP, STEP

HEAD: Final = f"""# Trainers

Written by `make bench-trainer`. Our trainer in stage `train` beside the program that it drives, with the same model, data
and arguments, in one run: pairs one after the other, now the one and then the other first. A ratio is ours divided by the
other's; what stands is the median over the pairs and its 95 % interval (bootstrap). The aims: {STEP.ratio:g} for the seconds of a
step, {FIRST_STEP.ratio:g} for the time from the start of the process to the end of its first step. Single runs of one program differ
by far more on a shared machine: so `make bench-trainer` fails only when the interval for a step begins above {STEP.fails_above:g}.

All on CPU, with models so small that our own share of a step is as large as it can be: it is a fixed time, which no GPU
makes longer. The other programs are started as `python -m trl.scripts.sft`, which is what `trl sft` launches, and as `python -m
lerobot.scripts.lerobot_train`. Ours keeps a fence, a ledger and metrics, is watched, and saves its model at the end; the
time after the last step is in no figure.
"""


def page(figures: Mapping[str, Any]) -> str:
    """The page for what `__main__` has measured."""
    return "\n".join([HEAD, *_families(figures["families"]), *_machine(figures["machine"])])


def _families(families: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "| against | figure | ours, s | the other's, s | ratio | 95 % interval | aim | |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for each in families.values():
        for name, aim in (("step", STEP), ("first step", FIRST_STEP)):
            row = each[name]
            interval = f"{row['low']:.3f} to {row['high']:.3f}"
            seconds = f"{row['ours']:.3f} | {row['plain']:.3f}"
            cells = f"{seconds} | {row['ratio']:.3f} | {interval} | {aim.ratio:g} | {row['verdict']}"
            yield f"| `{each['rival']}` | {name} | {cells} |"
    yield ""
    for each in families.values():
        yield from _remarks(each)
    yield ""


def _remarks(each: Mapping[str, Any]) -> Iterator[str]:
    yield f"- `{each['rival']}`: {each['pairs']} pairs of {each['steps']} steps."
    if (waiting := each.get("waiting")) is not None:
        yield f"- Of a step's time, {100 * waiting:.1f} % were spent waiting for data."
    if loss := each.get("loss"):
        yield (
            f"- Killed {loss['steps_again']} steps behind a checkpoint and started again at once, it was where it had been after"
            f" {loss['seconds']:.1f} s, {loss['until_first_step']:.1f} s of them until its first step."
        )


def _machine(machine: Mapping[str, Any]) -> Iterator[str]:
    yield "## The machine"
    yield ""
    yield "| figure | value |"
    yield "| --- | --- |"
    for name, value in machine.items():
        yield f"| {name.replace('_', ' ')} | {value} |"
    yield ""
