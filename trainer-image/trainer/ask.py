"""`python -m trainer.ask --model DIR [--adapter DIR] PROMPT …`: answers of a model, and of its fine-tuned self, as JSON.

Prints a list with one object per prompt: `prompt`, `base`, and with an adapter `tuned`. Greedy, so that the same
question always gets the same answer. A fully fine-tuned model is asked as `--model` of a call of its own, or as
`--adapter`: a folder that holds whole weights takes the base model's place.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from trainer.environment import library_environment

LONGEST_ANSWER: Final = 128
"""Tokens."""


def main() -> int:
    """Ask every prompt of every model. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trainer.ask", description="Ask a model, before and after tuning.")
    parser.add_argument("--model", required=True, type=Path, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, help="folder of the fine-tuned result")
    parser.add_argument("prompts", nargs="+", metavar="PROMPT")
    asked = parser.parse_args()
    for folder in filter(None, (asked.model, asked.adapter)):
        if not (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file():
            parser.error(f"{folder} holds no model: there is neither config.json nor adapter_config.json")
    os.environ.update(library_environment())
    print(json.dumps(_interview(asked.model, asked.adapter, asked.prompts), ensure_ascii=False, indent=1))
    return 0


def _interview(model_folder: Path, tuned_folder: Path | None, prompts: list[str]) -> list[dict[str, str]]:
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - slow: after the arguments are checked
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(os.fspath(model_folder), local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(os.fspath(model_folder), local_files_only=True)
    answers = [{"prompt": prompt, "base": _answer(model, tokenizer, prompt)} for prompt in prompts]
    if tuned_folder is not None:
        tuned = _tuned(model, tuned_folder)
        answers = [each | {"tuned": _answer(tuned, tokenizer, each["prompt"])} for each in answers]
    return answers


def _tuned(model: Any, folder: Path) -> Any:  # noqa: ANN401 - a transformers or PEFT model of any class
    if (folder / "adapter_config.json").is_file():
        from peft import PeftModel  # noqa: PLC0415

        return PeftModel.from_pretrained(model, os.fspath(folder))
    return type(model).from_pretrained(os.fspath(folder), local_files_only=True)


def _answer(model: Any, tokenizer: Any, prompt: str) -> str:  # noqa: ANN401 - library objects
    conversation = [{"role": "user", "content": prompt}]
    tokens = tokenizer.apply_chat_template(
        conversation, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    output = model.generate(**tokens, max_new_tokens=LONGEST_ANSWER, do_sample=False)
    text: str = tokenizer.decode(output[0][tokens["input_ids"].shape[1] :], skip_special_tokens=True)
    return text.strip()


if __name__ == "__main__":
    sys.exit(main())
