"""Sizes of vectors and matrices, and distances between rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import as_dtype
from .arguments import Dims, Dtype
from .arithmetic import abs, sign
from .composition import composition
from .dims import axes_of, axis_of, fold
from .exponential import pow
from .record import op
from .reductions import spread, sum
from .samples import S
from .selection import keep, nothing, where
from .shape import unsqueeze

__all__ = ["cdist", "dist", "norm", "vector_norm"]


def _vector_norm(
    x: Any, ord: float = 2, dim: Dims = None, keepdim: bool = False, dtype: Dtype = None
) -> Any:
    if dtype is not None:
        x = x.astype(as_dtype(dtype).numpy)
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point tensor as input. Got {x.dtype}; "
            "convert it first, for example with .float()"
        )
    if ord == 2:
        return np.sqrt(fold(np.add, x * x, dim, keepdim))
    if ord == 0:
        return fold(np.add, x != 0, dim, keepdim, x.dtype)
    size = np.absolute(x)
    if math.isinf(ord):
        axes = axes_of(dim, x.ndim)
        if 0 in [x.shape[axis] for axis in (range(x.ndim) if axes is None else axes)]:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {ord} norm of nothing; got shape "
                f"{tuple(x.shape)} and dim {dim}"
            )
        return fold(np.maximum if ord > 0 else np.minimum, size, dim, keepdim)
    if ord == 1:
        return fold(np.add, size, dim, keepdim)
    return np.power(fold(np.add, np.power(size, ord), dim, keepdim), 1 / ord)


def _vector_norm_slope(g: Any, x: Any, y: Any, ord: float, dim: Dims, keepdim: bool) -> Any:
    """The slope; 0 for a vector of zeros, where there is none."""
    g, y = spread(g, x.shape, dim, keepdim), spread(y, x.shape, dim, keepdim)
    if ord == 0:
        return nothing(x)
    if ord == 1:
        return g * sign(x)
    if math.isinf(ord):
        hits = keep(sign(x), abs(x) == y)
        return g * hits / where(y == 0, 1.0, sum(abs(hits), dim, True))
    per_size = keep(g / where(y == 0, 1.0, y), y != 0)
    if ord == 2:
        return per_size * x
    share = abs(where(x == 0, 1.0, x)) / where(y == 0, 1.0, y)
    return g * keep(sign(x) * pow(share, ord - 1), x != 0)


vector_norm = op(
    "linalg.vector_norm",
    _vector_norm,
    grad={"x": _vector_norm_slope},
    latex=r"\left( \sum_i |x_i|^{ord} \right)^{1/ord}",
    doc="""The size of the elements as one vector, or of the vectors along `dim`.

    `ord` 2 is Euclid's length, 1 the sum of sizes, inf the largest and -inf the smallest size, 0
    the number of elements that are not 0.
    """,
    flops=lambda x_shape: 2 * math.prod(x_shape),
    samples=[
        S((3, 4)),
        S((3, 4), dim=1),
        S((2, 3, 4), dim=(0, 2), keepdim=True),
        *[S((3, 4), ord=ord, dim=1) for ord in (0, 1, 3, 0.5, math.inf, -math.inf)],
    ],
    expose="linalg",
)


def _norm(
    x: Any, p: Any = "fro", dim: Dims = None, keepdim: bool = False, dtype: Dtype = None
) -> Any:
    if p not in ("fro", None) and not isinstance(p, (int, float)):
        raise RuntimeError(f"norm: p is a number or 'fro'; got {p!r}; see linalg.matrix_norm")
    return vector_norm(x, 2 if p in ("fro", None) else p, dim, keepdim, dtype)


norm = composition(
    "norm",
    _norm,
    latex=r"\left( \sum_i |x_i|^{p} \right)^{1/p}",
    doc="""The p-norm of all elements, or of the vectors along `dim`; Euclid's length unless told.

    >>> import clownpiece as cp
    >>> cp.tensor([3.0, 4.0]).norm()
    tensor(5.)
    """,
    samples=[S((3, 4)), S((3, 4), p=1), S((3, 4), dim=1, keepdim=True), S((3, 4), p=3, dim=0)],
)

dist = composition(
    "dist",
    lambda x, other, p=2: vector_norm(x - other, p),
    inputs="x other",
    latex=r"\|x - other\|_p",
    doc="The p-norm of the difference.",
    samples=[S((3, 4), (3, 4)), S((3, 4), (4,), p=1)],
)


_WAYS = (
    "use_mm_for_euclid_dist_if_necessary",
    "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
)


def _cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: Any = None) -> Any:
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            "cdist needs two matrices with rows of one length; got shapes "
            f"{tuple(x1.shape)} and {tuple(x2.shape)}"
        )
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values; got {p}")
    if compute_mode is not None and compute_mode not in _WAYS:
        raise ValueError(f"{compute_mode!r} is not a valid value for compute_mode: {_WAYS}")
    return vector_norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1)


cdist = composition(
    "cdist",
    _cdist,
    inputs="x1 x2",
    alike="x1 x2",
    latex=r"\|x1_i - x2_j\|_p",
    doc="The p-norm distance of each row of `x1` from each row of `x2`.",
    samples=[S((3, 4), (5, 4)), S((2, 3, 4), (2, 5, 4), p=1.0)],
    expose="function",
)


def _renorm(x: Any, p: float, dim: int, maxnorm: float) -> Any:
    if x.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {x.ndim} dimensions")
    if p <= 0 or maxnorm < 0:
        raise RuntimeError(
            f"renorm: p must be positive and maxnorm 0 or more; got p {p} and maxnorm {maxnorm}"
        )
    axis = axis_of(dim, x.ndim)
    others = tuple([each for each in range(x.ndim) if each != axis])
    sizes = vector_norm(x, p, others, True)
    return x * where(sizes > maxnorm, maxnorm / (sizes + 1e-7), 1.0)


renorm = composition(
    "renorm",
    _renorm,
    latex=r"x \cdot \min(1, maxnorm / \|x\|_p)",
    doc="Slices along `dim` scaled down where their p-norm exceeds `maxnorm`.",
    samples=[S((3, 4), p=2, dim=0, maxnorm=1.0)],
    inplace=True,
)
