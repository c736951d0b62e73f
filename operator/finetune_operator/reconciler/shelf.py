"""Many objects in little memory: the latest at hand, the others packed.

As Python dictionaries ten thousand jobs with their children take half a gigabyte. Nearly all of them rest, and they are
alike: packed with the first of them as the pattern, each takes a few hundred bytes, and opening one takes 50 µs.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import Final, cast

from pydantic_core import from_json, to_json
from typing_extensions import override

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import Key

AT_HAND: Final = 300
QUICK: Final = 1
"""The level of zlib: with a pattern, others gain little."""


class Shelf(MutableMapping[Key, Json]):
    """Objects of one kind by key. What is taken out is the reader's own to read and nobody's to change."""

    def __init__(self, at_hand: int = AT_HAND) -> None:
        self._most = at_hand
        self._at_hand: OrderedDict[Key, Json] = OrderedDict()
        self._packed: dict[Key, bytes] = {}
        """What was only read stays packed too, and need not be packed again."""
        self._pattern = b""

    @override
    def __getitem__(self, key: Key) -> Json:
        """The object, at hand from now on."""
        if key in self._at_hand:
            self._at_hand.move_to_end(key)
            return self._at_hand[key]
        body = self._open(self._packed[key])
        self._lay(key, body)
        return body

    @override
    def __setitem__(self, key: Key, body: Json) -> None:
        self._packed.pop(key, None)
        self._lay(key, body)

    @override
    def __delitem__(self, key: Key) -> None:
        if key not in self:
            raise KeyError(key)
        self._at_hand.pop(key, None)
        self._packed.pop(key, None)

    @override
    def __contains__(self, key: object) -> bool:
        return key in self._at_hand or key in self._packed

    @override
    def __iter__(self) -> Iterator[Key]:
        """The keys as they are now; they may change meanwhile."""
        return iter([*self._packed, *(key for key in self._at_hand if key not in self._packed)])

    @override
    def __len__(self) -> int:
        return len(self._packed) + sum(key not in self._packed for key in self._at_hand)

    def bodies(self) -> Iterator[Json]:
        """All objects, each opened for this once: what is at hand stays so."""
        for key in self:
            body = self._at_hand.get(key)
            yield self._open(self._packed[key]) if body is None else body

    def _lay(self, key: Key, body: Json) -> None:
        """Put it at hand, and the one that was touched longest ago away."""
        self._at_hand[key] = body
        self._at_hand.move_to_end(key)
        if len(self._at_hand) > self._most:
            oldest, put_away = self._at_hand.popitem(last=False)
            if oldest not in self._packed:
                self._packed[oldest] = self._pack(put_away)

    def _pack(self, body: Json) -> bytes:
        plain = to_json(body)
        self._pattern = self._pattern or plain
        packer = zlib.compressobj(QUICK, zdict=self._pattern)
        return packer.compress(plain) + packer.flush()

    def _open(self, packed: bytes) -> Json:
        return cast("Json", from_json(zlib.decompressobj(zdict=self._pattern).decompress(packed)))
