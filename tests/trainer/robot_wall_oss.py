"""Makes a tiny WALL-OSS as its makers keep it, without LeRobot's config.json: ``python robot_wall_oss.py FOLDER``.

The body is a Qwen2.5-VL with two experts by its configuration, with a tokenizer of a few words. Nothing is fetched.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import Any

WIDTH: Final = 32
EXPERT: Final = {"hidden_size": WIDTH, "intermediate_size": WIDTH, "hidden_act": "silu"}
SPECIAL: Final = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|image_pad|>", "<|video_pad|>", "<|propri|>", "<|action|>", "<|action_fast|>"),
)
WORDS: Final = ("<unk>", "Observation:", "Instruction:", "follow", "the", "circle.", "front", "view:", "assistant")
VISION: Final = {
    "model_type": "qwen2_5_vl",
    "depth": 1,
    "hidden_size": WIDTH,
    "intermediate_size": WIDTH,
    "num_heads": 2,
    "out_hidden_size": WIDTH,
    "fullatt_block_indexes": [0],
}
BODY: Final = {
    "model_type": "qwen2_5_vl",
    "architectures": ["Qwen2_5_VLMoEForAction"],
    "vocab_size": len(SPECIAL) + len(WORDS),
    "hidden_size": WIDTH,
    "intermediate_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_window_layers": 2,
    "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
    "tie_word_embeddings": False,
    "vision_start_token_id": SPECIAL.index("<|vision_start|>"),
    "vision_end_token_id": SPECIAL.index("<|vision_end|>"),
    "image_token_id": SPECIAL.index("<|image_pad|>"),
    "video_token_id": SPECIAL.index("<|video_pad|>"),
    "num_experts": 2,
    "experts": [EXPERT, EXPERT],
    "dim_inputs": [WIDTH, WIDTH],
    "mlp_moe": True,
    "attention_moe": False,
    "dof_config": {"left": 10, "right": 10},
    "agent_pos_config": {"left": 10, "right": 10},
    "vision_config": VISION,
}
"""In the flat form that the published model has."""


def make_processor(folder: Path) -> Any:
    """Its tokenizer and what cuts pictures into patches."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 - only where LeRobot is
    from transformers import (  # noqa: PLC0415
        PreTrainedTokenizerFast,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    words = {word: index for index, word in enumerate((*SPECIAL, *WORDS))}
    plain = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    plain.add_special_tokens(list(SPECIAL))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        unk_token="<unk>",
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        padding_side="left",
        extra_special_tokens={"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
    )
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(), tokenizer, Qwen2VLVideoProcessor(), chat_template="{{ messages }}"
    )
    processor.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return processor


def make_model(folder: Path, processor: Any) -> None:
    """Random weights of that configuration, in one file."""
    from lerobot.policies.wall_x.modeling_wall_x import Qwen2_5_VLMoEForAction  # noqa: PLC0415 - only where LeRobot is
    from lerobot.policies.wall_x.qwen_model import Qwen2_5_VLConfig  # noqa: PLC0415
    from safetensors.torch import save_file  # noqa: PLC0415

    (folder / "config.json").write_text(json.dumps(BODY, indent=2))
    config = Qwen2_5_VLConfig.from_pretrained(folder)
    config._attn_implementation = "eager"  # the only one that LeRobot takes, and no default
    config.pad_token_id = config.text_config.pad_token_id = processor.tokenizer.pad_token_id
    model = Qwen2_5_VLMoEForAction(config, processor=processor)
    save_file({key: tensor.contiguous() for key, tensor in model.state_dict().items()}, folder / "model.safetensors")


if __name__ == "__main__":
    place = Path(sys.argv[1]).resolve()
    place.mkdir(parents=True)
    make_model(place, make_processor(place))
