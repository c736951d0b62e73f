"""A tiny SmolVLA with random weights: run by a Python that has LeRobot, ``tiny_smolvla.py FOLDER CAMERA …``.

The body of its language model is in the folder too, so that it is found without a Hub.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lerobot.configs import FeatureType, PolicyFeature
from lerobot.policies.factory import make_pre_post_processors
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
    set_seed,
)

OF_PICTURES = {
    "fake_image_token": "<fake_token_around_image>",
    "image_token": "<image>",
    "global_image_token": "<global-img>",
    "end_of_utterance_token": "<end_of_utterance>",
}
WORDS = ("<pad>", "<unk>", *OF_PICTURES.values(), "follow", "the", "circle")
DIMS = 4


def make_body(folder: Path) -> None:
    """Configuration, tokenizer and processors of the language model."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", extra_special_tokens=OF_PICTURES
    )
    of_text = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": len(WORDS)}
    SmolVLMConfig(
        text_config={"model_type": "llama", "hidden_size": 32, "intermediate_size": 32, "head_dim": 16, **of_text},
        vision_config={
            "model_type": "smolvlm_vision",
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
        },
        image_token_id=vocabulary["<image>"],
        pad_token_id=0,
        scale_factor=2,
    ).save_pretrained(folder)
    processor = SmolVLMProcessor(SmolVLMImageProcessor(), tokenizer, SmolVLMVideoProcessor(), image_seq_len=4)
    processor.save_pretrained(folder)


def make_policy(folder: Path, cameras: list[str]) -> None:
    """The policy, with the body in `body/`."""
    make_body(folder / "body")
    picture = PolicyFeature(type=FeatureType.VISUAL, shape=(3, 64, 64))
    state = PolicyFeature(type=FeatureType.STATE, shape=(DIMS,))
    config = SmolVLAConfig(
        input_features={"observation.state": state, **dict.fromkeys(cameras, picture)},
        output_features={"action": PolicyFeature(type=FeatureType.ACTION, shape=(DIMS,))},
        vlm_model_name=str(folder / "body"),
        resize_imgs_with_padding=(64, 64),
        num_vlm_layers=2,
        chunk_size=4,
        n_action_steps=4,
        device="cpu",
    )
    set_seed(0)
    policy = SmolVLAPolicy(config)
    policy.save_pretrained(folder)
    for processor in make_pre_post_processors(config):
        processor.save_pretrained(folder)


if __name__ == "__main__":
    make_policy(Path(sys.argv[1]), sys.argv[2:])
