"""Checkpoints of a shared model (FSDP2), in the form of one process's: any number of processes can go on from them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.tensor import DTensor, Replicate, distribute_tensor
from trl import SFTTrainer

from trainer.distributed.agreement import is_first

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIMIZER: Final = "optimizer.pt"
SCHEDULER: Final = "scheduler.pt"
"""What transformers calls these files of a checkpoint, when one process trains."""


class SharingTrainer(SFTTrainer):  # type: ignore[misc]
    """TRL's trainer; checkpoints of many processes are written and read in the form of one process's."""

    is_fsdp_enabled: bool

    def create_accelerator_and_postprocess(self) -> None:
        """Share the model on CPUs, too, where accelerate passes the request over without a word."""
        super().create_accelerator_and_postprocess()
        if self.args.fsdp and not self.is_fsdp_enabled:
            state = self.accelerator.state
            state.distributed_type = DistributedType.FSDP
            state.fsdp_plugin = FullyShardedDataParallelPlugin(**self.args.fsdp_plugin_args)
            self.is_fsdp_enabled = True

    def take_adapter(self, checkpoint: Path) -> None:
        """Before the model is shared out: put a checkpoint's adapter in it."""
        super()._load_from_checkpoint(os.fspath(checkpoint))

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:  # noqa: FBT001, FBT002 - transformers' signature
        """Write the whole weights, or the whole adapter; by the first process, with a part from each."""
        if not self.is_fsdp_enabled:
            super().save_model(output_dir, _internal_call)
            return
        adapter = hasattr(self.model, "peft_config")
        options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=adapter)
        self._save(output_dir, state_dict=get_model_state_dict(self.model, options=options))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ANN401 - transformers' signature
        """Nothing for a shared model: it was loaded from the checkpoint before it was shared out."""
        if not self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        state = _whole(self.optimizer.state_dict())
        if is_first():
            torch.save(state, Path(output_dir) / OPTIMIZER)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        settings = [{name: group[name] for name in group if name != "params"} for group in self.optimizer.param_groups]
        rates = list(self.lr_scheduler.base_lrs)
        self._load_state(checkpoint)
        # A later run may have another learning rate, and its schedule begins anew: of the checkpoint, only the step counts.
        steps = self.lr_scheduler.last_epoch
        self.lr_scheduler.base_lrs = rates
        for group, own, factor in zip(self.optimizer.param_groups, settings, self.lr_scheduler.lr_lambdas, strict=True):
            group.update({**own, "lr": own["initial_lr"] * factor(steps)})
        self.lr_scheduler._last_lr = [group["lr"] for group in self.optimizer.param_groups]  # noqa: SLF001 - as its own step does

    def _load_state(self, checkpoint: str | None) -> None:
        if not self.is_fsdp_enabled or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        # Only this process's part is ever read into memory.
        state = torch.load(Path(checkpoint) / OPTIMIZER, map_location="cpu", mmap=True, weights_only=True)
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        shared = {number: _shared(entries, weights[number]) for number, entries in state["state"].items()}
        self.optimizer.load_state_dict({**state, "state": shared})
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / SCHEDULER, weights_only=True))


def _whole(state: Mapping[str, Any]) -> dict[str, Any]:
    """An optimizer's state with every shared tensor whole, in the first process's memory; the others get only shapes."""
    entries = {
        number: {name: _gathered(value) for name, value in entry.items()} for number, entry in state["state"].items()
    }
    return {**state, "state": entries}


def _gathered(value: Any) -> Any:  # noqa: ANN401 - whatever an optimizer keeps
    if not isinstance(value, DTensor):
        return value
    whole = value.full_tensor()
    return whole.cpu() if is_first() else None


def _shared(entries: Mapping[str, Any], weight: DTensor) -> dict[str, Any]:
    """What an optimizer keeps for a weight, shared out as the weight is."""

    def part(value: Any) -> Any:  # noqa: ANN401 - see above
        if not isinstance(value, torch.Tensor) or value.ndim == 0:
            return value
        places = weight.placements if value.shape == weight.shape else [Replicate()]
        # Every process reads its own part of the file: nothing is sent.
        return distribute_tensor(value.to(weight.device), weight.device_mesh, places, src_data_rank=None)

    return {name: part(value) for name, value in entries.items()}
