"""Runs of robot jobs for the tests about rewards."""

from __future__ import annotations

from tests.trainer.documents import Json, put, run_document
from trainer.contract.run import Run, parse_run


def robot_document(reward: Json | None = None, **changes: object) -> Json:
    """The golden document of a robot's training, with another reward section (None: without) and some places changed."""
    document = run_document("train.robot")
    del document["reward"]
    if reward is not None:
        document["reward"] = reward
    for place, value in changes.items():
        put(document, place.split("__"), value)
    return document


def robot_run(job_type: str, reward: Json | None = None, **changes: object) -> Run:
    """The same, parsed; a reward model alone has no base model."""
    document = robot_document(reward, jobType=job_type, **changes)
    if job_type == "reward":
        document["model"] = {"name": "sarm", "type": "sarm"}
    return parse_run(document)
