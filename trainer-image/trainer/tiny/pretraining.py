"""The tiny model's weights: made from a seed, and pretrained for a few seconds on one CPU thread."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from trainer.tiny.questions import ANSWER, made_up_question
from trainer.tiny.tokenizer import LONGEST

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

STEPS: Final = 350
BATCH: Final = 8
LEARNING_RATE: Final = 2e-3


def make_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> LlamaForCausalLM:
    """A pretrained model of about 274 000 parameters; the same seed gives the same one on the same kind of CPU."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(_architecture(tokenizer))
    _pretrain(model, tokenizer, Random(seed))  # noqa: S311 - nothing secret
    return model


def _architecture(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=LONGEST,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _pretrain(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, random: Random) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=LEARNING_RATE, total_steps=STEPS)
    model.train()
    for step in range(STEPS):
        loss = model(**_batch(tokenizer, random)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1} of {STEPS}, loss {loss.item():.3f}", flush=True)
    model.eval()


def _batch(tokenizer: PreTrainedTokenizerFast, random: Random) -> dict[str, torch.Tensor]:
    """Conversations in tokens. The questions count in the loss too: reading them is what can be built upon later."""
    texts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": made_up_question(random)}, {"role": "assistant", "content": ANSWER}],
            tokenize=False,
        )
        for _ in range(BATCH)
    ]
    batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    return {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "labels": labels}
