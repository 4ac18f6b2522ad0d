"""From many numbers to few: sums, means, products, spreads, norms, truth of all or any."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import as_dtype
from .arguments import Dims, Dtype
from .composition import composition
from .dims import axes_of, fold, kept_shape
from .exponential import exp
from .joining import cat
from .record import op
from .samples import S, bools
from .selection import keep, nothing, where
from .shape import expand, movedim, reshape

__all__ = [
    "all",
    "any",
    "count_nonzero",
    "logsumexp",
    "mean",
    "nanmean",
    "nansum",
    "prod",
    "spread",
    "std",
    "std_mean",
    "sum",
    "var",
    "var_mean",
]


def spread(g: Any, x_shape: tuple[int, ...], dim: Dims, keepdim: bool = False) -> Any:
    """A reduced array with its dimensions back at size 1, ready to broadcast against `x`."""
    return g if keepdim or not x_shape else reshape(g, kept_shape(x_shape, dim))


def _count(x_shape: tuple[int, ...], dim: Dims) -> int:
    """How many elements go into one of the result."""
    axes = axes_of(dim, len(x_shape))
    return math.prod(x_shape if axes is None else [x_shape[axis] for axis in axes])


def _summed_dtype(x: Any, dtype: Dtype) -> Any:
    if dtype is not None:
        return as_dtype(dtype).numpy
    return None if x.dtype.kind == "f" else np.int64


def _float_dtype(name: str, x: Any, dtype: Dtype) -> Any:
    if dtype is not None:
        return as_dtype(dtype).numpy
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"{name}(): the input dtype must be a floating point dtype, but got {x.dtype}; "
            "convert it first, for example with .float()"
        )
    return None


def _adds(x_shape: tuple[int, ...]) -> int:
    return math.prod(x_shape)


_OVER_DIMS = [
    S((3, 4)),
    S((3, 4), dim=0),
    S((2, 3, 4), dim=(0, -1), keepdim=True),
    S((2, 3, 4), dim=1, keepdim=True),
    S(()),
]

# -- sums ------------------------------------------------------------------------------------


def _sum(x: Any, dim: Dims = None, keepdim: bool = False, dtype: Dtype = None) -> Any:
    return fold(np.add, x, dim, keepdim, _summed_dtype(x, dtype))


sum = op(
    "sum",
    _sum,
    grad={"x": lambda g, x_shape, dim, keepdim: expand(spread(g, x_shape, dim, keepdim), x_shape)},
    latex=r"\sum_i x_i",
    doc="""The sum over all elements, or over `dim` (one or several); whole numbers give int64.

    >>> import clownpiece as cp
    >>> cp.ones(2, 3).sum(dim=0)
    tensor([2., 2., 2.])
    """,
    flops=_adds,
    samples=_OVER_DIMS,
)


def _mean(x: Any, dim: Dims = None, keepdim: bool = False, dtype: Dtype = None) -> Any:
    total = fold(np.add, x, dim, keepdim, _float_dtype("mean", x, dtype))
    return total / (_count(x.shape, dim) or math.nan)


mean = op(
    "mean",
    _mean,
    grad={
        "x": lambda g, x_shape, dim, keepdim: expand(
            spread(g, x_shape, dim, keepdim) / (_count(x_shape, dim) or 1), x_shape
        )
    },
    latex=r"\frac{1}{n} \sum_i x_i",
    doc="The mean over all elements, or over `dim`; NaN of nothing.",
    flops=_adds,
    samples=_OVER_DIMS,
)

nansum = composition(
    "nansum",
    lambda x, dim=None, keepdim=False: sum(keep(x, x == x), dim, keepdim),
    latex=r"\sum_{i: x_i \ne \text{NaN}} x_i",
    doc="`sum` that leaves NaN out.",
    samples=[S((3, 4)), S((3, 4), dim=0, keepdim=True)],
)



def _nanmean(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    if x.dtype.is_floating_point if hasattr(x, "array") else x.dtype.kind == "f":
        return nansum(x, dim, keepdim) / sum(x == x, dim, keepdim)
    raise RuntimeError(f"nanmean(): expected a floating point dtype, but got {x.dtype}")


nanmean = composition(
    "nanmean",
    _nanmean,
    latex=r"\frac{1}{n} \sum_{i: x_i \ne \text{NaN}} x_i",
    doc="`mean` that leaves NaN out.",
    samples=[S((3, 4)), S((3, 4), dim=0, keepdim=True)],
)

# -- spread ----------------------------------------------------------------------------------


def _freedom(x_shape: tuple[int, ...], dim: Dims, unbiased: Any, correction: Any) -> float:
    """What the squared differences are divided by: n minus the correction, NaN if below 0."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 0 if unbiased is False else 1
    return max(_count(x_shape, dim) - correction, 0.0)


