"""Secrets in settings of free form, where the API server cannot look, are refused before anything is created."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from tests.unit.planning.resolving.shop import accepts, refused, robot_of, spec_of

SECRETS: dict[str, tuple[Json, str]] = {
    "a token": ({"hf_token": "abc"}, "hf_token"),
    "a token in camel case": ({"hubToken": "abc"}, "hubToken"),
    "a key": ({"wandb_api_key": "abc"}, "wandb_api_key"),
    "a key with a number": ({"API_KEY_2": "abc"}, "API_KEY_2"),
    "a password below": ({"report": {"to": {"db_pass": "abc"}}}, "report.to.db_pass"),
    "a list of them": ({"hosts": [{"password": "abc"}]}, "hosts[0].password"),
    "an address with a password": ({"proxy": "http://me:abc@proxy.example"}, "proxy"),
}
HARMLESS: dict[str, Json] = {
    "token counts": {"max_tokens": "512", "num_token": 5, "max_new_tokens": 64},
    "special tokens": {"pad_token": "<pad>", "eos_token": "</s>"},
    "keys of rows": {"image_key": "observation.images.top", "key": 3},
    "an empty one": {"hf_token": ""},
    "a switch": {"use_auth_token": True},
    "an address": {"server": "https://mlflow.example/a@b"},
}


@pytest.mark.parametrize(("extra", "place"), SECRETS.values(), ids=SECRETS)
def test_a_secret_in_extra_is_refused_without_being_repeated(extra: Json, place: str) -> None:
    found = refused(spec_of(hyperparameters={"extra": extra}))
    param = f"spec.hyperparameters.extra.{place}"
    assert (found.reason, found.param, found.may_mend) == (Reason.INVALID_SPEC, param, False)
    assert found.message.startswith(f"{param}: looks like a secret, which does not stand in a resource")
    assert "abc" not in found.message


def test_so_is_one_for_the_reward_model() -> None:
    reward = {"useRabc": True, "progressUri": "pvc://a/b", "hyperparameters": {"hf_token": "abc"}}
    assert refused(robot_of(reward=reward)).param == "spec.reward.hyperparameters.hf_token"


@pytest.mark.parametrize("extra", HARMLESS.values(), ids=HARMLESS)
def test_what_only_sounds_like_one_is_accepted(extra: Json) -> None:
    assert accepts(spec_of(hyperparameters={"extra": extra}))
