"""The tiny model's tokenizer: one token per byte, and a chat template whose assistant turns are marked."""

from __future__ import annotations

from typing import Final

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD: Final = "<|pad|>"
START: Final = "<|start|>"
END: Final = "<|end|>"
LONGEST: Final = 512
"""Tokens of a conversation."""

CHAT_TEMPLATE: Final = """\
{%- for message in messages %}
    {{- '<|start|>' + message['role'] + '\\n' }}
    {%- if message['role'] == 'assistant' %}
        {% generation %}
            {{- message['content'] + '<|end|>' -}}
        {% endgeneration %}
    {%- else %}
        {{- message['content'] + '<|end|>' }}
    {%- endif %}
    {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start|>assistant\\n' }}
{%- endif %}
"""


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer without merges: it can write anything, in many tokens."""
    symbols = [PAD, START, END, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={symbol: index for index, symbol in enumerate(symbols)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, bos_token=START, eos_token=END, model_max_length=LONGEST
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
