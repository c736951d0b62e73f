"""What the demo asks the model, before and after, and how it reads the answers."""

from __future__ import annotations

import pytest

from tests.demo.answers import Answer, interview, read_answers


def test_answers_are_found_behind_what_libraries_write_before_them() -> None:
    log = 'Loading [####]\nwarning: slow\n[\n {"prompt": "Where?", "base": "I do not know.", "tuned": "Here."}\n]\n'

    assert read_answers(log) == (Answer("Where?", "I do not know.", "Here."),)


def test_the_models_are_asked_where_base_and_result_lie() -> None:
    errand = interview("image", {"uri": "pvc://mine-output/model"}, ("Where?",))

    assert errand.claims == {"models": "/models", "mine-output": "/result"}
    assert errand.command[3:] == ("--model", "/models/tiny-chat", "--adapter", "/result/model", "Where?")
    assert not errand.writable


def test_a_result_beside_the_base_model_needs_one_claim_only() -> None:
    errand = interview("image", {"uri": "pvc://models/full/model"}, ("Where?",))

    assert errand.claims == {"models": "/models"}
    assert "/models/full/model" in errand.command


def test_a_result_that_lies_on_no_claim_is_refused() -> None:
    with pytest.raises(TypeError, match="configmap://mine/model"):
        interview("image", {"uri": "configmap://mine/model"}, ())
