"""Where a training starts: from the model, or from what an earlier run left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainer.documents import run_document
from trainer.backends.trl.starting_point import StartingPoint, starting_point
from trainer.contract.run import parse_run
from trainer.failures import UserError


def start_of(folder: Path, *, lora: bool = True, step: int | None = None) -> StartingPoint:
    source = {"name": "earlier", "path": str(folder), **({"step": step} if step else {})}
    changes = {
        "model__fromCheckpoint": source,
        "hyperparameters__lora": {"enabled": lora},
        "model__path": "/models/tiny",
    }
    return starting_point(parse_run(run_document(**changes)))


def checkpoint(workspace: Path, step: int, name: str, *, complete: bool = True) -> Path:
    folder = workspace / "checkpoints" / "attempt-1" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / name).write_text(json.dumps({"r": 8}))
    if complete:
        (folder / "COMPLETE.json").write_text("{}")
    return folder


def test_a_training_starts_from_the_model_or_from_what_an_earlier_one_left(tmp_path: Path) -> None:
    assert starting_point(parse_run(run_document(model__path="/m"))) == StartingPoint(
        Path("/m"), "pvc://models/tiny-chat"
    )
    older = checkpoint(tmp_path, 10, "adapter_config.json")
    newest = checkpoint(tmp_path, 20, "adapter_config.json")
    checkpoint(tmp_path, 30, "adapter_config.json", complete=False)
    assert start_of(tmp_path) == StartingPoint(Path("/models/tiny"), "pvc://models/tiny-chat", adapter=newest)
    assert start_of(tmp_path, step=10).adapter == older
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    assert start_of(tmp_path, lora=False) == StartingPoint(tmp_path / "model", "earlier")


def test_what_cannot_be_gone_on_from_is_refused(tmp_path: Path) -> None:
    adapter = checkpoint(tmp_path, 10, "adapter_config.json")
    with pytest.raises(UserError, match="has no complete checkpoint of step 11; there are: 10"):
        start_of(tmp_path, step=11)
    with pytest.raises(UserError, match="has no checkpoints, and step 10 is asked for"):
        start_of(adapter, step=10)
    with pytest.raises(UserError, match=r"lora\.enabled is false"):
        start_of(adapter, lora=False)
    (adapter / "adapter_config.json").unlink()
    with pytest.raises(UserError, match="holds neither adapter_config"):
        start_of(adapter)
    with pytest.raises(UserError, match=r"earlier does not exist\. There is: checkpoint-10/.* mean 'checkpoint-10'"):
        start_of(adapter.with_name("checkpoint-1O"))
