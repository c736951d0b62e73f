"""What a report says, and what of it is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.api.model import LARGEST_MEASURE, Json
from finetune_operator.planning.ending import parse_verdict
from finetune_operator.planning.progress import Checkpoint, LogLine, Progress
from finetune_operator.reconciler.progress.body import Sender, parse
from finetune_operator.reconciler.progress.refusal import PostRefusedError
from tests.unit.progress.stories import START

EXAMPLE = Path(__file__).parents[3] / "trainer-image/contract/examples/progress.json"
SENDER = Sender("pod-uid", 1, START)


def parsed(document: object) -> Progress:
    return parse(json.dumps(document).encode(), SENDER)


def ours(**changes: object) -> Json:
    finetune = {"contractVersion": 1, "attempt": 1, "activity": "step", "step": 6, **changes}
    return {"trainerStatus": {"lastUpdatedTime": "2026-11-21T12:00:00Z"}, "finetune": finetune}


def foreign(**metrics: str) -> Json:
    listed = [{"name": name, "value": value} for name, value in metrics.items()]
    return {"trainerStatus": {"progressPercentage": 100, "metrics": listed, "lastUpdatedTime": "2026-11-21T12:00:00Z"}}


def test_the_example_of_the_contract_is_understood() -> None:
    assert parse(EXAMPLE.read_bytes(), SENDER) == Progress(
        attempt=1,
        pod_uid="pod-uid",
        step=6,
        received_at=START,
        activity="step",
        total_steps=18,
        epoch=1,
        total_epochs=3,
        training_seconds=12.5,
        wasted_seconds=2.5,
        trained_tokens=1932,
        metrics={"firstLoss": 4.59, "loss": 2.41, "learningRate": 0.00015},
        checkpoint_step=4,
        checkpoints=(
            Checkpoint(
                step=4,
                attempt=1,
                path="checkpoints/attempt-1/checkpoint-4",
                time=datetime(2026, 11, 21, 11, 59, 55, tzinfo=UTC),
                training_seconds=8.5,
                metrics={"loss": 3.02, "evalLoss": 3.4},
            ),
        ),
        log_lines=(
            LogLine(datetime(2026, 11, 21, 11, 59, 55, tzinfo=UTC), "info", "checkpoint 4 is complete"),
            LogLine(datetime(2026, 11, 21, 11, 59, 58, tzinfo=UTC), "warning", "UserWarning: the rows are very short"),
        ),
    )


def test_a_foreign_reporter_hides_step_total_and_epoch_among_its_metrics() -> None:
    progress = parsed(foreign(loss="2.5", current_step="7", total_steps="20", current_epoch="0.35"))
    assert (progress.step, progress.total_steps, progress.epoch) == (7, 20, 0.35)
    assert progress.metrics == {"loss": 2.5}
    assert progress.training_seconds is None


def test_a_foreign_reporter_without_a_step_counts_as_step_zero() -> None:
    progress = parsed(foreign(total_steps="20"))
    assert (progress.step, progress.total_steps) == (0, 20)


def test_a_foreign_value_that_is_no_finite_number_is_left_out() -> None:
    assert parsed(foreign(loss="nan", grad="inf", note="hello", lr="1e-4")).metrics == {"lr": 1e-4}


def test_our_own_metrics_that_are_not_finite_are_left_out() -> None:
    body = b'{"trainerStatus": {}, "finetune": {"contractVersion": 1, "attempt": 1, "activity": "step", "step": 1,'
    body += b'"metrics": {"loss": NaN, "norm": Infinity, "none": null, "rate": 0.5}}}'
    assert parse(body, SENDER).metrics == {"rate": 0.5}


def test_no_more_than_64_metrics_with_names_of_64_characters_are_kept() -> None:
    metrics = {"n" * 65: 1.0, "": 1.0} | {f"m{number}": 1.0 for number in range(100)}
    assert list(parsed(ours(metrics=metrics)).metrics) == [f"m{number}" for number in range(64)]


def checkpoint(step: int = 4, attempt: int = 1, path: str = "checkpoints/c", **more: object) -> Json:
    return {"step": step, "attempt": attempt, "path": path, **more}


def line(message: str, level: str = "info") -> Json:
    return {"timestamp": "2026-11-21T11:59:55.25+01:00", "level": level, "message": message}


def test_who_does_not_tell_of_checkpoints_does_not_say_that_there_are_none() -> None:
    assert parsed(ours()).checkpoints is None
    assert parsed(ours(checkpoints=[])).checkpoints == ()


def test_of_too_many_checkpoints_the_latest_are_kept_oldest_first() -> None:
    given = [checkpoint(step) for step in (90, *range(10, 90, 10), 90)]
    found = parsed(ours(checkpoints=given)).checkpoints
    assert [each.step for each in found or ()] == list(range(20, 100, 10))


def test_a_checkpoint_has_four_finite_metrics_at_most_and_whole_seconds() -> None:
    metrics = {"loss": 1.0, "bad": None, **{f"m{number}": 1.0 for number in range(9)}}
    (found,) = parsed(ours(checkpoints=[checkpoint(metrics=metrics, time="2026-11-21T12:00:00.9Z")])).checkpoints or ()
    assert list(found.metrics) == ["loss", "m0", "m1", "m2"]
    assert found.time == START


def test_what_is_wasted_is_a_part_of_what_was_trained() -> None:
    assert parsed(ours(trainingSeconds=10, wastedSeconds=99)).wasted_seconds == 10


def test_of_too_many_log_lines_the_last_are_kept() -> None:
    lines = parsed(ours(logs=[line(str(number)) for number in range(60)])).log_lines
    assert [each.message for each in lines] == [str(number) for number in range(10, 60)]


def test_a_log_line_is_one_line_of_512_printable_characters_in_utc() -> None:
    lines = [line("\x1b[31mred\x1b[0m\r\nnext"), line("x" * 600, "NOTICE"), line("late", "Error")]
    first, second, third = parsed(ours(logs=lines)).log_lines
    assert (first.message, first.timestamp) == ("red next", datetime(2026, 11, 21, 10, 59, 55, 250_000, tzinfo=UTC))
    assert (len(second.message), second.level) == (512, "info")
    assert third.level == "error"


def test_keys_of_a_newer_trainer_are_passed_over() -> None:
    assert parsed(ours(gradientNorms=[1, 2])).step == 6


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (ours(step=-1), "finetune.step: Input should be greater than or equal to 0, given -1"),
        (ours(activity="sleep"), "finetune.activity: Input should be 'loading', 'step', 'evaluation', 'save' or"),
        (ours(contractVersion=2), "finetune.contractVersion: Input should be 1, given 2"),
        (ours(attempt=2), "finetune.attempt: given 2, but the pod belongs to attempt 1"),
        (ours(metrics={"loss": "much"}), "finetune.metrics.loss: Input should be a valid number"),
        (ours(checkpoints=[checkpoint(attempt=2)]), "finetune.checkpoints.0.attempt: given 2; now is attempt 1"),
        (ours(checkpoints=[checkpoint(path="../../other")]), "checkpoints.0.path: must be relative to the workspace"),
        (ours(checkpoints=[checkpoint(path="/etc")]), "checkpoints.0.path: must be relative to the workspace"),
        (ours(checkpoints=[checkpoint(path="a\nb")]), "finetune.checkpoints.0.path: String should match pattern"),
        (ours(checkpoints=[checkpoint(path="x" * 254)]), "finetune.checkpoints.0.path: String should have at most 253"),
        (ours(checkpoints=[checkpoint(time="2026-11-21T12:00:00")]), "finetune.checkpoints.0.time: Input should have"),
        (ours(trainingSeconds=1e12), "finetune.trainingSeconds: Input should be less than or equal to 1000000000"),
        (ours(logs=[{"message": "no time"}]), "finetune.logs.0.timestamp: Field required"),
        (
            ours(logs=[{"timestamp": "0001-01-01T00:00:00+14:00", "message": ""}]),
            "finetune.logs.0.timestamp: Input should be greater than or equal to",
        ),
        ({"finetune": ours()["finetune"]}, "trainerStatus: Field required"),
        ([], "body: Input should be an object"),
    ],
)
def test_a_wrong_report_is_refused_with_the_field_and_what_was_given(document: object, sentence: str) -> None:
    with pytest.raises(PostRefusedError) as refused:
        parsed(document)
    assert refused.value.status == 422
    assert sentence in refused.value.message


@pytest.mark.parametrize("field", ["trainingSeconds", "wastedSeconds", "epoch"])
@pytest.mark.parametrize("value", [0, LARGEST_MEASURE, 2 * LARGEST_MEASURE, -1])
def test_what_a_report_may_tell_the_verdict_after_it_may_tell_too(field: str, value: float) -> None:
    verdict = {"contractVersion": 1, "stage": "train", "attempt": 1, "result": "completed", "message": "", field: value}
    believed = parse_verdict(json.dumps(verdict)) is not None
    assert believed == (0 <= value <= LARGEST_MEASURE)
    try:
        parsed(ours(**{field: value}))
    except PostRefusedError:
        assert not believed
    else:
        assert believed


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 60_000, b'{"trainerStatus": {"metrics": 1}}', b"null"])
def test_a_body_that_is_no_report_is_refused_in_a_short_sentence(body: bytes) -> None:
    with pytest.raises(PostRefusedError) as refused:
        parse(body, SENDER)
    assert refused.value.status == 422
    assert 0 < len(refused.value.message) < 300


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["trainerStatus", "finetune", "metrics", "step", "name", "value"]), inner)
        ),
    )
)
def test_whatever_is_sent_is_either_understood_or_refused(document: object) -> None:
    try:
        progress = parsed(document)
    except PostRefusedError:
        return
    assert progress.step >= 0
