"""What holds for every spec that the models accept and every catalog: plans are total, the same, and leave alone what is given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune_operator.api.finetunejob import MOST_HOURS, FineTuneJobSpec, Hyperparameters
from finetune_operator.api.finetunejob.words import ROBOT_JOB_TYPES
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import Report
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import Admission, Offer, admit, complete
from finetune_operator.planning.resolving import rules
from finetune_operator.planning.resolving.by_data import batch_for, epochs_for, multiple
from finetune_operator.planning.resolving.limits import budget_hours
from finetune_operator.planning.resolving.subject import world_size
from tests.unit.planning.resolving.shop import SHOP
from tests.unit.planning.resolving.strategies import OFFERS, REPORTS, SPECS

thorough = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def planned(spec: FineTuneJobSpec, offer: Offer, report: Report | None) -> tuple[Admission, Admission] | None:
    """Both steps, of a job that neither refuses."""
    admitted = admit(spec, offer)
    if isinstance(admitted, Rejection):
        return None
    completed = complete(spec, admitted.resolved, report)
    return None if isinstance(completed, Rejection) else (admitted, completed)


@thorough
@given(SPECS, OFFERS, REPORTS)
def test_every_spec_is_planned_or_refused_in_words(spec: FineTuneJobSpec, offer: Offer, report: Report | None) -> None:
    admitted = admit(spec, offer)
    found = admitted if isinstance(admitted, Rejection) else complete(spec, admitted.resolved, report)
    if isinstance(found, Rejection):
        assert found.param.startswith("spec.")
        assert found.message.startswith("spec.")
    else:
        assert found.resolved.complete
        assert all(len(warning) <= 1024 for warning in found.warnings)


@thorough
@given(SPECS, OFFERS, REPORTS)
def test_the_same_input_gives_the_same_plan(spec: FineTuneJobSpec, offer: Offer, report: Report | None) -> None:
    again = FineTuneJobSpec.model_validate(spec.wire())
    assert admit(again, offer) == admit(spec, offer)
    assert planned(again, offer, report) == planned(spec, offer, report)


@thorough
@given(SPECS, REPORTS)
def test_what_was_admitted_reads_back_and_is_completed_alike(spec: FineTuneJobSpec, report: Report | None) -> None:
    """Between the two steps the plan lies in the status: nothing that is not written there may count."""
    admitted = admit(spec, SHOP)
    if isinstance(admitted, Rejection):
        return
    stored = Resolved.model_validate(admitted.resolved.wire())
    assert stored == admitted.resolved
    assert complete(spec, stored, report) == complete(spec, admitted.resolved, report)


@thorough
@given(SPECS, OFFERS, REPORTS)
def test_completing_twice_changes_nothing(spec: FineTuneJobSpec, offer: Offer, report: Report | None) -> None:
    if found := planned(spec, offer, report):
        assert complete(spec, found[1].resolved, report) == found[1]


@thorough
@given(SPECS, OFFERS, REPORTS)
def test_what_is_given_is_never_changed(spec: FineTuneJobSpec, offer: Offer, report: Report | None) -> None:
    before = spec.wire()
    found = planned(spec, offer, report)
    assert spec.wire() == before
    if not found:
        return
    for admission in found:
        resolved = admission.resolved
        assert resolved.nodes == spec.nodes
        assert resolved.region == spec.region
        assert spec.instance_type in {None, resolved.instance_type_name}
        _assert_kept(spec.hyperparameters or Hyperparameters(), resolved.hyperparameters.wire())


def _assert_kept(wanted: Hyperparameters, values: dict[str, Any]) -> None:
    both = {"epochs": "steps", "warmupRatio": "warmupSteps"}
    given = wanted.wire()
    for name, value in given.items():
        if name in {"lora", "dpo", "extra"} or both.get(name) in given:
            continue
        assert values[name] == value, name
    for name, value in (given.get("lora") or {}).items():
        assert values["lora"][name] == value
    assert (wanted.extra or {}).items() <= values["extra"].items()


@thorough
@given(SPECS, OFFERS, REPORTS)
def test_the_batch_is_shared_evenly_by_all_processes(
    spec: FineTuneJobSpec, offer: Offer, report: Report | None
) -> None:
    if found := planned(spec, offer, report):
        resolved = found[1].resolved
        batch = resolved.hyperparameters.batch_size
        assert batch is not None
        assert batch % world_size(resolved.nodes, resolved.instance_type) == 0
        assert 1 <= batch <= 512
        if resolved.micro_batch_size:
            share = batch // world_size(resolved.nodes, resolved.instance_type)
            assert share % resolved.micro_batch_size == 0


@thorough
@given(SPECS, OFFERS, REPORTS)
def test_the_limits_of_the_catalog_hold_for_what_is_chosen_too(
    spec: FineTuneJobSpec, offer: Offer, report: Report | None
) -> None:
    found = planned(spec, offer, report)
    if not found:
        return
    resolved = found[1].resolved
    values, limits = resolved.hyperparameters, resolved.model.limits if resolved.model else None
    assert 0 < budget_hours(spec, resolved) <= MOST_HOURS
    if limits:
        assert budget_hours(spec, resolved) <= (limits.hours or MOST_HOURS)
        assert (values.batch_size or 1) <= (limits.batch_size or 512)
        assert values.lora.rank <= (limits.lora_rank or 512)
        assert (values.context_length or 1) <= (limits.context_length or 10_000_000)


@thorough
@given(SPECS, OFFERS, REPORTS)
def test_every_value_that_the_job_left_open_has_its_rule(
    spec: FineTuneJobSpec, offer: Offer, report: Report | None
) -> None:
    found = planned(spec, offer, report)
    if not found:
        return
    resolved = found[1].resolved
    fields = [choice.field for choice in resolved.choices]
    assert len(fields) == len(set(fields)), "one rule for one value"
    assert resolved.rules_version == rules.RULES_VERSION
    assert ("instanceType" in fields) == (spec.instance_type is None)
    wanted = spec.hyperparameters or Hyperparameters()
    for name in ("batchSize", "learningRate", "weightDecay", "maxGradNorm", "seed"):
        assert (f"hyperparameters.{name}" in fields) == (name not in wanted.wire()), name
    if spec.job_type not in ROBOT_JOB_TYPES:
        open_length = wanted.epochs is None and wanted.steps is None
        assert bool({"hyperparameters.epochs", "hyperparameters.steps"} & set(fields)) == open_length


@thorough
@given(SPECS, OFFERS, REPORTS)
def test_a_job_is_never_sent_to_hardware_that_does_not_hold_it(
    spec: FineTuneJobSpec, offer: Offer, report: Report | None
) -> None:
    found = planned(spec, offer, report)
    if found and found[1].resolved.fit and not spec.allow_memory_overcommit and report and report.longest_row_tokens:
        assert found[1].resolved.fit.bytes_per_gpu <= found[1].resolved.fit.available_bytes


@given(st.integers(1, 10**12))
def test_epochs_are_between_one_and_twenty_five(rows: int) -> None:
    epochs = epochs_for(rows)
    assert 1 <= epochs <= rules.MOST_EPOCHS
    if epochs < rules.MOST_EPOCHS:
        assert rows * (epochs + 1) > rules.FEWEST_EXAMPLES - rows
    if epochs > 1:
        assert rows * epochs <= rules.MOST_EXAMPLES


@given(st.integers(1, 10**9))
def test_more_rows_never_mean_more_epochs_or_a_smaller_batch(rows: int) -> None:
    assert epochs_for(rows + 1) <= max(epochs_for(rows), rules.TARGET_EPOCHS)
    assert batch_for(rows + 1) >= batch_for(rows)


@given(st.integers(1, 10**12))
def test_an_automatic_batch_is_a_power_of_two_that_leaves_steps_to_an_epoch(rows: int) -> None:
    batch = batch_for(rows)
    assert batch.bit_count() == 1
    assert batch <= rules.LARGEST_AUTOMATIC_BATCH
    assert batch == 1 or rows // batch >= rules.FEWEST_STEPS_PER_EPOCH


@pytest.mark.parametrize("most", [512, 64])
@given(batch=st.integers(1, 512), world=st.integers(1, 512))
def test_a_multiple_is_the_next_one_that_is_allowed(batch: int, world: int, most: int) -> None:
    found = multiple(batch, world, most)
    assert found % world == 0
    assert found <= max(most, world)
    if batch <= most // world * world:
        assert batch <= found < batch + world
