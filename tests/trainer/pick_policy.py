"""Makes an untrained ACT that looks at what the demo's robot shows: ``python -c <this> FOLDER``, with the image's packages."""

from __future__ import annotations

import sys
from pathlib import Path

SIDE = 64


def main(folder: Path) -> None:
    """Weights by a fixed seed, and the processors that a training would publish beside them."""
    import torch  # noqa: PLC0415 - of the image
    from lerobot.configs.types import FeatureType, PolicyFeature  # noqa: PLC0415 - the same
    from lerobot.policies.act.configuration_act import ACTConfig  # noqa: PLC0415 - the same
    from lerobot.policies.act.modeling_act import ACTPolicy  # noqa: PLC0415 - the same
    from lerobot.policies.factory import make_pre_post_processors  # noqa: PLC0415 - the same

    picture = PolicyFeature(type=FeatureType.VISUAL, shape=(3, SIDE, SIDE))
    config = ACTConfig(
        input_features={
            "observation.state": PolicyFeature(type=FeatureType.STATE, shape=(3,)),
            "observation.images.top": picture,
            "observation.images.wrist": picture,
        },
        output_features={"action": PolicyFeature(type=FeatureType.ACTION, shape=(3,))},
        chunk_size=4,
        n_action_steps=4,
        dim_model=32,
        n_heads=2,
        dim_feedforward=32,
        n_encoder_layers=1,
        use_vae=False,
        pretrained_backbone_weights=None,
        device="cpu",
    )
    torch.manual_seed(1)
    ACTPolicy(config).save_pretrained(folder)
    pixels = {"mean": torch.full((3, 1, 1), 0.5), "std": torch.full((3, 1, 1), 0.5)}
    numbers = {"mean": torch.zeros(3), "std": torch.ones(3)}
    stats = {key: pixels if "images" in key else numbers for key in (*config.input_features, "action")}
    for processor in make_pre_post_processors(config, dataset_stats=stats):
        processor.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