def _dim(dim: Dims) -> Any:
    """`x.var(False)` is about the correction, not about a dimension."""
    return None if isinstance(dim, bool) else dim


def _var(
    x: Any,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    correction: float | None = None,
) -> Any:
    _float_dtype("var", x, None)
    freedom = _freedom(x.shape, dim, unbiased, correction)
    dim = _dim(dim)
    centred = x - fold(np.add, x, dim, True) / (_count(x.shape, dim) or 1)
    centred *= centred
    return fold(np.add, centred, dim, keepdim) / freedom


def _var_slope(
    g: Any, x: Any, dim: Dims, unbiased: Any, keepdim: bool, correction: Any
) -> Any:
    freedom = _freedom(x.shape, dim, unbiased, correction)
    dim = _dim(dim)
    scale = 2 / (freedom or math.nan)
    return spread(g, x.shape, dim, keepdim) * scale * (x - mean(x, dim, True))


_SPREADS = [
    S((3, 4)),
    S((3, 4), dim=0),
    S((2, 3, 4), dim=(0, -1), keepdim=True),
    S((3, 4), dim=1, correction=0),
    S((3, 4), dim=1, unbiased=False),
]

var = op(
    "var",
    _var,
    grad={"x": _var_slope},
    latex=r"\frac{1}{n - c} \sum_i (x_i - \bar x)^2",
    doc="""The variance over all elements, or over `dim`.

    `correction` (1, Bessel's, unless `unbiased=False`) is taken off the count.
    """,
    flops=lambda x_shape: 4 * math.prod(x_shape),
    samples=_SPREADS,
)


def _std(
    x: Any,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    correction: float | None = None,
) -> Any:
    _float_dtype("std", x, None)
    return np.sqrt(_var(x, dim, unbiased, keepdim, correction))


def _std_slope(
    g: Any, x: Any, y: Any, dim: Dims, unbiased: Any, keepdim: bool, correction: Any
) -> Any:
    # Where nothing spreads the root has no slope; PyTorch's is 0 there, and so is ours.
    per_variance = keep(g / (2 * where(y == 0, 1.0, y)), y != 0)
    return _var_slope(per_variance, x, dim, unbiased, keepdim, correction)


std = op(
    "std",
    _std,
    grad={"x": _std_slope},
    latex=r"\sqrt{\frac{1}{n - c} \sum_i (x_i - \bar x)^2}",
    doc="The standard deviation: the root of `var`, with the same arguments.",
    flops=lambda x_shape: 4 * math.prod(x_shape),
    samples=_SPREADS,
)

var_mean = composition(
    "var_mean",
    lambda x, dim=None, unbiased=None, keepdim=False, correction=None: (
        var(x, dim, unbiased, keepdim, correction),
        mean(x, _dim(dim), keepdim),
    ),
    outputs=2,
    latex=r"(\sigma^2, \bar x)",
    doc="Variance and mean.",
    samples=[S((3, 4)), S((3, 4), dim=0, keepdim=True)],
    expose="function",
)

