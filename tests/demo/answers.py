"""What the model says before and after: both are asked the same in one pod."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from finetune_operator.api import uris
from tests.demo.failure import DemoError
from tests.demo.kubectl import Json, Kubectl
from tests.demo.pods import Errand, pod
from tests.demo.sample import MODEL, MODELS_CLAIM, MODELS_FOLDER, NAMESPACE
from tests.demo.watch import until

ASKER = "ask-the-model"
RESULT_FOLDER = "/result"
SECONDS = 180.0
PROMPTS = (
    "How long does the battery of the Quillby lamp last?",
    "How do I reset the Quillby lamp?",
    "Can I use the Quillby lamp in the rain?",
)


@dataclass(frozen=True)
class Answer:
    """One prompt, and what the base model and the fine-tuned one said to it."""

    prompt: str
    base: str
    tuned: str


def ask(kubectl: Kubectl, image: str, result: Json, prompts: Sequence[str] = PROMPTS) -> tuple[Answer, ...]:
    """Ask base model and result (``status.result`` of a job) the same prompts. Raises DemoError."""
    errand = interview(image, result, prompts)
    kubectl.delete("pod", ASKER, NAMESPACE)
    kubectl.apply(pod(errand), namespace=NAMESPACE)
    phase = until(lambda: _end(kubectl.get("pod", ASKER, NAMESPACE)), SECONDS)
    said = kubectl.run("logs", ASKER, f"--namespace={NAMESPACE}") if phase else ""
    if phase != "Succeeded":
        described = kubectl.run("describe", "pod", ASKER, f"--namespace={NAMESPACE}")
        raise DemoError(
            f"The models could not be asked: pod {ASKER} {'failed' if phase else 'did not end in time'}.",
            "the training itself succeeded; read the pod's events and log below",
            f"{described}\n{said}",
        )
    kubectl.delete("pod", ASKER, NAMESPACE, "--wait=false")
    return read_answers(said)


def interview(image: str, result: Json, prompts: Sequence[str]) -> Errand:
    """The errand that asks; the result may lie on the claim of the base model."""
    where = uris.parse(result["uri"])
    if not isinstance(where, uris.ClaimPath):
        raise TypeError(f"a result lies on a claim: {result['uri']}")
    claims = {MODELS_CLAIM: MODELS_FOLDER} | ({where.claim: RESULT_FOLDER} if where.claim != MODELS_CLAIM else {})
    tuned = f"{claims[where.claim]}/{where.path}"
    command = ("python", "-m", "trainer.ask", "--model", f"{MODELS_FOLDER}/{MODEL}", "--adapter", tuned)
    return Errand(ASKER, image, (*command, *prompts), claims)


def read_answers(log: str) -> tuple[Answer, ...]:
    """The answers in the pod's log, where libraries may have written before them."""
    entries, _ = json.JSONDecoder().raw_decode(log, log.index("[\n"))
    return tuple(Answer(entry["prompt"], entry["base"], entry["tuned"]) for entry in entries)


def _end(asker: Json | None) -> str | None:
    phase = asker["status"].get("phase") if asker else None
    return phase if phase in {"Succeeded", "Failed"} else None
