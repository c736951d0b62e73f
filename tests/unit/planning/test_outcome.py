"""Where a model lies, and why there is none."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.uris import ClaimPath
from finetune_operator.planning.outcome import failure_of, result_of, workspace, workspace_uri
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.stand import stand
from finetune_operator.planning.standing import Refused, Standing
from tests.unit.planning.scene import a_job, ended, prepared, scene, verdict

ARTIFACT = {"path": "model", "kind": "model", "files": ["a", "b"], "bytes": 7, "digest": "sha256:00"}

PLACES = {
    "a claim of its own": (None, "pvc://support-bot-8de7b-output", ClaimPath("support-bot-8de7b-output", "")),
    "a claim": ("pvc://results", "pvc://results", ClaimPath("results", "")),
    "a claim with a slash": ("pvc://results/", "pvc://results", ClaimPath("results", "")),
    "a folder": ("pvc://results/a/b/", "pvc://results/a/b", ClaimPath("results", "a/b")),
}


@pytest.mark.parametrize(("uri", "shown", "place"), PLACES.values(), ids=PLACES)
def test_the_workspace_is_in(uri: str | None, shown: str, place: ClaimPath) -> None:
    job = a_job({"output": {"uri": uri} if uri else {}})
    assert (workspace_uri(job), workspace(job)) == (shown, place)


def standing(message: str) -> Standing:
    """Of a job whose training ended with that word."""
    return stand(scene(a_job(), prepared(), ended(message=message)), None)


def test_a_model_is_named_where_other_jobs_can_find_it() -> None:
    found = result_of(a_job({"output": {"uri": "pvc://results/a"}}), standing(verdict("completed", artifact=ARTIFACT)))
    assert found is not None
    assert found.uri == "pvc://results/a/model"
    assert (found.kind, found.files, found.bytes, found.digest) == ("model", ("a", "b"), 7, "sha256:00")


def test_a_success_without_a_model_has_no_result() -> None:
    assert result_of(a_job(), standing(verdict("completed"))) is None


def test_a_job_that_goes_on_has_neither_result_nor_failure() -> None:
    going = stand(scene(a_job()), None)
    assert (result_of(a_job(), going), failure_of(going)) == (None, None)


def test_a_refusal_that_may_mend_is_no_failure() -> None:
    refusal = Rejection(Reason.UNKNOWN_INSTANCE_TYPE, "no", "spec.instanceType", may_mend=True)
    assert failure_of(Refused(refusal, final=False)) is None
    assert failure_of(Refused(refusal, final=True)) is not None
