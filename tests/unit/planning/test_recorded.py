"""What was decided when a job was accepted, as a later operator reads it."""

from __future__ import annotations

from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.resolve import recorded
from tests.unit.planning.scene import a_job, resolved_for


def test_what_an_earlier_release_could_not_do_yet_is_no_warning_any_more() -> None:
    warnings = ("spec.cache: a shared cache has no effect in this release", "spec.output.merge: not used")
    job = a_job({"cache": {}}, FineTuneJobStatus(resolved=resolved_for(a_job()), warnings=warnings))
    plan = recorded(job)
    assert plan is not None
    assert plan.warnings == warnings[1:]
