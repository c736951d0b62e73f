"""Kubernetes quantities as numbers, where planning looks for them."""

from __future__ import annotations

from finetune_operator.api.quantity import MULTIPLES, byte_count, cores, number

__all__ = ["MULTIPLES", "byte_count", "cores", "number"]
