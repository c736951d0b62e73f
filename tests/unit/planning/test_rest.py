"""Which jobs need no look: a start with ten thousand that are over must not read each of them to the end."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.planning.rest import at_rest
from tests.unit.planning.scene import ended, job_body, prepared, stage_job, verdict
from tests.unit.planning.visits import Life

CHILDREN = (prepared(), ended(message=verdict("completed", step=18)))
JOBS = tuple(job for job, _ in CHILDREN)


def over(spec: Json | None = None, generation: int = 1) -> Json:
    """A job that has ended; its spec was edited since where ``generation`` is higher."""
    life = Life()
    status = life.visit(*CHILDREN).status
    return job_body(spec, status.wire(), generation)


def test_a_job_that_is_over_rests_with_its_children_or_without() -> None:
    assert at_rest(over(), JOBS)
    assert at_rest(over(), ())


def test_one_that_goes_on_does_not() -> None:
    assert not at_rest(job_body(), ())
    assert not at_rest(job_body({}, Life().visit(prepared(), stage_job()).status.wire()), ())


@pytest.mark.parametrize(
    ("spec", "generation"),
    [({}, 2), ({"restartGeneration": 1}, 1), ({"childrenTTLSecondsAfterFinished": 60}, 1)],
    ids=["it was edited since", "a new run is asked for", "its children are to be removed in time"],
)
def test_one_for_which_something_is_to_be_done_does_not(spec: Json, generation: int) -> None:
    assert not at_rest(over(spec, generation), JOBS)


def test_one_of_which_a_child_may_still_run_does_not() -> None:
    assert not at_rest(over(), (*JOBS, stage_job(attempt=2)))


def test_one_whose_children_have_been_removed_does() -> None:
    assert at_rest(over({"childrenTTLSecondsAfterFinished": 60}), ())
