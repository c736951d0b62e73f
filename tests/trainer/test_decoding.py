"""Which decoder reads videos, and what is said when it cannot be the one that a job wants."""

from __future__ import annotations

import logging

import pytest

from trainer.backends.lerobot.decoding import ASKED_BY, check_decoder, quiet_about_decoders
from trainer.failures import UserError


def test_a_decoder_that_cannot_be_loaded_is_refused_before_a_gpu_is_taken() -> None:
    with pytest.raises(UserError) as refused:
        check_decoder({"video_backend": "torchcodec"}, "pyav")
    assert refused.value.param == "spec.hyperparameters.extra.video_backend"
    assert "decoded by pyav" in str(refused.value.advice)


@pytest.mark.parametrize("extra", [{}, {"video_backend": "pyav"}])
def test_what_can_be_loaded_is_taken(extra: dict[str, object]) -> None:
    check_decoder(extra, "pyav")
    check_decoder({"video_backend": "torchcodec"}, "torchcodec")


def test_why_torchcodec_is_no_default_is_not_told_at_length(caplog: pytest.LogCaptureFixture) -> None:
    quiet_about_decoders()
    logger = logging.getLogger(ASKED_BY)
    logger.warning("Could not load libtorchcodec. Likely causes …")
    logger.warning("something else")
    assert [record.message for record in caplog.records] == ["something else"]
