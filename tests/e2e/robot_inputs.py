"""Makes what robot jobs start from, in the trainer's image: ``python -c <this> FOLDER``. Nothing is fetched.

``FOLDER/circles``: a dataset of three cameras in H.264; ``FOLDER/smolvla``: a SmolVLA of a few kilobytes with the slots of the
real one, and beside it the body that it is built on; ``FOLDER/clip``: a CLIP as wide as SARM expects. A second run finds all.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

CAMERAS = ("observation.images.top", "observation.images.wrist", "observation.images.front")
SLOTS = ("observation.images.camera1", "observation.images.camera2", "observation.images.camera3")
BODY = "HuggingFaceTB/SmolVLM2-500M-Video-Instruct"
CLIP = "openai/clip-vit-base-patch32"
SIDE = 32
JOINTS = 4
EPISODES = 4
FRAMES = 24
FPS = 10


def main(folder: Path) -> None:
    """Make what is not there yet; each of them appears by one rename."""
    for name, make in {"circles": record, "smolvla": make_policy, "clip": make_clip}.items():
        if not (folder / name).exists():
            partial = folder / f".{name}-{os.getpid()}"
            make(partial)
            for path in (partial, *partial.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            partial.rename(folder / name)
            print(name, flush=True)


def record(folder: Path) -> None:
    """A dot goes round; the next state is the action."""
    import numpy as np  # noqa: PLC0415 - of the image
    from lerobot.configs.video import RGBEncoderConfig  # noqa: PLC0415 - the same
    from lerobot.datasets import LeRobotDataset  # noqa: PLC0415 - the same

    vector = {"dtype": "float32", "shape": (JOINTS,), "names": [f"joint_{n}" for n in range(JOINTS)]}
    picture = {"dtype": "video", "shape": (SIDE, SIDE, 3), "names": ["height", "width", "channels"]}
    features = {"observation.state": vector, "action": vector, **dict.fromkeys(CAMERAS, picture)}
    # LeRobot's default encoder takes the whole machine.
    encoder = RGBEncoderConfig(vcodec="h264")
    options: dict[str, Any] = {"robot_type": "tiny_arm", "rgb_encoder": encoder}
    dataset = LeRobotDataset.create("tests/circles", FPS, features, root=folder, **options)
    for episode in range(EPISODES):
        for frame in range(FRAMES):
            angle = 2 * np.pi * (frame / FRAMES + episode / EPISODES)
            joints = angle + np.arange(JOINTS)
            pictures = {}
            for number, camera in enumerate(CAMERAS):
                pixels = np.full((SIDE, SIDE, 3), 60 * (number + 1), dtype=np.uint8)
                row, column = (int(SIDE / 2 + SIDE / 3 * turn) for turn in (np.sin(angle), np.cos(angle)))
                pixels[max(0, row - 3) : row + 3, max(0, column - 3) : column + 3] = 250
                pictures[camera] = pixels
            moved = np.sin(joints + 2 * np.pi / FRAMES)
            state = {"observation.state": np.sin(joints).astype(np.float32), "action": moved.astype(np.float32)}
            dataset.add_frame({**state, **pictures, "task": "follow the circle"})
        dataset.save_episode()
    dataset.finalize()


def make_body(folder: Path) -> None:
    """Configuration, tokenizer and image processor of a SmolVLM with one layer; it has no weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 - of the image
    from transformers import (  # noqa: PLC0415 - the same
        PreTrainedTokenizerFast,
        SmolVLMConfig,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    special = [
        "<pad>",
        "<s>",
        "</s>",
        "<unk>",
        "<fake_token_around_image>",
        "<global-img>",
        "<image>",
        "<end_of_utterance>",
    ]
    words = [*special, "follow", "the", "circle", "\n"]
    plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    named = {"fake_image_token": special[4], "global_image_token": special[5], "image_token": special[6]}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens={**named, "end_of_utterance_token": special[7]},
    )
    size = {"longest_edge": 64}
    pictures = {"size": size, "max_image_size": size, "do_image_splitting": False}
    processor = SmolVLMProcessor(
        SmolVLMImageProcessor(**pictures), tokenizer, SmolVLMVideoProcessor(**pictures), image_seq_len=4
    )
    processor.save_pretrained(folder)
    layers = {"hidden_size": 64, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2}
    text = {**layers, "model_type": "llama", "num_key_value_heads": 2, "head_dim": 16, "vocab_size": len(words)}
    sight = {**layers, "image_size": 64, "patch_size": 16}
    SmolVLMConfig(text_config=text, vision_config=sight, scale_factor=2, image_token_id=6).save_pretrained(folder)


def make_policy(folder: Path) -> None:
    """A SmolVLA with the real one's slots and random weights. Its body lies below it under the name that it is known by."""
    from lerobot.configs.types import FeatureType, PolicyFeature  # noqa: PLC0415 - of the image
    from lerobot.policies.factory import make_pre_post_processors  # noqa: PLC0415 - the same
    from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig  # noqa: PLC0415 - the same
    from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy  # noqa: PLC0415 - the same

    make_body(folder / BODY)
    seen = {slot: PolicyFeature(FeatureType.VISUAL, (3, 64, 64)) for slot in SLOTS}
    config = SmolVLAConfig(
        input_features={"observation.state": PolicyFeature(FeatureType.STATE, (JOINTS,)), **seen},
        output_features={"action": PolicyFeature(FeatureType.ACTION, (JOINTS,))},
        vlm_model_name=BODY,
        num_vlm_layers=2,
        resize_imgs_with_padding=(64, 64),
        chunk_size=8,
        n_action_steps=8,
        device="cpu",
        push_to_hub=False,
    )
    # The libraries take a folder of that name below the working directory for the model itself.
    os.chdir(folder)
    SmolVLAPolicy(config).save_pretrained(folder)
    before, after = make_pre_post_processors(config, dataset_stats=None)
    before.save_pretrained(folder)
    after.save_pretrained(folder)


def make_clip(folder: Path) -> None:
    """A CLIP of one layer, at the place below ``folder`` where its name is a path."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer  # noqa: PLC0415 - of the image
    from transformers.convert_slow_tokenizer import bytes_to_unicode  # noqa: PLC0415 - the same

    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=16)
    layers = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    text = {**layers, **ends, "vocab_size": len(words), "max_position_embeddings": 16}
    config = CLIPConfig(
        text_config=text, vision_config={**layers, "image_size": 16, "patch_size": 8}, projection_dim=512
    )
    CLIPModel(config).save_pretrained(folder / CLIP)
    sizes = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    CLIPProcessor(CLIPImageProcessor(**sizes), tokenizer).save_pretrained(folder / CLIP)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
