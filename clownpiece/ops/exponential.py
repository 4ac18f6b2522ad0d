"""Exponentials, logarithms, powers and roots."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import Any

import numpy as np
from scipy import special

from .composition import composition
from .conversion import to_dtype
from .elementwise import elementwise
from .samples import S, floats
from .selection import keep, nothing, where

__all__ = [
    "exp",
    "exp2",
    "expm1",
    "float_power",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "pow",
    "reciprocal",
    "rsqrt",
    "sqrt",
    "square",
    "xlogy",
]

LN2 = 0.6931471805599453
LN10 = 2.302585092994046

exp = elementwise(
    "exp",
    np.exp,
    promote="float",
    grad={"x": lambda g, y: g * y},
    latex=r"e^{x}",
    doc="e to the power of `x`.",
    samples=[S((3, 4)), S(())],
)

exp2 = elementwise(
    "exp2",
    np.exp2,
    promote="float",
    grad={"x": lambda g, y: g * y * LN2},
    latex=r"2^{x}",
    doc="2 to the power of `x`.",
    samples=[S((3, 4))],
)

expm1 = elementwise(
    "expm1",
    np.expm1,
    promote="float",
    grad={"x": lambda g, y: g * (y + 1)},
    latex=r"e^{x} - 1",
    doc="`exp(x) - 1`, accurate also where `x` is tiny.",
    samples=[S((3, 4))],
)

log = elementwise(
    "log",
    np.log,
    promote="float",
    grad={"x": lambda g, x: g / x},
    latex=r"\ln x",
    doc="The natural logarithm; -inf at 0, NaN below.",
    domain=(0, np.inf),
    samples=[S((3, 4)), S(())],
)

log2 = elementwise(
    "log2",
    np.log2,
    promote="float",
    grad={"x": lambda g, x: g / (x * LN2)},
    latex=r"\log_2 x",
    doc="The logarithm to base 2.",
    domain=(0, np.inf),
    samples=[S((3, 4))],
)

log10 = elementwise(
    "log10",
    np.log10,
    promote="float",
    grad={"x": lambda g, x: g / (x * LN10)},
    latex=r"\log_{10} x",
    doc="The logarithm to base 10.",
    domain=(0, np.inf),
    samples=[S((3, 4))],
)

log1p = elementwise(
    "log1p",
    np.log1p,
    promote="float",
    grad={"x": lambda g, x: g / (x + 1)},
    latex=r"\ln(1 + x)",
    doc="`log(1 + x)`, accurate also where `x` is tiny.",
    domain=(-1, np.inf),
    samples=[S((3, 4))],
)

logaddexp = elementwise(
    "logaddexp",
    np.logaddexp,
    inputs="x other",
    promote="float",
    grad={
        "x": lambda g, x, other: g / (1 + exp(other - x)),
        "other": lambda g, x, other: g / (1 + exp(x - other)),
    },
    latex=r"\ln(e^{x} + e^{other})",
    doc="The logarithm of the sum of the exponentials, without overflow on the way.",
    samples=[S((3, 4), (4,))],
    inplace=False,
)

logaddexp2 = elementwise(
    "logaddexp2",
    np.logaddexp2,
    inputs="x other",
    promote="float",
    grad={
        "x": lambda g, x, other: g / (1 + exp2(other - x)),
        "other": lambda g, x, other: g / (1 + exp2(x - other)),
    },
    latex=r"\log_2(2^{x} + 2^{other})",
    doc="`logaddexp` to base 2.",
    samples=[S((3, 4), (4,))],
    inplace=False,
)


def _log_of(x: Any) -> Any:
    """The logarithm of a tensor, or of a number as a Python float, which changes no dtype."""
    return float(log.forward(x)) if isinstance(x, Number) else log(x)


def _xlogy(x: Any, other: Any) -> Any:
    return special.xlogy(x, other, dtype=np.result_type(x, other))


xlogy = elementwise(
    "xlogy",
    _xlogy,
    inputs="x other",
    promote="float",
    grad={
        "x": lambda g, x, other: keep(g * _log_of(other), (x != 0) | (other > 0)),
        "other": lambda g, x, other: g * x / other,
    },
    latex=r"x \ln other",
    doc="`x * log(other)`, and 0 wherever `x` is 0.",
    domain=(0, np.inf),
    samples=[S((3, 4), (4,)), S((3, 4), 2.0), S(2.0, (3, 4))],
)

# -- powers and roots ------------------------------------------------------------------------


def _square(x: Any) -> Any:
    return x * x if x.dtype.kind != "b" else x.astype(np.int64)


square = elementwise(
    "square",
    _square,
    grad={"x": lambda g, x: g * (2 * x)},
    latex=r"x^2",
    doc="`x` times itself.",
    samples=[S((3, 4)), S(())],
)

sqrt = elementwise(
    "sqrt",
    np.sqrt,
    promote="float",
    grad={"x": lambda g, y: g / (2 * y)},
    latex=r"\sqrt{x}",
    doc="The square root; NaN below 0.",
    domain=(0, np.inf),
    samples=[S((3, 4)), S(())],
)

rsqrt = elementwise(
    "rsqrt",
    lambda x: 1 / np.sqrt(x),
    promote="float",
    grad={"x": lambda g, y: g * (-0.5 * y * y * y)},
    latex=r"\frac{1}{\sqrt{x}}",
    doc="One over the square root.",
    domain=(0, np.inf),
    samples=[S((3, 4))],
)

reciprocal = elementwise(
    "reciprocal",
    lambda x: 1 / x,
    promote="float",
    grad={"x": lambda g, y: -g * y * y},
    latex=r"\frac{1}{x}",
    doc="One over `x`.",
    domain=(0, np.inf),
    samples=[S((3, 4))],
)

# NumPy hands a number as exponent to the C library's pow, 30 to 340 times a multiplication.
_MULTIPLIED: dict[Any, Callable[[Any], Any]] = {
    0: np.ones_like,
    1: np.positive,
    2: _square,
    3: lambda x: x * x * x,
    4: lambda x: _square(x * x),
}
_FLOAT_ONLY: dict[Any, Callable[[Any], Any]] = {
    0.5: np.sqrt,
    -0.5: lambda x: 1 / np.sqrt(x),
    -1: lambda x: 1 / x,
    -2: lambda x: 1 / (x * x),
}


def _pow(x: Any, exponent: Any) -> Any:
    if isinstance(exponent, Number) and isinstance(x, np.ndarray):
        shortcut = _MULTIPLIED.get(exponent) if x.dtype.kind != "b" else None
        if shortcut is None and x.dtype.kind == "f":
            shortcut = _FLOAT_ONLY.get(exponent)
        if shortcut is not None:
            return shortcut(x)
    if np.result_type(x, exponent).kind != "f" and np.any(np.less(exponent, 0)):
        raise RuntimeError(
            "Integers to negative integer powers are not allowed; convert the base first, "
            "for example with .float()"
        )
    return np.power(x, exponent)


def _pow_by_base(g: Any, x: Any, exponent: Any) -> Any:
    if not hasattr(exponent, "ndim") or isinstance(exponent, Number):
        return nothing(g) if exponent == 0 else g * (exponent * pow(x, exponent - 1))
    slope = g * exponent * pow(x, where(exponent == 0, exponent, exponent - 1))
    return keep(slope, exponent != 0)


def _pow_by_exponent(g: Any, x: Any, exponent: Any, y: Any) -> Any:
    if isinstance(x, Number):
        return g * y * _log_of(x) if x != 0 else nothing(g)
    # 0 to a positive power stays 0 whatever the power.
    return keep(g * y * log(where(x == 0, 1.0, x)), (x != 0) | (exponent < 0))


pow = elementwise(
    "pow",
    _pow,
    inputs="x exponent",
    grad={"x": _pow_by_base, "exponent": _pow_by_exponent},
    latex=r"x^{exponent}",
    doc="""`x` to the power of `exponent`, each a tensor or a number.

    >>> import clownpiece as cp
    >>> cp.tensor([1.0, 2.0, 3.0]) ** 2
    tensor([1., 4., 9.])
    """,
    domain=(0, np.inf),
    samples=[
        *[S((3, 4), number) for number in (0, 1, 2, 3, 4, 0.5, -0.5, -1, -2, 5, 2.5)],
        S((3, 4), floats((4,), -2, 2)),
        S(2.0, floats((3, 4), -2, 2)),
        S((), ()),
    ],
)

float_power = composition(
    "float_power",
    lambda x, exponent: pow(_double(x), _double(exponent)),
    inputs="x exponent",
    latex=r"x^{exponent}",
    doc="`pow` computed in float64 whatever comes in.",
    domain=(0, np.inf),
    samples=[S((3, 4), 2.5), S((3, 4), (4,))],
    inplace=True,
)


def _double(x: Any) -> Any:
    return to_dtype(x, np.dtype(np.float64)) if hasattr(x, "dtype") else float(x)
