"""Makes a tiny SmolVLA with LeRobot itself, body included: ``python robot_policies.py FOLDER``. Nothing is fetched.

The body is a SmolVLM by its configuration, with a tokenizer of a few words; it lies in the policy's folder under the name
that the configuration gives it on the Hub.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

BODY = "tests/tiny-smolvlm"
CAMERAS = ("camera1", "camera2", "camera3")
SIZE = 32


def make_body(folder: Path) -> None:
    """A SmolVLM of two small layers, without weights, and its processor."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 - only where LeRobot is
    from transformers import (  # noqa: PLC0415
        PreTrainedTokenizerFast,
        SmolVLMConfig,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    words = ["<unk>", "<pad>", "<s>", "</s>", "<image>", "<fake_token_around_image>", "<global-img>"]
    words += ["<end_of_utterance>", "<row_1_col_1>", "follow", "the", "circle", "\n"]
    plain = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"unk_token": "<unk>", "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    seen = {
        "image_token": "<image>",
        "fake_image_token": "<fake_token_around_image>",
        "global_image_token": "<global-img>",
        "end_of_utterance_token": "<end_of_utterance>",
    }
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, **special, extra_special_tokens=seen, padding_side="right"
    )
    text = {
        "model_type": "llama",
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "pad_token_id": 1,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": SIZE,
        "patch_size": 8,
    }
    config = SmolVLMConfig(text_config=text, vision_config=vision, scale_factor=2, image_token_id=4, pad_token_id=1)
    config.save_pretrained(folder)
    SmolVLMProcessor(
        SmolVLMImageProcessor(size={"longest_edge": SIZE}, max_image_size={"longest_edge": SIZE}),
        tokenizer,
        SmolVLMVideoProcessor(size={"longest_edge": SIZE}, max_image_size={"longest_edge": SIZE}),
        image_seq_len=4,
        chat_template="{{ messages }}",
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_policy(folder: Path) -> None:
    """A SmolVLA over that body, with three cameras, as a base model is published."""
    os.chdir(folder)  # where the body is found by its name
    from lerobot.configs.types import FeatureType, PolicyFeature  # noqa: PLC0415 - only where LeRobot is
    from lerobot.policies.factory import make_pre_post_processors  # noqa: PLC0415
    from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig  # noqa: PLC0415
    from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy  # noqa: PLC0415

    cameras = {f"observation.images.{name}": PolicyFeature(FeatureType.VISUAL, (3, SIZE, SIZE)) for name in CAMERAS}
    config = SmolVLAConfig(
        device="cpu",
        push_to_hub=False,
        input_features={"observation.state": PolicyFeature(FeatureType.STATE, (6,)), **cameras},
        output_features={"action": PolicyFeature(FeatureType.ACTION, (6,))},
        vlm_model_name=BODY,
        load_vlm_weights=False,
        num_vlm_layers=2,
        resize_imgs_with_padding=(SIZE, SIZE),
        chunk_size=8,
        n_action_steps=8,
    )
    SmolVLAPolicy(config).save_pretrained(folder)
    for processor in make_pre_post_processors(config):
        processor.save_pretrained(folder)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / BODY).mkdir(parents=True)
    make_body(place / BODY)
    make_policy(place)
