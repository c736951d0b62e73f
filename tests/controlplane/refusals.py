"""What only the operator can refuse, as a table: the catalog that it is about, and each spec with its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from tests.support.objects import base_model, instance_type

GPU: Final = {"memory": "80Gi", "peakTflops": 989}
INSTANCE_TYPES: Final = (
    instance_type(
        "refuse-gpu8",
        cpu="64",
        memory="512Gi",
        gpu={**GPU, "count": 8},
        regions=[{"name": "eu-central-1"}, {"name": "us-east-1"}],
        limits={"hours": 24, "nodes": 2},
    ),
    instance_type("refuse-gpu1", cpu="8", memory="64Gi", gpu={**GPU, "count": 1}),
    instance_type("refuse-small", cpu="8", memory="64Gi", gpu={**GPU, "count": 1, "memory": "4Gi"}, automatic=False),
    instance_type("refuse-others", namespaceSelector={"matchLabels": {"team": "others"}}),
    instance_type("refuse-odd", memory="512Mi"),
)
LLAMA: Final = {
    "parameters": 8_030_261_248,
    "maxSequenceLength": 8192,
    "architecture": {
        "layers": 32,
        "hiddenSize": 4096,
        "intermediateSize": 14_336,
        "attentionHeads": 32,
        "keyValueHeads": 8,
        "vocabularySize": 128_256,
    },
}
ROBOT: Final = {"type": "smolvla", "family": "lerobot"}
BASE_MODELS: Final = (
    base_model(
        "refuse-llama",
        **LLAMA,
        aliases=["refuse/Llama-8B"],
        jobTypes=["sft"],
        limits={"batchSize": 64, "hours": 48, "loraRank": 64},
    ),
    base_model(
        "refuse-smolvla",
        **ROBOT,
        cameraSlots=[{"name": "cam_1", "key": "camera1", "required": True}, {"name": "cam_2", "key": "camera2"}],
    ),
    base_model("refuse-groot", type="gr00t_n1_6", family="groot-n16"),
    base_model("refuse-odd", **LLAMA | {"maxSequenceLength": 1024}, hyperparameters={"contextLength": 4096}),
)

LANGUAGE: Final[Json] = {"model": {"name": "refuse-llama"}, "instanceType": "refuse-gpu1", "hours": 1}
ON_EIGHT: Final[Json] = {**LANGUAGE, "instanceType": "refuse-gpu8"}
VLA: Final[Json] = {
    "jobType": "vla",
    "model": {"type": "smolvla", "name": "refuse-smolvla"},
    "cameraMappings": {"cam_1": "observation.images.top"},
    "instanceType": "refuse-gpu1",
    "hours": 1,
}
SHARED: Final = {"accessModes": ["ReadWriteMany"]}


@dataclass(frozen=True)
class Refused:
    """One spec, and what the operator answers. ``waits``: for as long as it takes."""

    spec: Json
    reason: Reason
    param: str
    words: tuple[str, ...] = field(default=())
    waits: bool = False


def hyperparameters(**given: object) -> Json:
    """A language-model job with these."""
    return {**LANGUAGE, "hyperparameters": given}


REFUSALS: Final[dict[str, Refused]] = {
    "an instance type that does not exist": Refused(
        {**LANGUAGE, "instanceType": "refuse-gpu"},
        Reason.UNKNOWN_INSTANCE_TYPE,
        "spec.instanceType",
        ("no InstanceType is named 'refuse-gpu'", "did you mean 'refuse-gpu"),
    ),
    "an instance type that contradicts itself": Refused(
        {**LANGUAGE, "instanceType": "refuse-odd"},
        Reason.UNKNOWN_INSTANCE_TYPE,
        "spec.instanceType",
        ("InstanceType 'refuse-odd' is unusable", "sharedMemory is 1Gi", "memory, which it counts against, is 512Mi"),
    ),
    "an instance type of other namespaces": Refused(
        {**LANGUAGE, "instanceType": "refuse-others"},
        Reason.UNKNOWN_INSTANCE_TYPE,
        "spec.instanceType",
        ("'refuse-others' is for namespaces with the labels team=others",),
    ),
    "a region that the type does not stand in": Refused(
        {**ON_EIGHT, "region": "eu-central-2"},
        Reason.INVALID_SPEC,
        "spec.region",
        ("not offered in 'eu-central-2'", "did you mean 'eu-central-1'", "its regions: eu-central-1, us-east-1"),
    ),
    "a region of a type that has none": Refused(
        {**LANGUAGE, "region": "eu-central-1"},
        Reason.INVALID_SPEC,
        "spec.region",
        ("'refuse-gpu1' is not offered in 'eu-central-1'", "none: leave spec.region out"),
    ),
    "more hours than the type allows": Refused(
        {**ON_EIGHT, "hours": 25},
        Reason.INVALID_SPEC,
        "spec.hours",
        ("25 were given", "InstanceType 'refuse-gpu8' allows at most 24"),
    ),
    "more hours than the model allows": Refused(
        {**LANGUAGE, "hours": 49},
        Reason.INVALID_SPEC,
        "spec.hours",
        ("49 was given", "BaseModel 'refuse-llama' allows at most 48"),
    ),
    "more nodes than the type allows": Refused(
        {**ON_EIGHT, "nodes": 3, "output": SHARED},
        Reason.INVALID_SPEC,
        "spec.nodes",
        ("3 were given", "'refuse-gpu8' allows at most 2"),
    ),
    "a batch that eight GPUs cannot share": Refused(
        {**ON_EIGHT, "hyperparameters": {"batchSize": 12}},
        Reason.INVALID_SPEC,
        "spec.hyperparameters.batchSize",
        ("12 rows cannot be divided evenly over 8 GPUs", "give a multiple, such as"),
    ),
    "a batch that sixteen GPUs of two nodes cannot share": Refused(
        {**ON_EIGHT, "nodes": 2, "output": SHARED, "hyperparameters": {"batchSize": 24}},
        Reason.INVALID_SPEC,
        "spec.hyperparameters.batchSize",
        ("24 rows cannot be divided evenly over 16 GPUs",),
    ),
    "a batch above the model's limit": Refused(
        hyperparameters(batchSize=128),
        Reason.INVALID_SPEC,
        "spec.hyperparameters.batchSize",
        ("128 was given", "BaseModel 'refuse-llama' allows at most 64"),
    ),
    "a context longer than the model can": Refused(
        hyperparameters(contextLength=16_384),
        Reason.INVALID_SPEC,
        "spec.hyperparameters.contextLength",
        ("16384 was given", "BaseModel 'refuse-llama' allows at most 8192"),
    ),
    "an adapter above the model's limit": Refused(
        hyperparameters(lora={"rank": 128}),
        Reason.INVALID_SPEC,
        "spec.hyperparameters.lora.rank",
        ("128 was given", "allows at most 64"),
    ),
    "a model that nobody knows": Refused(
        {**LANGUAGE, "model": {"name": "refuse-lama"}},
        Reason.UNKNOWN_MODEL,
        "spec.model.name",
        ("no BaseModel is named 'refuse-lama'", "did you mean 'refuse-llama'", "offered: "),
    ),
    "a model that is nearly an alias": Refused(
        {**LANGUAGE, "model": {"name": "refuse::Llama-8B"}},
        Reason.UNKNOWN_MODEL,
        "spec.model.name",
        ("no BaseModel is named 'refuse::Llama-8B'", "did you mean 'refuse/Llama-8B'"),
    ),
    "a model whose entry contradicts itself": Refused(
        {**LANGUAGE, "model": {"name": "refuse-odd"}},
        Reason.UNKNOWN_MODEL,
        "spec.model.name",
        ("BaseModel 'refuse-odd' is unusable", "hyperparameters.contextLength is 4096"),
    ),
    "a model of another type": Refused(
        {**VLA, "model": {"type": "pi0", "name": "refuse-smolvla"}},
        Reason.INVALID_SPEC,
        "spec.model.type",
        ("pi0 was given, and BaseModel 'refuse-smolvla' is of type smolvla",),
    ),
    "a robot policy as a language model": Refused(
        {**LANGUAGE, "model": {"name": "refuse-smolvla"}},
        Reason.INVALID_SPEC,
        "spec.model.type",
        ("causal_lm was given, and BaseModel 'refuse-smolvla' is of type smolvla",),
    ),
    "a job type that the model is not offered for": Refused(
        {**LANGUAGE, "jobType": "dpo"},
        Reason.INVALID_SPEC,
        "spec.jobType",
        ("dpo is not offered for BaseModel 'refuse-llama'", "allowed: sft"),
    ),
    "a family that the operator has no image of": Refused(
        {**VLA, "model": {"type": "gr00t_n1_6"}},
        Reason.NO_TRAINER_IMAGE,
        "spec.model.type",
        ("gr00t_n1_6 is trained by the image family groot-n16", "settings.images.groot-n16", "or give spec.image"),
    ),
    "a camera slot that the policy does not have": Refused(
        {**VLA, "cameraMappings": {"cam1": "observation.images.top"}},
        Reason.INVALID_SPEC,
        "spec.cameraMappings",
        ("the model has no slot 'cam1'", "did you mean 'cam_1'", "slots: cam_1 (camera1), cam_2"),
    ),
    "a camera slot that must be mapped": Refused(
        {**VLA, "cameraMappings": {"cam_2": "observation.images.wrist"}},
        Reason.INVALID_SPEC,
        "spec.cameraMappings",
        ("the model needs the slot 'cam_1'", "slots: cam_1 (camera1), cam_2"),
    ),
    "a training that the GPU cannot hold": Refused(
        {**LANGUAGE, "instanceType": "refuse-small"},
        Reason.DOES_NOT_FIT,
        "spec.instanceType",
        ("refuse-small does not hold it", "GiB", "allowMemoryOvercommit"),
    ),
    "a model path that leaves its claim": Refused(
        {**LANGUAGE, "model": {"name": "pvc://models/../../etc"}},
        Reason.INVALID_SPEC,
        "spec.model.name",
        ("'pvc://models/../../etc' leaves its claim",),
    ),
    "a dataset path that leaves its claim": Refused(
        {**LANGUAGE, "datasets": [{"name": "d", "uri": "pvc://data/a/../../../etc"}]},
        Reason.INVALID_SPEC,
        "spec.datasets[0].uri",
        ("leaves its claim",),
    ),
    "an output path that leaves its claim": Refused(
        {**LANGUAGE, "output": {"uri": "pvc://models/../.."}},
        Reason.INVALID_SPEC,
        "spec.output.uri",
        ("leaves its claim",),
    ),
    "a Dataset that is not registered": Refused(
        {**LANGUAGE, "datasets": [{"name": "d", "datasetRef": {"name": "question"}}]},
        Reason.DATASET_NOT_READY,
        "spec.datasets[0].datasetRef",
        ("no Dataset is named 'question' in this namespace", "did you mean 'questions'"),
        waits=True,
    ),
    "a Dataset that nobody has looked at": Refused(
        {**LANGUAGE, "datasets": [{"name": "d", "datasetRef": {"name": "questions"}}]},
        Reason.DATASET_NOT_READY,
        "spec.datasets[0].datasetRef",
        ("Dataset 'questions' is not inspected yet",),
        waits=True,
    ),
}
