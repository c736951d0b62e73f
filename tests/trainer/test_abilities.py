"""What a run asks for and this image cannot do is refused by its field before anything is loaded; the rest is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.documents import Json, write_lines
from tests.trainer.first_checks import GOOD, document, run

UNABLE = [
    ({"jobType": "dpo"}, "JobTypeUnsupported", "spec.jobType", "jobType 'dpo'; it does sft"),
    ({"jobType": "vla"}, "JobTypeUnsupported", "spec.jobType", "jobType 'vla'; it does sft"),
    ({"model__type": "act"}, "ModelUnsupported", "spec.model.type", "model type 'act'; it trains causal_lm"),
    ({"datasets__0__format": "text"}, "DatasetUnsupported", "spec.datasets[0].format", "format 'text'; it reads chat"),
    ({"datasets__0__episodes": "0-4"}, "DatasetUnsupported", "spec.datasets[0].episodes", "episodes are for robots"),
    (
        {"hyperparameters__quantization": "nf4"},
        "HyperparameterUnsupported",
        "spec.hyperparameters.quantization",
        "'nf4'",
    ),
    (
        {"hyperparameters__dpo": {"beta": 0.1}},
        "HyperparameterUnsupported",
        "spec.hyperparameters.dpo",
        "for jobType dpo",
    ),
    (
        {"hyperparameters__imageAugmentation": True},
        "HyperparameterUnsupported",
        "spec.hyperparameters.imageAugmentation",
        "it is for robots",
    ),
    (
        {"hyperparameters__extra": {"adam_beta1": 0.8}},
        "HyperparameterUnsupported",
        "spec.hyperparameters.extra.adam_beta1",
        "Did you mean 'adamBeta1'? It knows: activationCheckpointing, adamBeta1,",
    ),
    (
        {"hyperparameters__extra": {"adamBeta1": 2}},
        "HyperparameterUnsupported",
        "spec.hyperparameters.extra.adamBeta1",
        "extra.adamBeta1 is 2, must be a number at least 0 and at most 0.9999",
    ),
    (
        {"hyperparameters__extra": {"optimizer": "lion"}},
        "HyperparameterUnsupported",
        "spec.hyperparameters.extra.optimizer",
        "extra.optimizer is 'lion', must be one of adamw_torch,",
    ),
    ({"cameras": [{"slot": "top"}]}, "RunInvalid", "spec.cameraMappings", "it is for robots"),
    ({"reward": {"useRabc": True}}, "RunInvalid", "spec.reward", "it is for robots"),
    ({"style": {}}, "RunInvalid", "spec.style", "for jobType style"),
    ({"evaluation": {"prompts": ["Hi"]}}, "HyperparameterUnsupported", "spec.evaluation.prompts", "answering prompts"),
    ({"output": {"select": "best"}}, "HyperparameterUnsupported", "spec.output.select", "nothing is evaluated"),
    ({"checkpoints__keepBest": 1}, "HyperparameterUnsupported", "spec.checkpoints.keepBest", "nothing is evaluated"),
    (
        {"evaluation": {"earlyStopping": {"patience": 2}}},
        "HyperparameterUnsupported",
        "spec.evaluation.earlyStopping",
        "nothing is evaluated",
    ),
    (
        {"integrations": [{"type": "mlflow", "mlflow": {"trackingUri": "https://m.example.com", "experiment": "e"}}]},
        "IntegrationUnsupported",
        "spec.integrations[0]",
        "the package of mlflow is not in this trainer image",
    ),
]


@pytest.mark.parametrize(("changes", "code", "param", "expected"), UNABLE, ids=[case[2] for case in UNABLE])
def test_what_this_image_cannot_do_is_refused_by_its_field(
    inputs: Path, changes: Json, code: str, param: str, expected: str
) -> None:
    ended = run(inputs, document(inputs, **changes))
    assert (ended.exit_code, ended.verdict["code"], ended.verdict["param"]) == (64, code, param), ended.output
    assert expected in str(ended.verdict["message"])


def test_weights_of_datasets_that_differ_are_refused(inputs: Path) -> None:
    asked = document(inputs)
    first: Any = asked["datasets"]
    asked["datasets"] = [first[0] | {"weight": 2}, first[0] | {"name": "other"}]
    ended = run(inputs, asked)
    assert (ended.exit_code, ended.verdict["param"]) == (64, "spec.datasets[0].weight")


def test_the_first_wrong_rows_are_reported_by_file_and_line(inputs: Path) -> None:
    write_lines(inputs / "train.jsonl", [GOOD, *["{" for _ in range(20)]])
    ended = run(inputs, document(inputs))
    report: Any = ended.verdict["report"]
    assert [fault["line"] for fault in report["faults"]] == list(range(2, 10))
    assert {fault["file"] for fault in report["faults"]} == {"configmap://support-questions/train.jsonl"}
    assert (report["rows"], report["tokens"]) == (1, 0)


def test_listed_files_of_a_folder_are_read_and_no_others(inputs: Path) -> None:
    (inputs / "data").mkdir()
    rows_of: dict[str, list[object]] = {"a.jsonl": [GOOD], "b.jsonl": ["{"], "c.json": ["["]}
    for name, rows in rows_of.items():
        write_lines(inputs / "data" / name, rows)
    place = {"datasets__0__path": str(inputs / "data"), "datasets__0__uri": "pvc://data/chats"}
    wrong = run(inputs, document(inputs, datasets__0__files=["a.jsonl", "c.json"], **place))
    assert "pvc://data/chats/c.json, line 1" in str(wrong.verdict["message"])
    missing = run(inputs, document(inputs, datasets__0__files=["a.jsonl", "d.json"], **place))
    assert (missing.verdict["code"], missing.verdict["param"]) == ("DatasetNotFound", "spec.datasets[0].files[1]")
    assert "Did you mean 'c.json'?" in str(missing.verdict["message"])
    outside = run(inputs, document(inputs, datasets__0__files=["../train.jsonl"], **place))
    assert "leads out of it" in str(outside.verdict["message"])


def test_a_job_of_several_nodes_whose_pod_knows_no_place_fails(inputs: Path) -> None:
    ended = run(inputs, document(inputs, hardware__nodes=2) | {"stage": "train"})
    assert (ended.exit_code, ended.verdict["result"], ended.verdict["stage"]) == (1, "failed", "train")
    assert "JOB_COMPLETION_INDEX is ''" in str(ended.verdict["message"])
