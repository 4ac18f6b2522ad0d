"""Softmax and the logarithm of it, along one dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import as_dtype
from ..kernels import softmax as kernel
from .arguments import Dtype
from .composition import composition
from .dims import axis_of
from .exponential import exp
from .record import op
from .reductions import sum
from .samples import S

__all__ = ["log_softmax", "softmax", "softmin"]


def _floating(x: Any, dtype: Dtype, name: str) -> Any:
    if dtype is not None:
        x = x.astype(as_dtype(dtype).numpy, copy=False)
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"{name} is not implemented for {x.dtype}: give a floating tensor, or dtype= one"
        )
    return x


def _softmax(x: Any, dim: int, dtype: Dtype = None) -> Any:
    x = _floating(x, dtype, "softmax")
    axis = axis_of(dim, x.ndim)
    return kernel.softmax(x, axis) if x.ndim else np.ones_like(x)


softmax = op(
    "softmax",
    _softmax,
    grad={"x": lambda g, y, dim: y * (g - sum(g * y, dim, keepdim=True))},
    latex=r"\frac{e^{x_i}}{\sum_j e^{x_j}}",
    doc="""Positive numbers that add up to one along `dim`: exponentials, divided by their sum.

    A slice whose every entry is -inf becomes NaN.

    >>> import clownpiece as cp
    >>> cp.tensor([0.0, 0.0, -float("inf")]).softmax(0)
    tensor([0.5000, 0.5000, 0.0000])
    """,
    flops=lambda y_shape: 5 * math.prod(y_shape),
    samples=[S((3, 4), dim=1), S((2, 3, 4), dim=0), S((3,), dim=-1)],
)


def _log_softmax(x: Any, dim: int, dtype: Dtype = None) -> Any:
    x = _floating(x, dtype, "log_softmax")
    axis = axis_of(dim, x.ndim)
    return kernel.log_softmax(x, axis) if x.ndim else np.zeros_like(x)


log_softmax = op(
    "log_softmax",
    _log_softmax,
    grad={"x": lambda g, y, dim: g - exp(y) * sum(g, dim, keepdim=True)},
    latex=r"x_i - \ln \sum_j e^{x_j}",
    doc="The logarithm of the softmax, without leaving the logarithmic scale.",
    flops=lambda y_shape: 5 * math.prod(y_shape),
    samples=[S((3, 4), dim=1), S((2, 3, 4), dim=0), S((3,), dim=-1)],
)

softmin = composition(
    "softmin",
    lambda x, dim, dtype=None: softmax(-x, dim, dtype),
    latex=r"\frac{e^{-x_i}}{\sum_j e^{-x_j}}",
    doc="The softmax of `-x`: the smallest number gets the largest share.",
    flops=lambda y_shape: 6 * math.prod(y_shape),
    samples=[S((3, 4), dim=1)],
    torch="nn.functional.softmin",
    expose="functional",
)
