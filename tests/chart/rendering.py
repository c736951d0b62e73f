"""The chart through the real Helm: rendered, linted, or refused."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import yaml

from finetune_operator.api.model import Json
from tests.cluster import ensure_program

CHART: Final = Path(__file__).parents[2] / "charts/finetune-operator"
RELEASE: Final = "finetune-operator"
NAMESPACE: Final = "finetune-system"


def helm(*arguments: str, values: Json | None = None, kubeconfig: Path | None = None) -> str:
    """What Helm prints. Raises subprocess.CalledProcessError, with its words in ``stderr``."""
    given = ("--values", "-") if values is not None else ()
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig or os.devnull)}
    done = subprocess.run(
        [str(ensure_program("helm")), *arguments, *given],
        input=json.dumps(values or {}),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def rendered(values: Json | None = None, *, release: str = RELEASE) -> list[Json]:
    """Every object of the chart but its CRDs."""
    text = helm("template", release, str(CHART), "--namespace", NAMESPACE, values=values)
    return [cast("Json", document) for document in yaml.safe_load_all(text) if document]


def refusal(values: Json) -> str:
    """What Helm says of values that it does not take."""
    try:
        rendered(values)
    except subprocess.CalledProcessError as error:
        return str(error.stderr)
    raise AssertionError(f"Helm took {values}")


def of_kind(kind: str, objects: list[Json]) -> dict[str, Json]:
    """The objects of a kind by name."""
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == kind}


def settings_in(objects: list[Json]) -> Json:
    """The settings file that the operator will read."""
    (found,) = of_kind("ConfigMap", objects).values()
    return cast("Json", yaml.safe_load(found["data"]["settings.yaml"]))


def rules_in(objects: list[Json]) -> Iterator[tuple[str, Json]]:
    """Every rule of every role, with the role's kind and name."""
    for kind in ("ClusterRole", "Role"):
        for name, role in of_kind(kind, objects).items():
            for rule in role["rules"]:
                yield f"{kind} {name}", rule


def deployment_in(objects: list[Json]) -> Json:
    """The operator's Deployment."""
    return of_kind("Deployment", objects)[RELEASE]
