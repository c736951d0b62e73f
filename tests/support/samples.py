"""The samples that people copy from, and the catalog that the chart ships and that they rely on."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, cast

import yaml

from finetune_operator.api.crd import KINDS
from finetune_operator.api.model import Json
from finetune_operator.catalog.catalog import Catalog, read_catalog

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "crds/samples"
OURS: Final = {kind.kind: kind for kind in KINDS}
SHIPPED: Final = ROOT / "charts/finetune-operator/catalog"


def files() -> list[str]:
    """Every manifest of the samples, folders within included, relative to the folder."""
    found = (path.relative_to(FOLDER) for path in FOLDER.rglob("*.yaml"))
    return sorted(str(path) for path in found if path.name != "kustomization.yaml")


def documents(file: str) -> list[Json]:
    """All objects of one sample."""
    return [cast("Json", body) for body in yaml.safe_load_all((FOLDER / file).read_text(encoding="utf-8")) if body]


def of_ours(file: str) -> list[Json]:
    """The objects of one sample that are of our kinds."""
    return [body for body in documents(file) if body["kind"] in OURS]


@cache
def shipped(part: str) -> Json:
    """Name → spec of the chart's own file: ``instancetypes`` or ``basemodels``."""
    return cast("Json", yaml.safe_load((SHIPPED / f"{part}.yaml").read_text(encoding="utf-8")))


def catalog() -> Catalog:
    """What a job finds in a cluster with the shipped catalog and the samples' own entries."""
    own: dict[str, Json] = {"InstanceType": {}, "BaseModel": {}}
    for body in (body for file in files() for body in of_ours(file)):
        own.setdefault(body["kind"], {})[body["metadata"]["name"]] = body["spec"]
    return read_catalog(
        {**shipped("instancetypes"), **own["InstanceType"]}, {**shipped("basemodels"), **own["BaseModel"]}
    )
