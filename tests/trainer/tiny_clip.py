"""A tiny CLIP, made without weights from anywhere: run by a Python that has transformers, ``tiny_clip.py FOLDER``.

Its embeddings are as wide as SARM expects (512); everything else is as small as it can be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer, set_seed
from transformers.convert_slow_tokenizer import bytes_to_unicode

EMBEDDING = 512


def make_clip(folder: Path) -> None:
    """Write model, tokenizer and image processor into ``folder``."""
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=16)
    layers = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    set_seed(0)
    model = CLIPModel(
        CLIPConfig(
            text_config={**layers, **ends, "vocab_size": len(words), "max_position_embeddings": 16},
            vision_config={**layers, "image_size": 16, "patch_size": 8},
            projection_dim=EMBEDDING,
        )
    )
    sizes = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    model.save_pretrained(folder)
    CLIPProcessor(CLIPImageProcessor(**sizes), tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    make_clip(Path(sys.argv[1]))
