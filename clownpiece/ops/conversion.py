"""Copies of a tensor: as it is, in another dtype, in order in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .record import op
from .samples import S

__all__ = ["clone", "contiguous", "to_dtype"]


def _clone(x: np.ndarray, memory_format: Any = None) -> np.ndarray:
    return np.array(x, order="K")


def _contiguous(x: np.ndarray) -> np.ndarray:
    return x.copy(order="C")


def _to_dtype(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return x.astype(dtype)


clone = op(
    "clone",
    _clone,
    grad={"x": lambda g: g},
    latex=r"x",
    doc="A copy in memory of its own, through which gradients flow back.",
    samples=[S((3, 4)), S(())],
)
contiguous = op(
    "contiguous",
    _contiguous,
    grad={"x": lambda g: g},
    latex=r"x",
    doc="A copy whose elements lie in order in memory.",
    samples=[S((3, 4))],
    expose="",
)
to_dtype = op(
    "to_dtype",
    _to_dtype,
    grad={"x": lambda g: g},
    latex=r"x",
    doc="The values in another element type.",
    samples=[S((3, 4), dtype=np.dtype(np.float64)), S((3, 4), dtype=np.dtype(np.int64))],
    expose="",
)
