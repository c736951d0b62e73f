"""Which model a job means: the catalog's, a repository of the Hub, a place, or what its type implies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.api.resolved import ResolvedModel
from tests.unit.planning.resolving.shop import LLAMA, MODELS, SHOP, accepts, admitted, refused, robot_of, shop, spec_of


def model_of(**model: object) -> ResolvedModel:
    """What is recorded of the model of a job on CPU."""
    found = admitted(
        spec_of(model=model, instanceType="cpu-large", hyperparameters={"quantization": "nf4"})
    ).resolved.model
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["llama-8b", "meta-llama/Llama-3.1-8B"])
def test_a_listed_model_is_found_by_its_name_and_by_its_alias(name: str) -> None:
    found = model_of(name=name)
    assert (found.name, found.listed, found.uri) == ("llama-8b", True, "hf://meta-llama/Llama-3.1-8B")


def test_what_its_sizes_are_reckoned_from_is_recorded_with_it() -> None:
    found = model_of(name="llama-8b")
    assert found.parameters == LLAMA["parameters"]
    assert found.max_sequence_length == LLAMA["maxSequenceLength"]
    assert found.architecture is not None
    assert found.architecture.wire() == LLAMA["architecture"]


def test_where_measured_figures_are_from_is_not_recorded_with_every_job() -> None:
    found = admitted(robot_of()).resolved.model
    assert found is not None
    assert found.memory is not None
    assert found.memory.wire() == {"fixed": "6Gi", "perRow": "1Gi"}


def test_a_repository_of_the_hub_needs_no_entry() -> None:
    found = model_of(name="someone/something", revision="main")
    assert (found.listed, found.family, found.uri, found.revision) == (False, "trl", "hf://someone/something", "main")


def test_a_place_needs_no_entry() -> None:
    assert model_of(name="pvc://models/tiny").uri == "pvc://models/tiny"


def test_the_revision_of_the_job_goes_before_that_of_the_catalog() -> None:
    models = MODELS | {"tiny": MODELS["tiny"] | {"source": {"uri": "hf://a/tiny", "revision": "v1"}}}
    for given, wanted in ((None, "v1"), ("v2", "v2")):
        model = {"name": "tiny"} | ({"revision": given} if given else {})
        found = admitted(spec_of(model=model), shop(models=models)).resolved.model
        assert found is not None
        assert found.revision == wanted


@pytest.mark.parametrize(
    ("given", "meant"),
    [("llama-8B", "llama-8b"), ("llama3-8b", "llama-8b"), ("Meta-Llama-3.1-8B", "meta-llama/Llama-3.1-8B")],
)
def test_a_name_that_nothing_has_is_refused_with_the_nearest_name_or_alias(given: str, meant: str) -> None:
    found = refused(spec_of(model={"name": given}))
    assert (found.reason, found.param, found.may_mend) == (Reason.UNKNOWN_MODEL, "spec.model.name", True)
    assert found.message.startswith(
        f"spec.model.name: no BaseModel is named {given!r}; did you mean {meant!r}?; offered: act"
    )


def test_a_repository_that_is_called_almost_like_an_alias_is_taken_and_warned_of() -> None:
    (warning,) = admitted(spec_of(model={"name": "meta-llama/llama-3.1-8b"})).warnings
    assert warning == (
        "spec.model.name: meta-llama/llama-3.1-8b is not in the catalog and is taken for a repository of the Hugging Face "
        "Hub; did you mean 'meta-llama/Llama-3.1-8B'?"
    )


def test_a_repository_that_is_called_like_nothing_else_is_not_warned_of() -> None:
    assert admitted(spec_of(model={"name": "someone/something"})).warnings == ()


def test_a_gated_model_without_a_token_is_accepted_with_a_warning() -> None:
    open_to_all = {"quantization": "nf4"}
    (warning,) = admitted(spec_of(model={"name": "closed"}, hyperparameters=open_to_all)).warnings
    assert warning.startswith("spec.model.secretRef: closed is gated")
    opened = {"name": "closed", "secretRef": {"name": "hub"}}
    assert admitted(spec_of(model=opened, hyperparameters=open_to_all)).warnings == ()


def test_a_broken_entry_concerns_only_who_asks_for_it() -> None:
    offer = shop(models=MODELS | {"tiny": {"type": "causal_lm"}})
    assert "BaseModel 'tiny' is unusable: family" in refused(spec_of(), offer).message
    assert accepts(spec_of(model={"name": "someone/something"}), offer)


def test_an_entry_whose_place_leaves_its_claim_is_unusable() -> None:
    offer = shop(models=MODELS | {"tiny": MODELS["tiny"] | {"source": {"uri": "pvc://models/../other"}}})
    assert "source.uri" in refused(spec_of(), offer).message


@pytest.mark.parametrize("name", [None, "lerobot/smolvla_base", "act"])
def test_a_type_that_implies_its_model_takes_the_entry_of_its_type(name: str | None) -> None:
    model = {"type": "act"} | ({"name": name} if name else {})
    found = admitted(robot_of(model=model, instanceType="small"))
    assert found.resolved.model is not None
    assert (found.resolved.model.name, found.resolved.model.family) == ("act", "lerobot")
    unused = "spec.model.name: lerobot/smolvla_base is not used: act implies its own model"
    assert (unused in found.warnings) == (name == "lerobot/smolvla_base")


def test_of_several_entries_of_such_a_type_the_name_chooses() -> None:
    offer = shop(models=MODELS | {"act-large": MODELS["act"] | {"parameters": 200_000_000}})
    found = admitted(robot_of(model={"type": "act", "name": "act-large"}, instanceType="small"), offer)
    assert found.resolved.model is not None
    assert (found.resolved.model.name, found.warnings) == ("act-large", ())


def test_a_policy_that_is_not_listed_has_the_figures_of_its_type() -> None:
    found = admitted(robot_of(model={"type": "smolvla", "name": "me/my-own"}, instanceType="large")).resolved
    assert found.model is not None
    assert (found.model.listed, found.model.uri, found.model.parameters) == (False, "hf://me/my-own", 450_000_000)
    assert found.hyperparameters.max_grad_norm == 10


FAMILIES: dict[str, str] = {
    "act": "lerobot", "pi0": "lerobot", "xvla": "lerobot", "gr00t_n1_5": "groot-n15", "gr00t_n1_6": "groot-n16",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "family"), FAMILIES.items())
def test_a_type_that_the_catalog_does_not_have_is_trained_by_its_family(kind: str, family: str) -> None:
    found = admitted(robot_of(model={"type": kind, "name": "a/b"}, instanceType="large"), shop(models={}))
    assert found.resolved.model is not None
    assert (found.resolved.model.family, found.resolved.image) == (family, found.resolved.image)


def test_weights_of_an_earlier_run_alone_name_the_model() -> None:
    offer = replace(SHOP, workspaces={"support-bot": "pvc://support-bot-output"})
    found = admitted(spec_of(model={"fromCheckpoint": {"job": "support-bot"}}), offer).resolved.model
    assert found is not None
    assert (found.name, found.uri) == ("support-bot", None)
    assert model_of(fromCheckpoint={"uri": "pvc://models/tuned"}).name == "pvc://models/tuned"


CONTRADICTIONS: dict[str, tuple[Json, str]] = {
    "a policy is named for a language model": (
        {"model": {"name": "smolvla"}},
        "spec.model.type: causal_lm was given, and BaseModel 'smolvla' is of type smolvla",
    ),
    "a language model is named for a policy": (
        {"jobType": "vla", "model": {"name": "tiny", "type": "pi0"}},
        "spec.model.type: pi0 was given, and BaseModel 'tiny' is of type causal_lm",
    ),
    "a robot job has no robot type": (
        {"jobType": "vla", "model": {"name": "tiny"}},
        "spec.model.type: jobType vla trains a robot policy; given: none",
    ),
    "a language job has a robot type": (
        {"jobType": "dpo", "model": {"type": "act"}},
        "spec.model.type: jobType dpo trains causal_lm; given: act",
    ),
    "the model is not offered for the job type": (
        {"jobType": "dpo", "model": {"name": "capped"}},
        "spec.jobType: dpo is not offered for BaseModel 'capped'; allowed: sft",
    ),
}


@pytest.mark.parametrize(("given", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_it_is_refused_that(given: Json, message: str) -> None:
    found = refused(spec_of(hours=1, **given))
    assert (found.reason, found.message, found.may_mend) == (Reason.INVALID_SPEC, message, False)
