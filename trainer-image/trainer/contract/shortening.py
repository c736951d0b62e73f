"""Texts in no more characters than there is room for."""

from __future__ import annotations


def shorten(text: str, longest: int) -> str:
    """`text` in at most `longest` characters, and without lone surrogates, which UTF-8 cannot hold."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"
