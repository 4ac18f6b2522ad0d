"""Walking through an array in pieces that stay in the processor's cache.

A chain of NumPy calls over a large array reads and writes main memory once a call. Cut into pieces
of about a megabyte, the same chain reads memory once: the temporaries never leave the cache.
"""

from __future__ import annotations

from collections.abc import Iterator

BLOCK_BYTES = 1 << 20


def row_blocks(rows: int, row_bytes: int, budget: int = BLOCK_BYTES) -> Iterator[slice]:
    """Consecutive slices that cover `range(rows)`, each of about `budget` bytes.

    >>> list(row_blocks(5, 100, budget=250))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, budget // max(1, row_bytes))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
