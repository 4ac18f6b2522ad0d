"""Type promotion, as PyTorch has it: in one function, for every op.

Categories are bool < integer < floating. The highest category wins; within it, tensors with
dimensions beat 0-d tensors, which beat Python numbers; among equals NumPy's rule decides.

>>> import numpy as np
>>> promoted_dtype([np.ones(2, np.int64), np.ones(2, np.float32)])
dtype('float32')
>>> promoted_dtype([np.ones(2, np.float32), np.array(1.0, np.float64)])
dtype('float32')
>>> promoted_dtype([np.ones(2, np.int64), 0.5])
dtype('float32')
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..dtypes import get_default_dtype

__all__ = ["promoted_dtype"]

_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}
_INT64 = np.dtype(np.int64)
_BOOL = np.dtype(np.bool_)


def promoted_dtype(values: Iterable[Any]) -> np.dtype:
    """The dtype in which an op computes on these arrays and Python numbers."""
    ranks: list[np.dtype | None] = [None, None, None]
    for value in values:
        if isinstance(value, np.ndarray):
            rank, dtype = (0 if value.ndim else 1), value.dtype
        elif value is None:
            continue
        else:
            rank, dtype = 2, _number_dtype(value)
        known = ranks[rank]
        ranks[rank] = dtype if known is None else _join(known, dtype)
    result: np.dtype | None = None
    for dtype_of_rank in ranks:
        if dtype_of_rank is None:
            continue
        if result is None or _CATEGORY[dtype_of_rank.kind] > _CATEGORY[result.kind]:
            result = dtype_of_rank
    return get_default_dtype().numpy if result is None else result


def _join(a: np.dtype, b: np.dtype) -> np.dtype:
    if a == b:
        return a
    if _CATEGORY[a.kind] == _CATEGORY[b.kind]:
        return np.promote_types(a, b)
    return a if _CATEGORY[a.kind] > _CATEGORY[b.kind] else b


def _number_dtype(value: Any) -> np.dtype:
    if isinstance(value, (bool, np.bool_)):
        return _BOOL
    if isinstance(value, (int, np.integer)):
        return _INT64
    if isinstance(value, (float, np.floating)):
        return get_default_dtype().numpy
    raise TypeError(
        f"an operation takes tensors and real numbers; got {value!r} of type "
        f"{type(value).__name__}"
    )
