"""The objects that we create, one small module per kind. Values in, dicts out; never a string template."""

from __future__ import annotations

from finetune_operator.api.model import Json
from finetune_operator.planning.manifests.job import stage_job
from finetune_operator.planning.manifests.merge import with_additions
from finetune_operator.planning.manifests.pod import Progress, pod_template
from finetune_operator.planning.run_config import Run


def render_stage(run: Run, pull_policy: str, progress: Progress | None) -> Json:
    """The batch/v1 Job of one attempt. ``progress`` is where its pod reports; None for a stage that does not."""
    template = pod_template(run, pull_policy, progress)
    return stage_job(run, with_additions(template, run.job.spec.pod_template, run.stage))
