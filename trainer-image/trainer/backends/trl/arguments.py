"""The run in TRL's words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trl import SFTConfig

from trainer.backends.trl.extra import extra_settings
from trainer.backends.trl.sharding import sharing_settings, sum_in_fp32
from trainer.training.devices import uses_bf16

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.contract.run import Run
    from trainer.training.plan import Plan


def sft_config(run: Run, plan: Plan, output: Path, *, read_once: bool) -> SFTConfig:
    """Everything that is not the default. Saving, stopping and evaluating are decided by our callback.

    `read_once`: only the first process of each node has the model's weights so far.
    """
    given = run.hyperparameters
    on_gpu = run.hardware.gpus > 0
    bf16 = uses_bf16(run)
    config = SFTConfig(
        output_dir=os.fspath(output),
        max_steps=plan.total_steps,
        per_device_train_batch_size=plan.micro_batch,
        per_device_eval_batch_size=plan.micro_batch,
        gradient_accumulation_steps=plan.accumulation,
        learning_rate=given.learning_rate,
        weight_decay=given.weight_decay,
        max_grad_norm=given.max_grad_norm,
        seed=given.seed,
        # Rows come tokenized, masked and truncated; max_length would run TRL's own preparation over them.
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        # Packed already, too: this asks for a collator that keeps the rows of a sequence apart.
        packing=given.packing,
        packing_strategy="bfd",
        use_cpu=not on_gpu,
        bf16=bf16,
        logging_strategy="steps",
        logging_steps=plan.log_every,
        logging_first_step=True,
        # transformers would put an average in the place of a loss that is not a number; we want to see it.
        logging_nan_inf_filter=False,
        include_num_input_tokens_seen="non_padding",
        save_strategy="no",
        eval_strategy="no",
        report_to=[each.type for each in run.integrations] or "none",
        run_name=run.job.name,
        disable_tqdm=True,
        dataloader_pin_memory=on_gpu,
        # TRL trades time for memory by default, which only pays on GPUs.
        **{"activation_checkpointing": on_gpu, **extra_settings(given.extra), **sharing_settings(read_once=read_once)},
    )
    return sum_in_fp32(config)
