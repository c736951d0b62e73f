"""Specs, catalogs and reports at random: whatever the models accept, and often enough something that makes sense."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from finetune_operator.api.basemodel import BaseModelSpec
from finetune_operator.api.dataset import DatasetSpec
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.finetunejob.words import LANGUAGE_MODEL, ROBOT_JOB_TYPES
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.status import Report
from finetune_operator.catalog.catalog import Broken, Catalog
from finetune_operator.planning.resolve import Offer
from finetune_operator.planning.resolving.dataset_choice import Registered
from tests.unit.planning.resolving.anything import Given, anything
from tests.unit.planning.resolving.shop import IMAGES, SHOP

HARDWARE: Final = st.sampled_from([*SHOP.catalog.instance_types, "nothing-like-it"])
MODELS: Final = (*SHOP.catalog.base_models, "meta-llama/Llama-3.1-8B", "someone/something", "pvc://models/tiny")
PLACES: Final = st.sampled_from(
    ["pvc://data/a.jsonl", "hf://org/name", "s3://bucket/key", "pvc://a/../../b", "file:///x"]
)
GIVEN: Final[Given] = {
    ("FineTuneJobSpec", "instance_type"): st.none() | HARDWARE,
    ("FineTuneJobSpec", "region"): st.none() | st.sampled_from(["eu", "us", "mars"]),
    ("FineTuneJobSpec", "image"): st.none() | st.just("example/trainer:1"),
    ("FineTuneJobSpec", "pod_template"): st.none(),
    ("FineTuneJobSpec", "integrations"): st.none(),
    ("Model", "name"): st.none() | st.sampled_from([*MODELS, "pvc://a/../b", "typo"]),
    ("Dataset", "uri"): st.none() | PLACES,
    ("Dataset", "revision"): st.none(),
    ("DatasetRef", "name"): st.sampled_from(["tickets", "ticket", "broken"]),
    ("ModelSource", "uri"): PLACES,
}
WILD_SPECS: Final = anything(FineTuneJobSpec, GIVEN)
ENTRIES: Final = st.sampled_from(sorted(SHOP.catalog.base_models))
DATASETS: Final = {
    "tickets": Registered(DatasetSpec(uri="s3://bucket/tickets"), valid=True, revision="1"),
    "broken": Registered(DatasetSpec(uri="s3://bucket/tickets"), valid=False, message="line 3: no messages"),
}
BROKEN: Final = st.just(Broken("memory: Field required"))
WILD_TYPES: Final = anything(InstanceTypeSpec, GIVEN) | BROKEN
WILD_MODELS: Final = anything(BaseModelSpec, GIVEN) | BROKEN
WILD_CATALOGS: Final = st.builds(
    Catalog,
    st.fixed_dictionaries({name: st.just(entry) | WILD_TYPES for name, entry in SHOP.catalog.instance_types.items()}),
    st.fixed_dictionaries({name: st.just(entry) | WILD_MODELS for name, entry in SHOP.catalog.base_models.items()}),
    st.dictionaries(st.sampled_from(["meta-llama/Llama-3.1-8B", "typo"]), ENTRIES, max_size=2),
)
WILD_OFFERS: Final = st.builds(
    Offer, WILD_CATALOGS, st.just(IMAGES), st.dictionaries(st.just("team"), st.just("a")), st.just(DATASETS)
)
OFFERS: Final = st.just(SHOP) | WILD_OFFERS
REPORTS: Final = st.none() | anything(Report)


@st.composite
def sensible_specs(draw: st.DrawFn) -> FineTuneJobSpec:
    """Specs with what the API server's rules ask for: a place for each dataset, a type that suits the job, hours."""
    spec: FineTuneJobSpec = draw(WILD_SPECS)
    robot = spec.job_type in ROBOT_JOB_TYPES
    kinds = ("act", "smolvla", "pi0", "sarm", "gr00t_n1_6") if robot else (None, LANGUAGE_MODEL)
    kind = draw(st.sampled_from(kinds))
    listed = [
        name
        for name, entry in SHOP.catalog.base_models.items()
        if getattr(entry, "type", "") == (kind or LANGUAGE_MODEL)
    ]
    name = draw(st.sampled_from([*listed, "someone/something"]))
    hours = draw(st.floats(0.1, 168)) if robot else spec.hours
    datasets = tuple(
        each.model_copy(update={"uri": "pvc://data/a.jsonl", "dataset_ref": None}) for each in spec.datasets
    )
    model = spec.model.model_copy(update={"name": name, "type": kind, "from_checkpoint": None})
    update = {"model": model, "datasets": datasets, "hours": hours, "output": None, "region": None, "reward": None}
    mappings = {"cam_1": "observation.images.top"} if robot else None
    return spec.model_copy(update=update | {"camera_mappings": mappings, "nodes": draw(st.sampled_from([1, 1, 2]))})


SPECS: Final = sensible_specs() | WILD_SPECS | sensible_specs()
