"""A model's folder is looked at before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainer.documents import write_model, write_safetensors
from trainer.backends.trl.model_folder import ModelFolder, context_length, inspect_model
from trainer.contract.run import Model
from trainer.failures import UserError


def refusal(folder: Path) -> UserError:
    with pytest.raises(UserError) as refused:
        inspect_model(Model("pvc://models/tiny", folder))
    assert refused.value.param == "spec.model.name"
    return refused.value


def test_parameters_and_context_are_told_without_loading(tmp_path: Path) -> None:
    assert inspect_model(Model("tiny", write_model(tmp_path / "m"))) == ModelFolder(parameters=14, longest_row=512)


def test_a_model_in_several_files_is_whole_only_with_all_of_them(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    write_safetensors(folder / "one.safetensors", {"a": (5,)})
    write_safetensors(folder / "two.safetensors", {"b": (6,)})
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert inspect_model(Model("tiny", folder)).parameters == 11
    (folder / "two.safetensors").unlink()
    assert refusal(folder).message == "pvc://models/tiny is not whole: two.safetensors is missing"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "absent").message
    folder = write_model(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    assert "has no weights" in refusal(folder).message
    (folder / "pytorch_model.bin").touch()
    assert "convert them to safetensors" in refusal(folder).message
    (folder / "tokenizer.json").unlink()
    assert "has no tokenizer" in refusal(folder).message
    (folder / "config.json").unlink()
    assert "has no config.json. There is: pytorch_model.bin." in refusal(folder).message


def test_a_path_that_is_spelt_wrong_is_answered_with_what_is_there(tmp_path: Path) -> None:
    write_model(tmp_path / "tiny-chat")
    for number in range(9):
        write_model(tmp_path / f"model-{number}")
    assert refusal(tmp_path / "tiny-chatt").message == (
        "pvc://models/tiny does not exist. There is: model-0/, model-1/, model-2/, model-3/, model-4/ and 5 more."
        " Did you mean 'tiny-chat'?"
    )
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file").message == "pvc://models/tiny is a file, must be a folder"


def test_an_adapter_is_no_model_and_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    refused = refusal(tmp_path)
    assert refused.message == "pvc://models/tiny is an adapter: it has adapter_config.json and no config.json"
    assert "spec.model.fromCheckpoint" in refused.advice


def test_a_model_that_brings_its_own_code_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    (folder / "config.json").write_text(json.dumps({"model_type": "x", "auto_map": {"AutoModel": "evil.Model"}}))
    assert "needs code from its own folder" in refusal(folder).message


def test_cut_off_weights_are_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    assert "shorter or longer than its header says" in refusal(folder).message


def test_the_context_is_what_was_asked_within_what_the_model_can() -> None:
    assert context_length(None, ModelFolder(1, 512)) == 512
    assert context_length(None, ModelFolder(1, 131072)) == 4096
    assert context_length(None, ModelFolder(1, 0)) == 4096
    assert context_length(8192, ModelFolder(1, 131072)) == 8192
    with pytest.raises(UserError, match="contextLength 1024 is more than the 512 tokens"):
        context_length(1024, ModelFolder(1, 512))
