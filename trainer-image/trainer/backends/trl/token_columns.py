"""Rows in tokens, kept as compactly as a training needs them: 4 bytes a token and 4 a label."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pyarrow as pa
from datasets import Dataset
from trl.data_utils import pack_dataset

if TYPE_CHECKING:
    from trainer.backends.trl.encoding import EncodedRow


class TokenColumns:
    """The columns `input_ids` and `labels` of a dataset that is being put together."""

    def __init__(self) -> None:
        self._starts = array("q", [0])
        self._input_ids = array("i")
        self._labels = array("i")

    def append(self, row: EncodedRow) -> None:
        """Add a row."""
        self._input_ids.extend(row.input_ids)
        self._labels.extend(row.labels)
        self._starts.append(len(self._input_ids))

    def packed(self, longest: int) -> Dataset:
        """The rows so far, packed into sequences of at most `longest` tokens: packed_sequences says how many."""
        # One batch: packing batch by batch would leave a sequence half empty at the end of each.
        return pack_dataset(self.dataset(), longest, "bfd", {"batch_size": None})

    def dataset(self) -> Dataset:
        """The rows so far; shares their memory, so no more rows may be added."""
        starts = pa.Array.from_buffers(pa.int64(), len(self._starts), [None, pa.py_buffer(self._starts)])
        columns = {"input_ids": self._input_ids, "labels": self._labels}
        return Dataset(
            pa.table({name: pa.LargeListArray.from_arrays(starts, _int32(values)) for name, values in columns.items()})
        )


def _int32(values: array[int]) -> pa.Array:
    return pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(values)])
