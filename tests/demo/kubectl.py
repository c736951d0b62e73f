"""kubectl as a function: arguments in, text or JSON out, its own words in the error."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

CALL_SECONDS = 120.0


class KubectlError(Exception):
    """kubectl said no; the text is the command and what kubectl said."""

    def __init__(self, command: Sequence[str], said: str) -> None:
        super().__init__(f"kubectl {' '.join(command)}: {said.strip()}")
        self.said = said.strip()


@dataclass(frozen=True)
class Kubectl:
    """The program and the cluster that it talks to; None is the cluster of the user's own kubeconfig."""

    program: Path
    kubeconfig: Path | None

    def run(self, *arguments: str, given: str | None = None, seconds: float = CALL_SECONDS) -> str:
        """What kubectl prints for these arguments, with `given` on its standard input. Raises KubectlError."""
        try:
            done = subprocess.run(
                [str(self.program), *arguments],
                env=dict(self.environment()),
                input=given,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise KubectlError(arguments, f"no answer within {seconds:.0f} s") from None
        if done.returncode:
            raise KubectlError(arguments, done.stderr)
        return done.stdout

    def get(self, kind: str, name: str, namespace: str = "") -> Json | None:
        """One resource; None when it does not exist."""
        found = self.run("get", kind, name, *_in(namespace), "--ignore-not-found", "--output=json")
        return _object(found) if found.strip() else None

    def list(self, kind: str, namespace: str = "", labels: str = "") -> list[Json]:
        """All resources of a kind in a namespace (of the whole cluster, without one) with these labels."""
        where = _in(namespace) if namespace else ("--all-namespaces",)
        items: list[Json] = _object(self.run("get", kind, *where, f"--selector={labels}", "--output=json"))["items"]
        return items

    def apply(self, *documents: Json, namespace: str = "") -> None:
        """Create or change resources, by server-side apply."""
        everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
        self.run("apply", "--server-side", "--force-conflicts", *_in(namespace), "--filename=-", given=everything)

    def delete(self, kind: str, name: str, namespace: str = "", *options: str) -> None:
        """Delete one resource, if it exists, and wait until it is gone."""
        self.run("delete", kind, name, *_in(namespace), "--ignore-not-found", *options)

    def environment(self) -> Mapping[str, str]:
        """The environment in which kubectl and Helm find this cluster."""
        own = {} if self.kubeconfig is None else {"KUBECONFIG": str(self.kubeconfig)}
        return {**os.environ, **own}


def _in(namespace: str) -> tuple[str, ...]:
    return (f"--namespace={namespace}",) if namespace else ()


def _object(text: str) -> Json:
    parsed: Json = json.loads(text)
    return parsed
