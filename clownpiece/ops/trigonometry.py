"""Angles: circular and hyperbolic functions and their inverses."""

from __future__ import annotations

from math import inf, pi
from typing import Any

import numpy as np

from .elementwise import elementwise
from .exponential import sqrt
from .samples import S, floats
from .selection import keep, where

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "rad2deg",
    "sin",
    "sinc",
    "sinh",
    "tan",
    "tanh",
]

sin = elementwise(
    "sin",
    np.sin,
    promote="float",
    grad={"x": lambda g, x: g * cos(x)},
    latex=r"\sin x",
    doc="The sine of an angle in radians.",
    samples=[S((3, 4)), S(())],
)

cos = elementwise(
    "cos",
    np.cos,
    promote="float",
    grad={"x": lambda g, x: -g * sin(x)},
    latex=r"\cos x",
    doc="The cosine of an angle in radians.",
    samples=[S((3, 4)), S(())],
)

tan = elementwise(
    "tan",
    np.tan,
    promote="float",
    grad={"x": lambda g, y: g * (1 + y * y)},
    latex=r"\tan x",
    doc="The tangent of an angle in radians.",
    domain=(-1.4, 1.4),
    samples=[S((3, 4))],
)

asin = elementwise(
    "asin",
    np.arcsin,
    promote="float",
    grad={"x": lambda g, x: g / sqrt(1 - x * x)},
    latex=r"\arcsin x",
    doc="The angle in [-π/2, π/2] whose sine is `x`.",
    domain=(-1, 1),
    samples=[S((3, 4))],
    aliases=("arcsin",),
)

acos = elementwise(
    "acos",
    np.arccos,
    promote="float",
    grad={"x": lambda g, x: -g / sqrt(1 - x * x)},
    latex=r"\arccos x",
    doc="The angle in [0, π] whose cosine is `x`.",
    domain=(-1, 1),
    samples=[S((3, 4))],
    aliases=("arccos",),
)

atan = elementwise(
    "atan",
    np.arctan,
    promote="float",
    grad={"x": lambda g, x: g / (1 + x * x)},
    latex=r"\arctan x",
    doc="The angle in (-π/2, π/2) whose tangent is `x`.",
    samples=[S((3, 4))],
    aliases=("arctan",),
)

atan2 = elementwise(
    "atan2",
    np.arctan2,
    inputs="x other",
    promote="float",
    grad={
        "x": lambda g, x, other: g * (other / (x * x + other * other)),
        "other": lambda g, x, other: -g * (x / (x * x + other * other)),
    },
    latex=r"\text{atan2}(x, other)",
    doc="The angle in (-π, π] of the point with ordinate `x` and abscissa `other`.",
    samples=[S((3, 4), (4,)), S((), ())],
    aliases=("arctan2",),
)

sinh = elementwise(
    "sinh",
    np.sinh,
    promote="float",
    grad={"x": lambda g, x: g * cosh(x)},
    latex=r"\sinh x",
    doc="The hyperbolic sine.",
    samples=[S((3, 4))],
)

cosh = elementwise(
    "cosh",
    np.cosh,
    promote="float",
    grad={"x": lambda g, x: g * sinh(x)},
    latex=r"\cosh x",
    doc="The hyperbolic cosine.",
    samples=[S((3, 4))],
)

tanh = elementwise(
    "tanh",
    np.tanh,
    promote="float",
    grad={"x": lambda g, y: g * (1 - y * y)},
    latex=r"\tanh x",
    doc="The hyperbolic tangent, an S from -1 to 1.",
    samples=[S((3, 4)), S(())],
)

asinh = elementwise(
    "asinh",
    np.arcsinh,
    promote="float",
    grad={"x": lambda g, x: g / sqrt(x * x + 1)},
    latex=r"\text{arsinh}\, x",
    doc="The number whose hyperbolic sine is `x`.",
    samples=[S((3, 4))],
    aliases=("arcsinh",),
)

acosh = elementwise(
    "acosh",
    np.arccosh,
    promote="float",
    grad={"x": lambda g, x: g / sqrt(x * x - 1)},
    latex=r"\text{arcosh}\, x",
    doc="The number from 0 on whose hyperbolic cosine is `x`; NaN below 1.",
    domain=(1, inf),
    samples=[S((3, 4))],
    aliases=("arccosh",),
)

atanh = elementwise(
    "atanh",
    np.arctanh,
    promote="float",
    grad={"x": lambda g, x: g / (1 - x * x)},
    latex=r"\text{artanh}\, x",
    doc="The number whose hyperbolic tangent is `x`.",
    domain=(-1, 1),
    samples=[S((3, 4))],
    aliases=("arctanh",),
)

deg2rad = elementwise(
    "deg2rad",
    lambda x: x * (pi / 180),
    promote="float",
    grad={"x": lambda g: g * (pi / 180)},
    latex=r"\frac{\pi}{180} x",
    doc="Degrees in radians.",
    samples=[S((3, 4))],
)

rad2deg = elementwise(
    "rad2deg",
    lambda x: x * (180 / pi),
    promote="float",
    grad={"x": lambda g: g * (180 / pi)},
    latex=r"\frac{180}{\pi} x",
    doc="Radians in degrees.",
    samples=[S((3, 4))],
)


def _sinc_slope(g: Any, x: Any) -> Any:
    away = where(x == 0, 1.0, x)
    return keep(g * ((cos(pi * x) - sinc(x)) / away), x != 0)


sinc = elementwise(
    "sinc",
    np.sinc,
    promote="float",
    grad={"x": _sinc_slope},
    latex=r"\frac{\sin \pi x}{\pi x}",
    doc="`sin(πx) / (πx)`, and 1 at 0.",
    samples=[S((3, 4)), S(floats((3, 4), 0.5, 4))],
)
