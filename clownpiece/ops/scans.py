"""Running results along a dimension: sums, products, extremes, differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import as_dtype
from .arguments import Dtype
from .arrangement import flip
from .composition import composition, named_result
from .dims import axis_of
from .indexing import getitem
from .joining import cat, stack, unbind
from .places import add_along
from .record import op
from .samples import S
from .selection import nothing

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "diff"]


def _scan_dtype(x: Any, dtype: Dtype) -> Any:
    if dtype is not None:
        return as_dtype(dtype).numpy
    return x.dtype if x.dtype.kind == "f" else np.int64


def _cumsum(x: Any, dim: int, dtype: Dtype = None) -> Any:
    if not x.ndim:
        return x.astype(_scan_dtype(x, dtype))
    return np.add.accumulate(x, axis_of(dim, x.ndim), _scan_dtype(x, dtype))


cumsum = op(
    "cumsum",
    _cumsum,
    grad={"x": lambda g, dim: flip(cumsum(flip(g, (dim,)), dim), (dim,)) if g.ndim else g},
    latex=r"\sum_{j \le i} x_j",
    doc="The sum of all elements up to each place along `dim`.",
    flops=lambda x_shape: math.prod(x_shape),
    samples=[S((3, 4), dim=0), S((2, 3, 4), dim=-1)],
    inplace=True,
)


def _cumprod(x: Any, dim: int, dtype: Dtype = None) -> Any:
    if not x.ndim:
        return x.astype(_scan_dtype(x, dtype))
    return np.multiply.accumulate(x, axis_of(dim, x.ndim), _scan_dtype(x, dtype))


def _cumprod_slope(g: Any, x: Any, dim: int) -> Any:
    """Place i of `x` is in all products from i on: before_i · Σ_{j≥i} g_j · Π_{i<k≤j} x_k.

    The sums obey later_i = g_i + x_{i+1} · later_{i+1}, which needs no division, so zeros are
    numbers like any other.
    """
    if not g.ndim:
        return g
    slices, factors = unbind(g, dim), unbind(x, dim)
    if not slices:
        return g
    later = [slices[-1]]
    for at in reversed(range(len(slices) - 1)):
        later.append(slices[at] + factors[at + 1] * later[-1])
    axis = dim % g.ndim
    before = cumprod(getitem(x, (slice(None),) * axis + (slice(None, -1),)), dim)
    first = getitem(x, (slice(None),) * axis + (slice(0, 1),))
    return stack(later[::-1], dim) * cat([nothing(first) + 1, before], dim)


cumprod = op(
    "cumprod",
    _cumprod,
    grad={"x": _cumprod_slope},
    latex=r"\prod_{j \le i} x_j",
    doc="The product of all elements up to each place along `dim`.",
    flops=lambda x_shape: math.prod(x_shape),
    samples=[S((3, 4), dim=0), S((2, 3, 4), dim=-1)],
    inplace=True,
)


CumMax = named_result("cummax", "values", "indices")
CumMin = named_result("cummin", "values", "indices")


def _running(x: Any, dim: int, ufunc: np.ufunc) -> tuple[Any, Any]:
    if not x.ndim:
        return x.copy(), np.zeros((), np.int64)
    axis = axis_of(dim, x.ndim)
    values = ufunc.accumulate(x, axis)
    shape = [1] * x.ndim
    shape[axis] = -1
    places = np.arange(x.shape[axis]).reshape(shape)
    # The last place that holds the running extreme; a NaN holds it for good.
    reached = (x == values) | (x != x)
    return values, np.maximum.accumulate(np.where(reached, places, 0), axis)


def _cummax(x: Any, dim: int) -> Any:
    return CumMax(*_running(x, dim, np.maximum))


def _cummin(x: Any, dim: int) -> Any:
    return CumMin(*_running(x, dim, np.minimum))


cummax = op(
    "cummax",
    _cummax,
    grad={"x": lambda g, y1, x_shape, dim: add_along(g[0], y1, x_shape, dim)},
    outputs=2,
    latex=r"\max_{j \le i} x_j",
    doc="The largest element up to each place along `dim`, and its index: (values, indices).",
    samples=[S((3, 4), dim=0), S((2, 5), dim=-1)],
)

cummin = op(
    "cummin",
    _cummin,
    grad={"x": lambda g, y1, x_shape, dim: add_along(g[0], y1, x_shape, dim)},
    outputs=2,
    latex=r"\min_{j \le i} x_j",
    doc="The smallest element up to each place along `dim`, and its index: (values, indices).",
    samples=[S((3, 4), dim=0), S((2, 5), dim=-1)],
)


def _diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    ends = [each for each in (prepend, x, append) if each is not None]
    x = cat(ends, dim) if len(ends) > 1 else x
    if not x.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"diff: the order n must be 0 or more; got {n}")
    before = (slice(None),) * axis_of(dim, x.ndim)
    is_bool = getattr(x, "array", x).dtype.kind == "b"
    for _ in range(n):
        right, left = getitem(x, (*before, slice(1, None))), getitem(x, (*before, slice(None, -1)))
        x = right != left if is_bool else right - left
    return x


diff = composition(
    "diff",
    _diff,
    latex=r"x_{i+1} - x_i",
    doc="The differences of neighbours along `dim`, taken `n` times.",
    samples=[S((3, 4)), S((4, 3), n=2, dim=0)],
)
