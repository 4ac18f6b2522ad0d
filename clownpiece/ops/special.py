"""Functions that statistics brought: the error function and the logistic pair."""

from __future__ import annotations

from math import inf, pi, sqrt
from typing import Any

import numpy as np
from scipy import special

from .elementwise import elementwise
from .exponential import exp
from .samples import S

__all__ = ["digamma", "erf", "erfc", "erfinv", "lgamma", "logit"]

TWO_OVER_ROOT_PI = 2 / sqrt(pi)

erf = elementwise(
    "erf",
    special.erf,
    promote="float",
    grad={"x": lambda g, x: g * (TWO_OVER_ROOT_PI * exp(-x * x))},
    latex=r"\frac{2}{\sqrt{\pi}} \int_0^x e^{-t^2} dt",
    doc="The error function.",
    samples=[S((3, 4))],
)

erfc = elementwise(
    "erfc",
    special.erfc,
    promote="float",
    grad={"x": lambda g, x: g * (-TWO_OVER_ROOT_PI * exp(-x * x))},
    latex=r"1 - \text{erf}(x)",
    doc="One minus the error function, accurate also where that is nearly 1.",
    samples=[S((3, 4))],
)

erfinv = elementwise(
    "erfinv",
    special.erfinv,
    promote="float",
    grad={"x": lambda g, x: g * (exp(erfinv(x) ** 2) / TWO_OVER_ROOT_PI)},
    latex=r"\text{erf}^{-1}(x)",
    doc="The number whose error function is `x`; NaN outside of [-1, 1].",
    domain=(-1, 1),
    samples=[S((3, 4))],
)


def _logit(x: Any, eps: float | None = None) -> Any:
    inner = x if eps is None else np.clip(x, eps, 1 - eps)
    return special.logit(inner)


def _logit_slope(g: Any, x: Any, eps: float | None) -> Any:
    slope = g / (x * (1 - x))
    return slope if eps is None else slope * ((x >= eps) & (x <= 1 - eps))


logit = elementwise(
    "logit",
    _logit,
    promote="float",
    grad={"x": _logit_slope},
    latex=r"\ln \frac{x}{1 - x}",
    doc="The inverse of the sigmoid; `eps` first limits `x` to [eps, 1 - eps].",
    domain=(0, 1),
    samples=[S((3, 4)), S((3, 4), eps=0.2)],
)

lgamma = elementwise(
    "lgamma",
    special.gammaln,
    promote="float",
    grad={"x": lambda g, x: g * digamma(x)},
    latex=r"\ln |\Gamma(x)|",
    doc="The logarithm of the gamma function's size.",
    domain=(0, inf),
    samples=[S((3, 4))],
)


def _polygamma(x: Any, n: int) -> Any:
    return special.polygamma(n, x).astype(x.dtype)


polygamma = elementwise(
    "polygamma",
    _polygamma,
    promote="float",
    grad={"x": lambda g, x, n: g * polygamma(x, n + 1)},
    latex=r"\psi^{(n)}(x)",
    doc="The n-th derivative of digamma.",
    domain=(0, inf),
    samples=[S((3, 4), n=1)],
    expose="",
    torch="",
)

digamma = elementwise(
    "digamma",
    special.digamma,
    promote="float",
    grad={"x": lambda g, x: g * polygamma(x, 1)},
    latex=r"\psi(x)",
    doc="The slope of `lgamma`.",
    domain=(0, inf),
    samples=[S((3, 4))],
)
