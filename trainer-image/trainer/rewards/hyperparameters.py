"""How the reward model is trained and its progress computed: `reward.hyperparameters`, and what SARM's configuration takes.

Defaults are those of LeRobot 0.6.1's SARM: its documentation's batch and steps, its configuration's learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from trainer.contract.bounds import AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE
from trainer.contract.hyperparameters import Hyperparameters, Lora
from trainer.contract.reading import Bounds, Fields
from trainer.contract.robots import Reward
from trainer.contract.sources import Model
from trainer.failures import UserError
from trainer.rewards.sarm_settings import SARM_KEYS, check_sarm_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.run import Run

PARAM: Final = "spec.reward.hyperparameters"
OF_THE_TRAINING: Final = ("batchSize", "learningRate", "steps", "warmupSteps", "weightDecay", "maxGradNorm", "seed")
OF_THE_PROGRESS: Final = ("stride", "clipModel")
KEYS: Final = (*OF_THE_TRAINING, *OF_THE_PROGRESS, "extra")


@dataclass(frozen=True, slots=True)
class RewardHyperparameters:
    """`batch_size` is global, and `steps` that nobody chose are the most that are made. Progress is computed for every `stride`th frame and read off a line between.

    `clip_model` is a folder; empty: the one in the Hub's cache. `extra` are keys of SARM's configuration.
    """

    steps: int = 5000
    batch_size: int = 32
    learning_rate: float = 5e-5
    warmup_steps: int | None = None
    weight_decay: float = 1e-3
    max_grad_norm: float = 10.0
    seed: int = 1000
    stride: int = 1
    clip_model: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)


def reward_hyperparameters(run: Run) -> RewardHyperparameters:
    """Those of a run; UserError (HyperparameterInvalid) for what is not known or out of range, with the nearest key."""
    reward = run.reward or Reward()
    try:
        fields = Fields(dict(reward.hyperparameters), "reward.hyperparameters", KEYS)
        absent = RewardHyperparameters()
        given = RewardHyperparameters(
            steps=fields.integer_or_none("steps", AT_LEAST_ONE) or absent.steps,
            batch_size=fields.integer_or_none("batchSize", Bounds(least=1, most=512)) or absent.batch_size,
            learning_rate=fields.number_or("learningRate", absent.learning_rate, POSITIVE),
            warmup_steps=fields.integer_or_none("warmupSteps", NOT_NEGATIVE),
            weight_decay=fields.number_or("weightDecay", absent.weight_decay, NOT_NEGATIVE),
            max_grad_norm=fields.number_or("maxGradNorm", absent.max_grad_norm, NOT_NEGATIVE),
            seed=fields.integer("seed", NOT_NEGATIVE) if "seed" in fields else run.hyperparameters.seed,
            stride=fields.integer_or_none("stride", Bounds(least=1, most=1000)) or 1,
            clip_model=fields.text_or("clipModel"),
            extra=fields.mapping("extra") if "extra" in fields else {},
        )
    except UserError as error:
        # The words are right, but it is the user who wrote them.
        message = error.message.removeprefix("run.json: ")
        raise UserError("HyperparameterInvalid", message, param=PARAM, advice=_ADVICE) from error
    check_sarm_settings(given.extra, "reward.hyperparameters.extra")
    return given


def check_of_reward_job(run: Run) -> None:
    """UserError when a job that trains a reward model alone says how in two places, or what SARM does not have."""
    if run.job_type != "reward":
        return
    check_sarm_settings(run.hyperparameters.extra, "hyperparameters.extra")
    doubled = [key for key in OF_THE_TRAINING if key in (run.reward.hyperparameters if run.reward else {})]
    if doubled:
        raise UserError(
            "HyperparameterInvalid",
            f"reward.hyperparameters.{doubled[0]} is given, and jobType reward has no other training than the reward"
            " model's, which goes by hyperparameters",
            param=f"{PARAM}.{doubled[0]}",
            advice=f"Write it as hyperparameters.{doubled[0]}. Here stand {', '.join((*OF_THE_PROGRESS, 'extra'))}.",
        )


def reward_run(run: Run) -> Run:
    """The training of the reward model alone, as a run of job type reward; of that type it is the run itself."""
    if run.job_type == "reward":
        return run
    given = reward_hyperparameters(run)
    return replace(
        run,
        job_type="reward",
        model=Model("sarm", None, type="sarm"),
        # Its steps are none of the job's: in a tracker they would stand in the way of the policy's.
        integrations=(),
        hyperparameters=Hyperparameters(
            learning_rate=given.learning_rate,
            seed=given.seed,
            lora=Lora(enabled=False),
            steps=given.steps,
            batch_size=given.batch_size,
            warmup_steps=given.warmup_steps,
            weight_decay=given.weight_decay,
            max_grad_norm=given.max_grad_norm,
            precision="fp32",
            extra=given.extra,
            said=frozenset(run.reward.hyperparameters if run.reward else ()),
        ),
    )


_ADVICE: Final = f"Known here: {', '.join(KEYS)}; extra takes {', '.join(SARM_KEYS)}."
