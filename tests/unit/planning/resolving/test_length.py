"""However long a job may be written, its run document fits into the annotations of its pods."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.run_config import Run, run_json
from tests.unit.planning.resolving.shop import accepts, refused, spec_of
from tests.unit.planning.scene import a_job, resolved_for

ALL_ANNOTATIONS: Final = 262_144
FOR_THE_RUN: Final = 200_000


def longest_files(datasets: int = 16, longest: int = 253) -> list[Json]:
    """As many datasets with as many files of as long names as the API server takes."""
    files = [f"{number:02}".ljust(longest, "f") for number in range(32)]
    return [{"name": f"d{n}", "uri": "pvc://data/" + "p" * 200, "files": files} for n in range(datasets)]


def test_the_most_files_with_the_longest_names_fit_into_the_run_document() -> None:
    job = a_job({"datasets": longest_files()})
    assert len(run_json(Run(job, resolved_for(job), "train", 1)).encode()) < FOR_THE_RUN


def test_all_that_is_long_fits_together_with_the_annotations_of_the_job() -> None:
    annotations = {f"a{n}": "x" * 2500 for n in range(16)}
    spec: Json = {"datasets": longest_files(), "podTemplate": {"annotations": annotations}}
    job = a_job(spec)
    run = len(run_json(Run(job, resolved_for(job), "train", 1)).encode())
    assert run < FOR_THE_RUN
    assert run + sum(map(len, annotations.values())) < ALL_ANNOTATIONS


def test_more_than_fits_is_refused_with_the_longest_part_and_the_remedy() -> None:
    found = refused(spec_of(hyperparameters={"extra": {"words": "w" * 200_000}}))
    assert (found.reason, found.param) == (Reason.INVALID_SPEC, "spec.hyperparameters")
    assert "which may have 180000: shorten it" in found.message


def test_letters_of_several_bytes_count_as_what_they_are() -> None:
    found = refused(
        spec_of(datasets=[each | {"files": ["ü" * 250 + str(n) for n in range(32)]} for each in longest_files()])
    )
    assert found.param == "spec.datasets"
    assert found.message.endswith("name a folder in place of its files")


def test_what_is_usual_is_accepted() -> None:
    assert accepts(spec_of(datasets=longest_files(2, 100)))
