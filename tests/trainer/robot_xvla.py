"""Makes a tiny X-VLA with LeRobot itself, body included: ``python robot_xvla.py FOLDER``. Nothing is fetched.

The body is a Florence-2 by its configuration; a tokenizer of a few words lies in the policy's folder under the name that the
configuration gives it on the Hub.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

TOKENIZER: Final = "tests/tiny-bart"
CAMERAS: Final = ("image", "image2", "image3")
SIZE: Final = 32
WORDS: Final = ("<s>", "<pad>", "</s>", "<unk>", "follow", "the", "circle")
VISION: Final = {
    "model_type": "florence_vision",
    "depths": [1, 1],
    "patch_size": [7, 3],
    "patch_stride": [4, 2],
    "patch_padding": [3, 1],
    "patch_prenorm": [False, True],
    "embed_dim": [16, 32],
    "num_heads": [2, 2],
    "num_groups": [2, 2],
    "window_size": 4,
    "projection_dim": 32,
}
LANGUAGE: Final = {
    "model_type": "bart",
    "vocab_size": len(WORDS),
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "max_position_embeddings": 64,
}
HEAD: Final = {
    "hidden_size": 32,
    "depth": 1,
    "num_heads": 2,
    "num_domains": 2,
    "len_soft_prompts": 4,
    "max_len_seq": 128,
    "chunk_size": 8,
    "n_action_steps": 8,
    "tokenizer_max_length": 8,
}


def make_tokenizer(folder: Path) -> None:
    """A tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 - only where LeRobot is
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    plain = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"unk_token": "<unk>", "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    PreTrainedTokenizerFast(tokenizer_object=plain, **special).save_pretrained(folder)


def make_policy(folder: Path) -> None:
    """An X-VLA with three cameras and actions of twenty numbers, as a base model is published."""
    os.chdir(folder)  # where the tokenizer is found by its name
    from lerobot.configs.types import FeatureType, PolicyFeature  # noqa: PLC0415 - only where LeRobot is
    from lerobot.policies.factory import make_pre_post_processors  # noqa: PLC0415
    from lerobot.policies.xvla.configuration_xvla import XVLAConfig  # noqa: PLC0415
    from lerobot.policies.xvla.modeling_xvla import XVLAPolicy  # noqa: PLC0415

    cameras = {f"observation.images.{name}": PolicyFeature(FeatureType.VISUAL, (3, SIZE, SIZE)) for name in CAMERAS}
    config = XVLAConfig(
        device="cpu",
        push_to_hub=False,
        input_features={"observation.state": PolicyFeature(FeatureType.STATE, (8,)), **cameras},
        output_features={"action": PolicyFeature(FeatureType.ACTION, (20,))},
        florence_config={"vision_config": VISION, "text_config": LANGUAGE},
        tokenizer_name=TOKENIZER,
        resize_imgs_with_padding=(SIZE, SIZE),
        **HEAD,
    )
    XVLAPolicy(config).save_pretrained(folder)
    for processor in make_pre_post_processors(config):
        processor.save_pretrained(folder)


if __name__ == "__main__":
    place = Path(sys.argv[1]).resolve()
    (place / TOKENIZER).mkdir(parents=True)
    make_tokenizer(place / TOKENIZER)
    make_policy(place)
