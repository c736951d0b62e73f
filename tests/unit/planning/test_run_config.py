"""The run document is what the contract says, value for value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, cast

import pytest
from jsonschema import Draft202012Validator

from finetune_operator.api.model import Json
from finetune_operator.api.status import Stage
from finetune_operator.planning.places import inputs, mounted_path
from finetune_operator.planning.quantity import cores
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import Admission, admit
from finetune_operator.planning.run_config import Run, run_document, run_json
from tests.unit.planning.scene import a_job, admitted_for, offer_for, resolved_for

CONTRACT = Path(__file__).parents[3] / "trainer-image" / "contract"
SCHEMA = Draft202012Validator(json.loads((CONTRACT / "run.schema.json").read_text(encoding="utf-8")))
STAGES: tuple[Stage, ...] = ("prepare", "train")
EVERY_STAGE: tuple[Stage, ...] = (*STAGES, "publish")


def run(spec: Json | None = None, stage: Stage = "train", attempt: int = 1, **hardware: object) -> Run:
    """An attempt of a job with these fields on this hardware."""
    job = a_job(spec)
    return Run(job, resolved_for(job, cpu="1", **hardware), stage, attempt)


def document(example: str) -> Json:
    """An example that both sides test against."""
    return cast("Json", json.loads((CONTRACT / "examples" / f"run.{example}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("stage", STAGES)
def test_a_small_job_is_the_golden_example(stage: Stage) -> None:
    assert run_document(run(stage=stage)) == document(stage)


SPECS: dict[str, Json] = {
    "with steps": {"hyperparameters": {"steps": 100}},
    "without LoRA": {"hyperparameters": {"lora": {"enabled": False}}},
    "with modules": {"hyperparameters": {"lora": {"targetModules": ["q_proj", "v_proj"]}}},
    "with a validation set": {
        "datasets": [
            {"name": "a", "uri": "pvc://data/a.jsonl"},
            {"name": "a", "split": "validation", "uri": "pvc://data/b.jsonl"},
        ]
    },
    "without hours": {"hours": None},
    "with a second's budget": {"hours": 0.0003},
    "with an output": {"output": {"uri": "pvc://models/out"}},
    "on two nodes": {"nodes": 2, "output": {"accessModes": ["ReadWriteMany"]}},
    "with all that may be absent": {
        "evaluation": {"fraction": 0.1, "prompts": ["Hello?"], "earlyStopping": {"patience": 2}},
        "checkpoints": {"everySteps": 5},
        "tags": ["a"],
        "integrations": [
            {"type": "wandb", "wandb": {"project": "p", "apiKeySecretRef": {"name": "s", "key": "k"}}},
            {"type": "mlflow", "mlflow": {"trackingUri": "https://m", "experiment": "e", "secretRef": {"name": "s"}}},
        ],
    },
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("stage", EVERY_STAGE)
def test_the_schema_accepts_a_job(spec: Json, stage: Stage) -> None:
    SCHEMA.validate(run_document(run(spec, stage, gpu={"count": 8})))


def test_before_the_data_are_known_prepare_is_asked_without_what_depends_on_them() -> None:
    job = a_job()
    admitted = admitted_for(job)
    hyperparameters = run_document(Run(job, admitted, "prepare", 1))["hyperparameters"]
    assert hyperparameters.keys().isdisjoint({"epochs", "steps", "batchSize"})
    SCHEMA.validate(run_document(Run(job, admitted, "prepare", 1)))


def test_steps_take_the_place_of_epochs() -> None:
    hyperparameters = run_document(run({"hyperparameters": {"steps": 100}}))["hyperparameters"]
    assert hyperparameters["steps"] == 100
    assert "epochs" not in hyperparameters


def test_what_was_not_asked_for_is_absent() -> None:
    asked = run_document(run({"hyperparameters": {"weightDecay": 0, "packing": False, "precision": "auto"}}))
    assert asked == run_document(run())


def test_every_hyperparameter_is_handed_on() -> None:
    given = {
        "steps": 7, "batchSize": 2, "learningRate": 0.1, "warmupSteps": 3, "weightDecay": 0.01, "maxGradNorm": 0.5,
        "contextLength": 512, "packing": True, "seed": 1, "precision": "fp32", "quantization": "nf4", "trainOn": "all",
        "lora": {"enabled": True, "rank": 4, "alpha": 8, "dropout": 0.1, "targetModules": ["q_proj"]},
        "extra": {"neftuneNoiseAlpha": 5},
    }  # fmt: skip
    assert run_document(run({"hyperparameters": given}))["hyperparameters"] == given


@pytest.mark.parametrize("example", ["train.preferences", "prepare.style"])
def test_the_operator_writes_the_example(example: str) -> None:
    wanted = document(example)
    hyperparameters = {k: v for k, v in wanted["hyperparameters"].items() if k != "lora"}
    spec = {
        "jobType": wanted["jobType"],
        "datasets": [{k: v for k, v in each.items() if k != "path"} for each in wanted["datasets"]],
        "hyperparameters": hyperparameters,
    }
    assert run_document(run(spec, wanted["stage"])) == wanted


CHECKPOINTS = {
    "nothing": (None, {"everySeconds": 1800, "keepLast": 2}),
    "minutes": ({"everyMinutes": 0.5}, {"everySeconds": 30, "keepLast": 2}),
    "all": (
        {"everySteps": 50, "everyMinutes": 10, "keepLast": 3, "keepBest": 1},
        {"everySeconds": 600, "everySteps": 50, "keepLast": 3, "keepBest": 1},
    ),
}


@pytest.mark.parametrize(("given", "asked"), CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_checkpoints_are_taken_as_often_as_the_job_says(given: Json | None, asked: Json) -> None:
    assert run_document(run({"checkpoints": given}))["checkpoints"] == asked


OUTPUTS: dict[str, tuple[Json, Json | None]] = {
    "a claim, where the model stays": ({"uri": "pvc://models/out"}, None),
    "a claim of its own": ({"storageSize": "1Gi"}, None),
    "a place elsewhere": ({"uri": "s3://b/m"}, {"uri": "s3://b/m", "modelName": "tiny-chat-support-bot"}),
    "a name": ({"modelName": "bot"}, {"modelName": "bot"}),
    "a name and a suffix": ({"modelName": "bot", "suffix": "v2"}, {"modelName": "bot-v2"}),
    "a suffix alone": ({"suffix": "v2"}, {"modelName": "tiny-chat-support-bot-v2"}),
    "merged weights": ({"merge": "merged"}, {"merge": "merged"}),
}


@pytest.mark.parametrize(("given", "asked"), OUTPUTS.values(), ids=OUTPUTS)
def test_an_output_is(given: Json, asked: Json | None) -> None:
    assert run_document(run({"output": given})).get("output") == asked


def test_the_budget_is_no_longer_than_model_and_hardware_allow() -> None:
    job = a_job({"hours": None})
    planned = resolved_for(job, limits={"hours": 6})
    assert run_document(Run(job, planned, "train", 1))["limits"]["trainingSeconds"] == 6 * 3600


CHECKPOINT_SOURCES: dict[str, tuple[Json, Json]] = {
    "a place in a claim": (
        {"uri": "pvc://earlier/model"},
        {"name": "pvc://earlier/model", "uri": "pvc://earlier/model", "path": "/inputs/claims/earlier/model"},
    ),
    "a place elsewhere": (
        {"uri": "hf://org/adapter", "revision": "v1"},
        {"name": "hf://org/adapter", "uri": "hf://org/adapter", "revision": "v1"},
    ),
    "another job": (
        {"job": "earlier", "step": 120},
        {"name": "earlier", "uri": "pvc://earlier-output", "path": "/inputs/claims/earlier-output", "step": 120},
    ),
}


@pytest.mark.parametrize(("source", "asked"), CHECKPOINT_SOURCES.values(), ids=CHECKPOINT_SOURCES)
def test_weights_to_go_on_from_are(source: Json, asked: Json) -> None:
    job = a_job({"model": {"name": "org/chat-1b", "fromCheckpoint": source}})
    offer = offer_for(job, workspaces={"earlier": "pvc://earlier-output"})
    admitted = admit(job.spec, offer)
    assert isinstance(admitted, Admission)
    document = run_document(Run(job, admitted.resolved, "prepare", 1))
    assert document["model"]["fromCheckpoint"] == asked
    SCHEMA.validate(document)


def test_weights_of_a_job_that_is_not_there_are_refused_with_the_nearest_name() -> None:
    job = a_job({"model": {"name": "org/chat-1b", "fromCheckpoint": {"job": "earlyer"}}})
    refused = admit(job.spec, offer_for(job, workspaces={"earlier": "pvc://earlier-output"}))
    assert isinstance(refused, Rejection)
    assert (refused.param, refused.may_mend) == ("spec.model.fromCheckpoint.job", True)
    assert "did you mean 'earlier'?" in refused.message


class TestRobots:
    ROBOT: ClassVar[Json] = {
        "jobType": "vla",
        "model": {"name": "org/policy", "type": "smolvla"},
        "datasets": [{"name": "a", "uri": "hf://org/shirts", "episodes": "0-9", "weight": 2}],
        "cameraMappings": {"top": "observation.images.top"},
    }

    def test_cameras_episodes_and_weights_are_handed_on(self) -> None:
        asked = run_document(run(self.ROBOT))
        assert asked["cameras"] == [{"slot": "top", "datasetKey": "observation.images.top"}]
        assert asked["datasets"][0] | {"episodes": "0-9", "weight": 2} == asked["datasets"][0]
        assert asked["model"] == {"name": "org/policy", "type": "smolvla", "uri": "hf://org/policy"}

    def test_a_name_beside_a_type_that_implies_its_model_is_not_handed_on(self) -> None:
        assert run_document(run(self.ROBOT | {"model": {"name": "org/mine", "type": "act"}}))["model"] == {
            "name": "act",
            "type": "act",
        }

    def test_a_reward_that_has_no_effect_is_not_handed_on(self) -> None:
        reward = {"modelUri": "org/sarm", "kappa": 0.1}
        assert "reward" not in run_document(run(self.ROBOT | {"reward": reward}))

    def test_a_reward_model_is_named_with_its_place(self) -> None:
        reward = {"useRabc": True, "modelUri": "org/sarm", "progressUri": "pvc://rewards/progress.parquet"}
        asked = run_document(run(self.ROBOT | {"reward": reward}))["reward"]
        assert asked["modelUri"] == "hf://org/sarm"
        assert asked["progressPath"] == "/inputs/claims/rewards/progress.parquet"

    def test_what_has_no_effect_beside_a_reward_that_has_one_stays_behind(self) -> None:
        """Nothing is mounted or fetched for it either."""
        places = {"modelUri": "pvc://rewards/sarm", "progressUri": "pvc://rewards/progress.parquet"}
        chain = run(self.ROBOT | {"jobType": "vla_w_reward", "reward": {**places, "kappa": 0.1}})
        asked = run_document(chain)["reward"]
        assert asked.keys() & {"modelUri", "modelPath", "progressUri", "progressPath"} == set()
        assert asked["kappa"] == 0.1
        assert "pvc://rewards/sarm" not in inputs(chain.job.spec, chain.resolved)
        weighted = {"useRabc": True, "modelUri": "org/sarm", "hyperparameters": {"stride": 5}, "annotationMode": "dual"}
        assert run_document(run(self.ROBOT | {"reward": weighted}))["reward"].keys() == {
            "useRabc", "modelUri", "headMode", "hoursShare", "hyperparameters",
        }  # fmt: skip

    def test_a_reward_model_alone_is_asked_for_in_the_same_words(self) -> None:
        alone = self.ROBOT | {"jobType": "reward", "model": {"type": "sarm"}}
        assert run_document(run(alone))["reward"] == {
            "useRabc": False,
            "headMode": "sparse",
            "hoursShare": 0.3,
        }

    @pytest.mark.parametrize("stage", ["prepare", "train"])
    def test_hours_alone_plan_a_training_without_epochs_and_steps(self, stage: Stage) -> None:
        job = a_job(self.ROBOT | {"hours": 0.5})
        document = run_document(Run(job, resolved_for(job), stage, 1))
        assert document["hyperparameters"].keys() & {"epochs", "steps"} == set()
        assert document["limits"]["trainingSeconds"] == 1800
        SCHEMA.validate(document)

    def test_both_stages_of_vla_w_reward_weight_their_rows_without_being_told(self) -> None:
        assert run_document(run(self.ROBOT | {"jobType": "vla_w_reward"}))["reward"]["useRabc"] is True


@pytest.mark.parametrize(("given", "limit"), [({}, None), ({"stallTimeoutSeconds": 90}, 90)])
def test_a_trainer_watches_itself_only_when_the_job_says_how_long(given: Json, limit: int | None) -> None:
    assert run_document(run(given))["limits"].get("stallSeconds") == limit


def test_what_says_nothing_is_left_out_so_that_any_image_can_do_it() -> None:
    asked = run_document(run())
    assert asked.keys().isdisjoint({"run", "resumeFrom", "finish"})
    assert "halvings" not in asked["hardware"]


def test_the_memory_arithmetic_says_how_many_rows_a_process_holds() -> None:
    job = a_job()
    planned = resolved_for(job).model_copy(update={"micro_batch_size": 2})
    assert run_document(Run(job, planned, "train", 1))["hardware"]["microBatchSize"] == 2
    assert "microBatchSize" not in run_document(Run(job, planned, "prepare", 1))["hardware"]


@pytest.mark.parametrize(("stage", "gpus"), [("prepare", 0), ("train", 8), ("publish", 0)])
def test_only_training_is_given_gpus(stage: Stage, gpus: int) -> None:
    assert run_document(run(stage=stage, gpu={"count": 8}))["hardware"]["gpus"] == gpus


@pytest.mark.parametrize("stage", EVERY_STAGE)
def test_the_document_promises_the_cores_that_the_pod_gets(stage: Stage) -> None:
    from finetune_operator.planning.manifests import render_stage  # noqa: PLC0415

    job = a_job()
    planned = Run(job, resolved_for(job, cpu="6500m"), stage, 1)
    limits = render_stage(planned, "Always", None)["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert run_document(planned)["hardware"]["cpus"] == cores(limits["cpu"])


@pytest.mark.parametrize(("hours", "seconds"), [(1, 3600), (0.5, 1800), (None, 604_800)])
def test_the_budget_is_in_seconds_and_a_week_when_none_is_given(hours: float | None, seconds: float) -> None:
    assert run_document(run({"hours": hours}))["limits"]["trainingSeconds"] == seconds


@pytest.mark.parametrize(
    ("quantity", "number"),
    [("2", 2), ("500m", 0.5), ("1.5", 1.5), ("0", 0), ("1k", 1000), ("1M", 1e6), ("1Ki", 1024), ("2Gi", 2 * 1024**3)],
)
def test_cores_of_any_quantity(quantity: str, number: float) -> None:
    assert cores(quantity) == number


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("pvc://models", "/inputs/claims/models"),
        ("pvc://models/", "/inputs/claims/models"),
        ("pvc://models.v1/a/b", "/inputs/claims/models.v1/a/b"),
        ("configmap://q/train.jsonl", "/inputs/configmaps/q/train.jsonl"),
    ],
)
def test_a_uri_is_found_in_the_pod_at(uri: str, path: str) -> None:
    assert mounted_path(uri) == path


def test_the_same_run_is_the_same_text() -> None:
    assert run_json(run()) == run_json(run())
    assert json.loads(run_json(run())) == run_document(run())
