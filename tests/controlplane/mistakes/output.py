"""Mistakes in ``spec.output``, ``spec.cache`` and ``spec.integrations``."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.model import Json
from tests.controlplane.mistakes.mistake import Mistakes, language

OWN_CLAIM: Final = (
    "storageSize, storageClassName and accessModes are for a claim of the job's own; uri names one that exists"
)
PLACE: Final = f"output.uri must be {uris.OUTPUT_WORDS}"
KEY: Final[Json] = {"name": "wandb", "key": "api-key"}
ENDS: Final = "letters, digits, dashes, dots and underscores, with a letter or digit at both ends"
TYPES: Final = "an integration has the settings of its type and no others"


def out(**fields: object) -> Json:
    """An output with these fields."""
    return {"output": fields}


def tracked(**fields: object) -> Json:
    """One tracker with these fields."""
    return {"integrations": [fields]}


def wandb(**fields: object) -> Json:
    """Weights & Biases with these fields."""
    return tracked(type="wandb", wandb={"project": "bots", **fields})


WANDB: Final[Json] = wandb(apiKeySecretRef=KEY)

OUTPUT: Final[Mistakes] = {
    "a size for a claim that exists": language(
        out(uri="pvc://results/a", storageSize="1Gi"), "spec.output", "pvc://results/a", OWN_CLAIM, out(storageSize="1Gi")
    ),
    "a model into a ConfigMap": language(
        out(uri="configmap://a/b"), "spec.output.uri", "configmap://a/b", PLACE, out(uri="pvc://results")
    ),
    "a model to a web server": language(
        out(uri="https://models.example/a"), "spec.output.uri", "https://models.example/a", PLACE, out(uri="s3://models/a")
    ),
    "a model to the Hub without an organisation": language(
        out(uri="hf://my-model"), "spec.output.uri", "hf://my-model", PLACE, out(uri="hf://me/my-model")
    ),
    "a key for a claim": language(
        out(uri="pvc://results", secretRef={"name": "s"}),
        "spec.output.secretRef",
        "pvc://results",
        "secretRef opens a uri on hf://, s3:// or gs://",
        out(uri="s3://results", secretRef={"name": "s"}),
    ),
    "a key for nothing": language(
        out(secretRef={"name": "s"}),
        "spec.output.secretRef",
        "no uri",
        "secretRef opens a uri on hf://, s3:// or gs://",
        out(uri="gs://results/a", secretRef={"name": "s"}),
    ),
    "a size in words": language(
        out(storageSize="big"), "spec.output.storageSize", '"big"', "should match", out(storageSize="10Gi")
    ),
    "a size with the unit of people": language(
        out(storageSize="10GB"), "spec.output.storageSize", '"10GB"', "should match", out(storageSize="10G")
    ),
    "a short word for an access mode": language(
        out(accessModes=["RWX"]),
        "spec.output.accessModes[0]",
        '"RWX"',
        'supported values: "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"',
        out(accessModes=["ReadWriteMany"]),
    ),
    "a suffix with a blank": language(
        out(suffix="support bot"), "spec.output.suffix", "given: support bot", ENDS, out(suffix="support-bot")
    ),
    "a name with a slash": language(
        out(modelName="me/bot"), "spec.output.modelName", "given: me/bot", ENDS, out(modelName="bot")
    ),
    "a suffix of 65 characters": language(
        out(suffix="s" * 65), "spec.output.suffix", "Too long", "may not be more than 64 bytes", out(suffix="s" * 64)
    ),
    "a merge by switch": language(out(merge=True), "spec.output.merge", "boolean", "must be of type string", out(merge="merged")),
    "retain in words": language(out(retain="yes"), "spec.output.retain", "string", "must be of type boolean", out(retain=True)),
    "a size for a cache that exists": language(
        {"cache": {"claimName": "hub", "size": "100Gi"}},
        "spec.cache",
        "hub",
        "size and storageClassName are for a claim of the job's own; claimName names one that exists",
        {"cache": {"claimName": "hub"}},
    ),
}  # fmt: skip

TRACKERS: Final[Mistakes] = {
    "a key in plain text in the place of its reference": language(
        wandb(apiKeySecretRef="0123456789abcdef"),
        "spec.integrations[0].wandb.apiKeySecretRef",
        "string",
        "must be of type object",
        WANDB,
    ),
    "no key": language(wandb(), "spec.integrations[0].wandb.apiKeySecretRef", "", "Required value", WANDB),
    "a Secret without a key": language(
        wandb(apiKeySecretRef={"name": "wandb"}), "spec.integrations[0].wandb.apiKeySecretRef.key", "", "Required value", WANDB
    ),
    "no project": language(
        tracked(type="wandb", wandb={"apiKeySecretRef": KEY}), "spec.integrations[0].wandb.project", "", "Required value", WANDB
    ),
    "Weights & Biases without settings": language(
        tracked(type="wandb"), "spec.integrations[0]", "type wandb needs wandb", TYPES, WANDB
    ),
    "the settings of another tracker": language(
        tracked(type="mlflow", wandb=WANDB["integrations"][0]["wandb"]),
        "spec.integrations[0]",
        "type mlflow needs mlflow",
        TYPES,
        tracked(type="mlflow", mlflow={"trackingUri": "https://mlflow.example", "experiment": "bots"}),
    ),
    "settings for TensorBoard": language(
        tracked(type="tensorboard", wandb=WANDB["integrations"][0]["wandb"]),
        "spec.integrations[0]",
        "type tensorboard needs none",
        TYPES,
        tracked(type="tensorboard"),
    ),
    "one tracker twice": language(
        {"integrations": [*WANDB["integrations"], *WANDB["integrations"]]},
        "spec.integrations[1]",
        '{"type":"wandb"}',
        "Duplicate value",
        {"integrations": [*WANDB["integrations"], {"type": "tensorboard"}]},
    ),
    "a tracker that nobody knows": language(
        tracked(type="comet"), "spec.integrations[0].type", '"comet"', 'supported values: "wandb", "mlflow", "tensorboard"', WANDB
    ),
    "a tracking server with its password": language(
        tracked(type="mlflow", mlflow={"trackingUri": "https://me:secret@mlflow.example", "experiment": "bots"}),
        "spec.integrations[0].mlflow.trackingUri",
        "trackingUri holds a user or password",
        "put username and password into a Secret, name it in secretRef",
        tracked(type="mlflow", mlflow={"trackingUri": "https://mlflow.example", "experiment": "bots", "secretRef": {"name": "m"}}),
    ),
    "a tag of a run twice": language(
        wandb(apiKeySecretRef=KEY, tags=["a", "a"]), "spec.integrations[0].wandb.tags[1]", '"a"', "Duplicate value", wandb(apiKeySecretRef=KEY, tags=["a"])
    ),
    "a tracking server without a scheme": language(
        tracked(type="mlflow", mlflow={"trackingUri": "mlflow.example:5000", "experiment": "bots"}),
        "spec.integrations[0].mlflow.trackingUri",
        '"mlflow.example:5000"',
        r"should match '^https?://[^\s]+$'",
        tracked(type="mlflow", mlflow={"trackingUri": "http://mlflow.example:5000", "experiment": "bots"}),
    ),
}  # fmt: skip

ACCEPTED: Final[dict[str, Json]] = {
    "an output at the root of a claim": out(uri="pvc://results"),
    "an output in a folder": out(uri="pvc://results/a/b"),
    "an output on the Hub": out(uri="hf://me/my-model", secretRef={"name": "hub"}, merge="merged", modelName="Support-bot_1.0"),
    "a bucket beside a claim of the job's own": out(uri="s3://models/a", storageSize="50Gi", storageClassName="fast"),
    "a claim of a size in words": out(storageSize="1.5Ti", storageClassName="fast", accessModes=["ReadWriteMany"]),
    "a claim of a size in bytes": out(storageSize=10_000_000_000),
    "an output that goes with the job": out(retain=False),
    "a cache of the job's own": {"cache": {"size": "200Gi", "storageClassName": "fast"}},
    "a cache of many": {"cache": {"claimName": "hub"}},
    "all trackers": {
        "integrations": [
            *WANDB["integrations"],
            {"type": "tensorboard"},
            {"type": "mlflow", "mlflow": {"trackingUri": "https://mlflow.example", "experiment": "e", "secretRef": {"name": "m"}}},
        ]
    },
}  # fmt: skip
