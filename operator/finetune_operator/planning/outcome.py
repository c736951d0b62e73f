"""The end of a job in its status: the published model, or why there is none and what to do."""

from __future__ import annotations

from finetune_operator.api import names, uris
from finetune_operator.api.conditions import Reason
from finetune_operator.api.remedies import REMEDIES
from finetune_operator.api.status import Failure, Result, Stage
from finetune_operator.planning.ending import Ending
from finetune_operator.planning.job import Job
from finetune_operator.planning.standing import Broken, Done, Refused, Standing


def result_of(job: Job, standing: Standing) -> Result | None:
    """The published model of a job that succeeded; until a new run has one, that of the run before it."""
    if not isinstance(standing, Done):
        return job.status.result
    if not standing.ending.verdict or not standing.ending.verdict.artifact:
        return None
    artifact = standing.ending.verdict.artifact
    return Result(
        uri=artifact.uri or f"{workspace_uri(job)}/{artifact.path}",
        revision=artifact.revision or None,
        kind=artifact.kind,
        files=artifact.files,
        bytes=artifact.bytes,
        digest=artifact.digest,
    )


def claims_for(job: Job) -> Stage | None:
    """The stage before which the job's own claim is made; None when its output names one that exists."""
    return _first_stage(job) if has_own_claim(job) else None


def caches_for(job: Job) -> Stage | None:
    """The stage before which a claim for the job's cache is made; None when there is no cache, or one that exists."""
    cache = job.spec.cache
    return _first_stage(job) if cache and cache.claim_name is None else None


def cache_claim(job: Job) -> str | None:
    """The claim that the job's cache is on; None when it has none."""
    cache = job.spec.cache
    return (cache.claim_name or names.cache_claim_name(job.name, job.uid)) if cache else None


def uploads(job: Job) -> bool:
    """Whether the model is published outside of the cluster."""
    uri = job.spec.output.uri if job.spec.output else None
    return uri is not None and not uri.startswith("pvc://")


def publishes(job: Job) -> bool:
    """Whether a stage of its own publishes: to merge an adapter or to upload a model takes time, and no GPU."""
    return uploads(job) or merges(job)


def merges(job: Job) -> bool:
    """Whether that stage merges an adapter into its base, which takes memory."""
    resolved = job.status.resolved
    asked = job.spec.output is not None and job.spec.output.merge == "merged"
    return asked and resolved is not None and resolved.hyperparameters.lora.enabled


def has_own_claim(job: Job) -> bool:
    """Whether the job gets a claim of its own: always, unless its output names one that exists."""
    uri = job.spec.output.uri if job.spec.output else None
    return uri is None or uploads(job)


def workspace_uri(job: Job) -> str:
    """Where the job's workspace lies, as pvc://CLAIM or pvc://CLAIM/PATH."""
    return workspace_of(job.name, job.uid, job.spec.output.uri if job.spec.output else None)


def workspace_of(name: str, uid: str, output_uri: str | None) -> str:
    """The same of any job, by what it says of its output."""
    if output_uri and output_uri.startswith("pvc://"):
        return output_uri.rstrip("/")
    return f"pvc://{names.output_claim_name(name, uid)}"


def workspace(job: Job) -> uris.ClaimPath:
    """The same as a claim and a path in it."""
    source = uris.parse(workspace_uri(job))
    if not isinstance(source, uris.ClaimPath):
        raise TypeError(f"an output is a claim: {source}")
    return source


def _first_stage(job: Job) -> Stage:
    resolved = job.status.resolved
    return "train" if resolved and resolved.folded else "prepare"


def failure_of(standing: Standing) -> Failure | None:
    """Why the job failed, whom it concerns, and what to do."""
    if isinstance(standing, Refused) and standing.final:
        rejection = standing.rejection
        return Failure(
            cause="User",
            code=rejection.reason,
            message=rejection.message[:1024],
            param=rejection.param,
            advice=REMEDIES[rejection.reason],
        )
    return _failure_of_attempt(standing) if isinstance(standing, Broken) else None


def _failure_of_attempt(broken: Broken) -> Failure:
    ending, verdict = broken.ending, broken.ending.verdict
    return Failure(
        cause="User" if ending.outcome == "UserError" and ending.reason != Reason.DEADLINE_EXCEEDED else "Platform",
        code=(verdict.code if verdict else None) or broken.reason,
        message=broken.message[:1024],
        param=verdict.param if verdict else _param_of(ending),
        advice=(verdict.advice if verdict else None) or REMEDIES[broken.reason],
        exit_code=ending.exit_code,
        lines=verdict.lines if verdict else (),
    )


def _param_of(ending: Ending) -> str | None:
    return (
        "spec.instanceType"
        if ending.reason in {Reason.OOM_KILLED, Reason.OUT_OF_MEMORY, Reason.LIMIT_EXCEEDED}
        else None
    )
