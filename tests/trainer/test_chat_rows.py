"""A dataset is read line by line; what is wrong is told with its line, what was found and what is allowed."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from tests.trainer.documents import SAMPLE, chat, write_lines
from trainer.contract.run import Dataset
from trainer.dataset.lines import read_dataset
from trainer.dataset.rows import RowError, parse_row
from trainer.failures import UserError

GOOD = chat("How heavy is it?", "640 grams.")


def dataset(path: Path, uri: str = "configmap://questions/train.jsonl") -> Dataset:
    return Dataset(name="questions", split="train", uri=uri, path=path, place="spec.datasets[0]")


def refusal(path: Path, uri: str = "configmap://questions/train.jsonl") -> UserError:
    with pytest.raises(UserError) as refused:
        list(read_dataset(dataset(path, uri)))
    assert refused.value.param == "spec.datasets[0].uri"
    return refused.value


def test_the_sample_dataset_is_valid() -> None:
    assert len(list(read_dataset(dataset(SAMPLE)))) == 48


def test_a_malformed_line_is_refused_with_its_number(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "train.jsonl", [GOOD, GOOD, '{"messages": [}', GOOD])
    refused = refusal(file)
    assert refused.code == "DatasetRowInvalid"
    assert refused.message == "configmap://questions/train.jsonl, line 3: not valid JSON (Expecting value at column 15)"


def test_further_bad_lines_are_counted(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "train.jsonl", [GOOD, "1", "", GOOD, "2", "3"])
    assert refusal(file).message.endswith(
        "line 2: is a number, must be an object with a 'messages' list. Also wrong: lines 5, 6"
    )


def test_a_dataset_is_read_without_being_held(tmp_path: Path) -> None:
    size = write_lines(tmp_path / "train.jsonl", [chat("question " * 50, "answer " * 50)] * 5000).stat().st_size
    tracemalloc.start()
    rows = sum(1 for _ in read_dataset(dataset(tmp_path / "train.jsonl")))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 5000
    assert most < size / 10


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\r\n  \n" + json.dumps(GOOD).encode())
    assert len(list(read_dataset(dataset(file)))) == 2


@pytest.mark.parametrize(
    ("content", "code", "expected"),
    [
        (b"", "DatasetEmpty", "has no rows"),
        (b"\n\n", "DatasetEmpty", "has no rows"),
        (b'{"messages": "\xff"}', "DatasetRowInvalid", "line 1: not valid UTF-8 (byte 0xff at position 15)"),
        ("{}".encode("utf-16"), "DatasetRowInvalid", "line 1: not UTF-8 but UTF-16: save the file as UTF-8"),
        (json.dumps([GOOD]).encode(), "DatasetRowInvalid", "is a JSON array. A dataset is JSON Lines"),
        (json.dumps([GOOD], indent=1).encode(), "DatasetRowInvalid", "is the start of a JSON array"),
        (b"[" * 100_000, "DatasetRowInvalid", "brackets are nested too deeply"),
    ],
)
def test_a_file_that_holds_no_rows_is_refused(tmp_path: Path, content: bytes, code: str, expected: str) -> None:
    file = tmp_path / "train.jsonl"
    file.write_bytes(content)
    refused = refusal(file)
    assert refused.code == code
    assert expected in refused.message


def test_a_folder_means_all_its_jsonl_files_in_order(tmp_path: Path) -> None:
    write_lines(tmp_path / "b.jsonl", [chat("b", "2")])
    write_lines(tmp_path / "a.jsonl", [chat("a", "1")])
    write_lines(tmp_path / "notes.txt", ["no row"])
    rows = list(read_dataset(dataset(tmp_path, "pvc://team/questions")))
    assert [row.messages[0].fields["content"] for row in rows] == ["a", "b"]
    write_lines(tmp_path / "c.jsonl", ["no row"])
    assert refusal(tmp_path, "pvc://team/questions/").message.startswith("pvc://team/questions/c.jsonl, line 1:")


def test_a_missing_file_is_named_with_what_is_there_instead(tmp_path: Path) -> None:
    write_lines(tmp_path / "train.jsonl", [GOOD])
    refused = refusal(tmp_path / "trian.jsonl", "pvc://team/trian.jsonl")
    assert refused.code == "DatasetNotFound"
    assert refused.message == (
        "pvc://team/trian.jsonl does not exist. There is: train.jsonl. Did you mean 'train.jsonl'?"
    )


def config_map(folder: Path, *keys: str) -> Path:
    """A ConfigMap as the kubelet mounts it: empty when there is none, as its volume is optional."""
    folder.mkdir()
    (folder / "..data").mkdir()
    for key in keys:
        write_lines(folder / key, [GOOD])
    return folder / "train.jsonl"


def test_a_config_map_that_does_not_exist_is_told_as_such(tmp_path: Path) -> None:
    refused = refusal(config_map(tmp_path / "questions"), "configmap://questions/train.jsonl")
    assert refused.code == "DatasetNotFound"
    assert refused.message == (
        "configmap://questions/train.jsonl: the ConfigMap 'questions' does not exist in the job's namespace, or has no keys"
    )
    assert "kubectl get configmaps" in refused.advice
    unmounted = refusal(tmp_path / "none" / "train.jsonl", "configmap://none/train.jsonl")
    assert "the ConfigMap 'none' does not exist" in unmounted.message


def test_a_key_that_a_config_map_has_not_is_told_with_those_that_it_has(tmp_path: Path) -> None:
    path = config_map(tmp_path / "questions", "tarin.jsonl", "notes.txt")
    assert refusal(path, "configmap://questions/train.jsonl").message == (
        "configmap://questions/train.jsonl: the ConfigMap 'questions' has no key 'train.jsonl'."
        " There is: notes.txt, tarin.jsonl. Did you mean 'tarin.jsonl'?"
    )


def test_a_folder_without_rows_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text("[]")
    (tmp_path / "..data").mkdir()
    assert refusal(tmp_path, "pvc://team/x").message == (
        "pvc://team/x is a folder without any .jsonl file. There is: train.json."
    )


def turn(**message: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": "a"}, message]}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"mesages": []}, "has no 'messages'; found 'mesages'. Did you mean 'messages'?"),
        ({"prompt": "a", "completion": "b"}, "Only the chat format is understood"),
        ({"messages": "a"}, "'messages' is a string, must be a list"),
        ({"messages": []}, "'messages' is empty"),
        ({"messages": ["a"]}, "messages[0] is a string, must be an object"),
        ({"messages": [{"role": "user", "content": "a"}]}, "has no turn of role 'assistant' to learn from; found user"),
        (
            turn(role="asistant", content="b"),
            "messages[1].role is 'asistant', must be one of system, user, assistant, tool. Did you mean 'assistant'?",
        ),
        (turn(role="gpt", content="b"), "Did you mean 'assistant'?"),
        (turn(content="b"), "messages[1] has no 'role'"),
        (turn(role="assistant"), "messages[1] has no 'content'"),
        (turn(role="assistant", content=None), "messages[1].content is null, must be a string"),
        (turn(role="assistant", content=[{"type": "text"}]), "messages[1].content is a list, must be a string (parts"),
        (turn(role="assistant", content=" "), "messages[1].content is empty"),
        (turn(role="assistant", content="\ud800"), "messages[1].content has half of a character (\\ud800)"),
        (turn(role="assistant", content="b", wieght=0), "unknown key 'wieght'. Did you mean 'weight'?"),
        (turn(role="assistant", content="b", weight=2), "messages[1].weight is 2, must be 0"),
        (turn(role="assistant", content="b", weight=0), "only assistant turns with 'weight': 0"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(row: object, expected: str) -> None:
    with pytest.raises(RowError) as refused:
        parse_row(row)
    assert expected in str(refused.value)


def test_a_turn_of_weight_zero_is_shown_and_not_learned() -> None:
    row = parse_row({"messages": [{"role": "assistant", "content": "a", "weight": 0}, *GOOD["messages"]]})  # type: ignore[misc]
    assert [message.learned for message in row.messages] == [False, False, True]
    assert "weight" not in row.messages[0].fields


def test_a_turn_that_calls_tools_needs_no_content() -> None:
    row = parse_row(turn(role="assistant", content=None, tool_calls=[{"function": {"name": "f", "arguments": {}}}]))
    assert row.messages[1].learned


def test_keys_without_meaning_are_passed_over_and_named() -> None:
    row = parse_row({"id": 7, **chat("a", "b")})
    assert row.ignored == ("id",)
