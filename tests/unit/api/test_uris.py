"""Where models, data and results lie: what a URI may be, what is said of one that may not, and that schema and parser agree."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as some

from finetune_operator.api import uris
from finetune_operator.api.uris import (
    ClaimPath,
    ConfigMapKey,
    HubRepository,
    LocalFile,
    Source,
    StoredObject,
    WebFile,
    parse,
)

NONE_OF: Final = f"is none of {uris.DATASET_WORDS}"
NAMED: Final[dict[str, tuple[str, Source]]] = {
    "a folder of a claim": ("pvc://models/tiny-chat", ClaimPath("models", "tiny-chat")),
    "a path of several folders": ("pvc://models/a/b/c.jsonl", ClaimPath("models", "a/b/c.jsonl")),
    "a claim whose name has dots": ("pvc://models.v1/tiny", ClaimPath("models.v1", "tiny")),
    "the root of a claim": ("pvc://models", ClaimPath("models", "")),
    "the root of a claim with a slash": ("pvc://models/", ClaimPath("models", "")),
    "the root of a claim as a dot": ("pvc://models/.", ClaimPath("models", "")),
    "a path with detours that stays inside": ("pvc://models/a/../b/./c", ClaimPath("models", "b/c")),
    "a folder whose name begins with dots": ("pvc://models/..2026/tiny", ClaimPath("models", "..2026/tiny")),
    "a trailing slash": ("pvc://models/tiny/", ClaimPath("models", "tiny")),
    "a key of a ConfigMap": ("configmap://questions/train.jsonl", ConfigMapKey("questions", "train.jsonl")),
    "a repository of the Hub": ("hf://lerobot/pusht", HubRepository("lerobot/pusht")),
    "a dataset of the Hub": ("hf://datasets/lerobot/pusht", HubRepository("lerobot/pusht")),
    "a model of the Hub": ("hf://models/Qwen/Qwen3-4B", HubRepository("Qwen/Qwen3-4B")),
    "a folder of a repository": ("hf://org/name/data/train", HubRepository("org/name", "data/train")),
    "a bucket": ("s3://models", StoredObject("s3", "models", "")),
    "a prefix of a bucket": ("s3://models/a/b", StoredObject("s3", "models", "a/b")),
    "an object of another store": ("gs://models/a", StoredObject("gs", "models", "a")),
    "a file on a web server": ("https://data.example/a.jsonl?v=2", WebFile("https://data.example/a.jsonl?v=2")),
    "a file of a run without a cluster": ("file:///data/a.jsonl", LocalFile("/data/a.jsonl")),
}

REFUSED: Final = {
    "another scheme": ("ftp://data.example/a", f"'ftp://data.example/a' {NONE_OF}"),
    "the web without encryption": ("http://data.example/a", NONE_OF),
    "a key in the address": ("https://me:secret@data.example/a", NONE_OF),
    "a web server without a file": ("https://data.example", NONE_OF),
    "no scheme": ("models/tiny", NONE_OF),
    "no claim": ("pvc:///tiny", NONE_OF),
    "no bucket": ("s3:///a", NONE_OF),
    "nothing": ("", NONE_OF),
    "a ConfigMap without a key": ("configmap://questions", NONE_OF),
    "a key with a folder": ("configmap://questions/a/b", NONE_OF),
    "a file of another machine": ("file://other/a", NONE_OF),
    "half a repository": ("hf://lerobot", "'hf://lerobot' is not hf://ORGANISATION/NAME"),
    "a repository of strange letters": ("hf://le robot/pusht", "is not hf://ORGANISATION/NAME"),
    "the folder above a claim": ("pvc://models/..", "'pvc://models/..' leaves its claim or bucket"),
    "a path that climbs out": ("pvc://models/a/../../other", "leaves its claim or bucket"),
    "a path that climbs out of a bucket": ("s3://models/../other", "leaves its claim or bucket"),
    "a path that climbs out of a repository": ("hf://org/name/../../other", "leaves its claim or bucket"),
    "an absolute path": ("pvc://models//etc", "leaves its claim or bucket"),
}


@pytest.mark.parametrize(("uri", "source"), NAMED.values(), ids=NAMED)
def test_a_uri_names(uri: str, source: Source) -> None:
    assert parse(uri) == source


@pytest.mark.parametrize(("uri", "complaint"), REFUSED.values(), ids=REFUSED)
def test_a_uri_is_refused_for(uri: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse(uri)


@pytest.mark.parametrize(("name", "is_one"), [("lerobot/pusht", True), ("qwen3-4b", False), ("a/b/c", False)])
def test_a_name_of_two_parts_is_a_repository(name: str, *, is_one: bool) -> None:
    assert uris.is_repository(name) is is_one


def _as_cel_reads(literal: str) -> re.Pattern[str]:
    """The pattern stands in a CEL string literal, where a backslash is written twice."""
    return re.compile(literal.replace("\\\\", "\\"))


STORED, DATASET, OUTPUT, MODEL = map(
    _as_cel_reads, (uris.STORED_PATTERN, uris.DATASET_PATTERN, uris.OUTPUT_PATTERN, uris.MODEL_PATTERN)
)


@pytest.mark.parametrize("uri", [uri for uri, _ in NAMED.values()])
def test_the_schema_lets_through_what_the_parser_reads(uri: str) -> None:
    source = parse(uri)
    assert DATASET.match(uri)
    if not isinstance(source, ConfigMapKey | LocalFile):
        assert STORED.match(uri)
        assert MODEL.match(uri)
    if isinstance(source, ClaimPath | StoredObject):
        assert OUTPUT.match(uri)


@pytest.mark.parametrize(
    "uri", ["pvc://Models/a", "pvc://models/a b", "pvc://-a/b", "http://a/b", "s3://A", "models", ""]
)
def test_the_schema_refuses_what_no_place_can_be_called(uri: str) -> None:
    assert not any(pattern.match(uri) for pattern in (STORED, DATASET, OUTPUT))


NAMES_OF_MODELS: Final = (
    "llama-3.1-8b",
    "meta-llama/Llama-3.1-70B-Instruct",
    "Newton::c2_4_7b_251215a172f6d7",
    "vaero-1",
    "hf://a/b",
)


@pytest.mark.parametrize("name", NAMES_OF_MODELS)
def test_a_model_may_be_named_as_hosted_apis_name_it(name: str) -> None:
    assert MODEL.match(name)


@pytest.mark.parametrize("name", ["a b", "/models/a", "./a", "a/b/c", "-a", "a:::b", "http://a/b", ""])
def test_a_model_may_not_be_named(name: str) -> None:
    assert not MODEL.match(name)


@given(uri=some.from_regex(DATASET, fullmatch=True))
def test_what_the_schema_lets_through_the_parser_reads_or_says_that_it_climbs_out(uri: str) -> None:
    try:
        parse(uri.removesuffix("\n"))
    except ValueError as complaint:
        assert "leaves its claim or bucket" in str(complaint) or uri.startswith("https://")  # noqa: PT017
