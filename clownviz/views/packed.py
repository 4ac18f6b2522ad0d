"""Data on its way to a page: gzip of JSON, which is a tenth of the JSON or less.

The tree of a large model says the same words ten thousand times over. Packed, all of it travels at
once, and the page can search it and open every row without asking anybody.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

__all__ = ["Packing", "packed"]


def packed(data: Any) -> bytes:
    """Data as the front's `packed.js` reads it; the same bytes on every run.

    Raises:
        ValueError: a number in it is not finite.
    """
    deflate = zlib.compressobj(6, wbits=31)
    return deflate.compress(_json(data)) + deflate.flush()


class Packing:
    """How long data becomes when it is packed, known while it grows."""

    def __init__(self) -> None:
        self._deflate, self._size = zlib.compressobj(1), 0

    def with_(self, data: Any) -> int:
        """The length of all data so far with this, as base64."""
        self._size += len(self._deflate.compress(_json(data)))
        self._size += len(self._deflate.flush(zlib.Z_SYNC_FLUSH))
        return self._size * 4 // 3


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
