"""The types of policy that LeRobot 0.6.1 trains: what each is called, what it can do, and its settings of its own.

Names and defaults are those of https://github.com/huggingface/lerobot, src/lerobot/policies/*/configuration_*.py at
v0.6.1; `test_lerobot_seam.py` holds them against the installed one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Setting = Literal["count", "number", "flag", "text", "text or null", "size", "texts", "mapping"]
"""What a setting's value must be: a whole number, a number, true or false, a text, [height, width], texts, an object."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One type: `lerobot` is LeRobot's name of it.

    `from_scratch`: it needs no base model. `precise`: it has a setting for its precision. `decay`: what its learning rate
    falls to, as a part of its peak; None: LeRobot leaves it constant. `adapters`: LoRA can be put on it. `adapted` are the
    layers that get it when a job names none; none: LeRobot knows them. `trained_whole` are trained in full beside it.
    `side` says which setting names the folder of a model or tokenizer beside it.
    """

    lerobot: str
    from_scratch: bool = False
    precise: bool = False
    decay: float | None = None
    adapters: bool = True
    adapted: tuple[str, ...] = ()
    trained_whole: tuple[str, ...] = ()
    side: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)


_CHUNKS: Final[Mapping[str, Setting]] = {"chunk_size": "count", "n_action_steps": "count"}
_FREEZING: Final[Mapping[str, Setting]] = {
    "freeze_vision_encoder": "flag",
    "train_expert_only": "flag",
    "compile_model": "flag",
}
_PI: Final[Mapping[str, Setting]] = {
    **_CHUNKS,
    **_FREEZING,
    "gradient_checkpointing": "flag",
    "num_inference_steps": "count",
    "tokenizer_max_length": "count",
    "tokenizer_name": "text",
    "normalization_mapping": "mapping",
    "use_relative_actions": "flag",
    "relative_exclude_joints": "texts",
    "time_sampling_beta_alpha": "number",
    "time_sampling_beta_beta": "number",
}

KINDS: Final[Mapping[str, Kind]] = {
    "act": Kind(
        "act",
        from_scratch=True,
        adapters=False,
        settings={
            **_CHUNKS,
            **dict.fromkeys(("dim_model", "n_heads", "dim_feedforward", "latent_dim"), "count"),
            **dict.fromkeys(("n_encoder_layers", "n_decoder_layers", "n_vae_encoder_layers"), "count"),
            **dict.fromkeys(("use_vae", "pre_norm", "replace_final_stride_with_dilation"), "flag"),
            **dict.fromkeys(("dropout", "kl_weight", "temporal_ensemble_coeff", "optimizer_lr_backbone"), "number"),
            "vision_backbone": "text",
            "pretrained_backbone_weights": "text or null",
            "normalization_mapping": "mapping",
        },
    ),
    "smolvla": Kind(
        "smolvla",
        decay=0.025,
        side="vlm_model_name",
        settings={
            **_CHUNKS,
            **_FREEZING,
            **dict.fromkeys(("num_steps", "tokenizer_max_length"), "count"),
            "train_state_proj": "flag",
            "resize_imgs_with_padding": "size",
            "vlm_model_name": "text",
            "normalization_mapping": "mapping",
        },
    ),
    "pi0": Kind("pi0", precise=True, decay=0.1, side="tokenizer_name", settings=_PI),
    "pi05": Kind("pi05", precise=True, decay=0.1, side="tokenizer_name", settings=_PI),
    "xvla": Kind(
        "xvla",
        precise=True,
        decay=0.025,
        # Attention everywhere, and in full what belongs to one robot.
        adapted=("q_proj", "k_proj", "v_proj", "out_proj", "qkv", "proj", "vlm_proj", "aux_visual_proj"),
        trained_whole=("soft_prompt_hub", "action_encoder", "action_decoder"),
        side="tokenizer_name",
        settings={
            **_CHUNKS,
            **dict.fromkeys(("num_denoising_steps", "tokenizer_max_length", "num_image_views"), "count"),
            **dict.fromkeys(("freeze_vision_encoder", "freeze_language_encoder"), "flag"),
            **dict.fromkeys(("train_policy_transformer", "train_soft_prompts", "use_proprio"), "flag"),
            "action_mode": "text",
            "tokenizer_name": "text",
            "domain_feature_key": "text or null",
            "resize_imgs_with_padding": "size",
            "normalization_mapping": "mapping",
        },
    ),
    "wall_oss": Kind(
        "wall_x",
        decay=0.05,
        adapters=False,
        side="pretrained_name_or_path",
        settings={
            **_CHUNKS,
            "prediction_mode": "text",
            "vision_attn_implementation": "text",
            "normalization_mapping": "mapping",
        },
    ),
    "sarm": Kind(
        "sarm",
        from_scratch=True,
        adapters=False,
        settings={
            **dict.fromkeys(("n_obs_steps", "frame_gap", "max_rewind_steps", "clip_batch_size"), "count"),
            **dict.fromkeys(("hidden_dim", "num_heads", "num_layers", "max_state_dim"), "count"),
            **dict.fromkeys(("dropout", "rewind_probability", "language_perturbation_probability"), "number"),
        },
    ),
}
"""By the type that a job names."""
ANY_KIND: Final[Mapping[str, Setting]] = {"num_workers": "count", "tolerance_s": "number", "video_backend": "text"}
"""Settings of the training itself, which every type has."""
NOT_LEROBOTS: Final = ("tokenizer_name",)
"""Settings of π0 and π0.5 that no configuration has: they name a folder."""
STRICT: Final = ("xvla",)
"""LeRobot's names of types that fail when their weights cannot be loaded; all others go on with random ones, and only log it."""
