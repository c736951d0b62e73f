"""Where models and data lie: what a URI may be and what is said of one that may not."""

from __future__ import annotations

import re

import pytest

from finetune_operator.api import uris
from finetune_operator.api.uris import ClaimPath, ConfigMapKey, parse

NAMED = {
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
}

REFUSED = {
    "another scheme": ("s3://bucket/key", "'s3://bucket/key' is neither pvc://CLAIM/PATH nor configmap://NAME/KEY"),
    "no scheme": ("models/tiny", "is neither pvc://CLAIM/PATH nor configmap://NAME/KEY"),
    "no claim": ("pvc:///tiny", "is neither"),
    "nothing": ("", "is neither"),
    "a ConfigMap without a key": ("configmap://questions", "is neither"),
    "a key with a folder": ("configmap://questions/a/b", "is neither"),
    "the folder above a claim": ("pvc://models/..", "'pvc://models/..' leaves its claim"),
    "a path that climbs out": ("pvc://models/a/../../other", "leaves its claim"),
    "an absolute path": ("pvc://models//etc", "leaves its claim"),
}


@pytest.mark.parametrize(("uri", "source"), NAMED.values(), ids=NAMED)
def test_a_uri_names(uri: str, source: ClaimPath | ConfigMapKey) -> None:
    assert parse(uri) == source


@pytest.mark.parametrize(("uri", "complaint"), REFUSED.values(), ids=REFUSED)
def test_a_uri_is_refused_for(uri: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse(uri)


@pytest.mark.parametrize("uri", [uri for uri, source in NAMED.values() if isinstance(source, ClaimPath)])
def test_the_schema_lets_through_what_the_parser_reads(uri: str) -> None:
    assert re.match(_as_cel_reads(uris.PVC_PATTERN), uri)


@pytest.mark.parametrize("uri", ["pvc://Models/a", "pvc://models/a b", "pvc://-a/b", "s3://a/b", "models"])
def test_the_schema_refuses_what_no_claim_can_be_called(uri: str) -> None:
    assert not re.match(_as_cel_reads(uris.PVC_PATTERN), uri)


def _as_cel_reads(literal: str) -> str:
    """The pattern stands in a CEL string literal, where a backslash is written twice."""
    return literal.replace("\\\\", "\\")