std_mean = composition(
    "std_mean",
    lambda x, dim=None, unbiased=None, keepdim=False, correction=None: (
        std(x, dim, unbiased, keepdim, correction),
        mean(x, _dim(dim), keepdim),
    ),
    outputs=2,
    latex=r"(\sigma, \bar x)",
    doc="Standard deviation and mean.",
    samples=[S((3, 4)), S((3, 4), dim=0, keepdim=True)],
    expose="function",
)

# -- products --------------------------------------------------------------------------------


def _prod(x: Any, dim: int | None = None, keepdim: bool = False, dtype: Dtype = None) -> Any:
    return fold(np.multiply, x, dim, keepdim, _summed_dtype(x, dtype))


def _others(x: Any) -> Any:
    """Along the first dimension, the product of all elements but one, without dividing."""
    count = x.shape[0]
    one = nothing(x[:1]) + 1
    before, after = cat([one, x[:-1]]), cat([x[1:], one])
    step = 1
    while step < count:
        # After k rounds each place holds the product of 2^k neighbours.
        before = cat([before[:step], before[step:] * before[:-step]])
        after = cat([after[:-step] * after[step:], after[-step:]])
        step *= 2
    return before * after


def _prod_slope(g: Any, x: Any, y: Any, dim: Dims, keepdim: bool) -> Any:
    if dim is None:
        return reshape(g * _others(reshape(x, (-1,))), x.shape) if x.ndim else g
    if not x.ndim:
        return g
    others = movedim(_others(movedim(x, dim, 0)), 0, dim)
    return spread(g, x.shape, dim, keepdim) * others


prod = op(
    "prod",
    _prod,
    grad={"x": _prod_slope},
    latex=r"\prod_i x_i",
    doc="The product over all elements, or over one `dim`; zeros have their gradient too.",
    flops=_adds,
    samples=[S((3, 4)), S((3, 4), dim=0), S((3, 5), dim=1, keepdim=True), S(())],
)

# -- exponentials ----------------------------------------------------------------------------


def _logsumexp(x: Any, dim: Dims, keepdim: bool = False) -> Any:
    axes = axes_of(dim, x.ndim)
    highest = np.max(x, axes, keepdims=True, initial=-np.inf)
    highest = np.where(np.isfinite(highest), highest, 0).astype(x.dtype)
    total = fold(np.add, np.exp(x - highest), dim, True)
    result = np.log(total) + highest
    return result if keepdim else np.squeeze(result, axes)


logsumexp = op(
    "logsumexp",
    _logsumexp,
    promote="float",
    grad={
        "x": lambda g, x, y, dim, keepdim: (
            spread(g, x.shape, dim, keepdim) * exp(x - spread(y, x.shape, dim, keepdim))
        )
    },
    latex=r"\ln \sum_i e^{x_i}",
    doc="The logarithm of the sum of the exponentials over `dim`, without overflow on the way.",
    flops=lambda x_shape: 4 * math.prod(x_shape),
    samples=[S((3, 4), dim=1), S((2, 3, 4), dim=(0, 2), keepdim=True)],
)


# -- truth -----------------------------------------------------------------------------------


def _all(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    return fold(np.logical_and, x, dim, keepdim)


def _any(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    return fold(np.logical_or, x, dim, keepdim)


_TRUTHS = [S(bools((3, 4))), S(bools((3, 4)), dim=0), S(bools((3, 4)), dim=1, keepdim=True)]

all = op(
    "all",
    _all,
    latex=r"\forall i: x_i",
    doc="Whether all elements are true (not 0), in the whole or over `dim`.",
    samples=_TRUTHS,
)

any = op(
    "any",
    _any,
    latex=r"\exists i: x_i",
    doc="Whether any element is true (not 0), in the whole or over `dim`.",
    samples=_TRUTHS,
)


def _count_nonzero(x: Any, dim: Dims = None) -> Any:
    return np.count_nonzero(x, axes_of(dim, x.ndim))


count_nonzero = op(
    "count_nonzero",
    _count_nonzero,
    latex=r"|\{i: x_i \ne 0\}|",
    doc="How many elements are not 0, in the whole or over `dim`.",
    samples=[S((3, 4)), S(bools((3, 4)), dim=0)],
)
