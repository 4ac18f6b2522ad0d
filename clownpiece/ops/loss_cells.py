"""What losses compute cell by cell; `losses.py` and `nn/functional.py` take the mean or the sum.

They are records of their own, so that a picture of the graph shows both.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import xlogy

from .activation import sigmoid
from .arithmetic import abs
from .elementwise import elementwise
from .exponential import exp, log
from .samples import S, floats
from .selection import clamp_min, keep

__all__ = [
    "absolute_error",
    "huber_error",
    "log_loss",
    "logit_loss",
    "relative_entropy",
    "smooth_l1_error",
    "squared_error",
]


squared_error = elementwise(
    "squared_error",
    lambda x, target: np.square(np.subtract(x, target)),
    inputs="x target",
    grad={
        "x": lambda g, x, target: g * (2 * (x - target)),
        "target": lambda g, x, target: g * (2 * (target - x)),
    },
    latex=r"(x - t)^2",
    doc="The square of the difference.",
    flops=lambda y_shape: 2 * math.prod(y_shape),
    samples=[S((3, 4), (3, 4))],
    expose="",
    inplace=False,
)

absolute_error = elementwise(
    "absolute_error",
    lambda x, target: np.abs(np.subtract(x, target)),
    inputs="x target",
    grad={
        "x": lambda g, x, target: keep(g, x > target) - keep(g, x < target),
        "target": lambda g, x, target: keep(g, x < target) - keep(g, x > target),
    },
    latex=r"|x - t|",
    doc="The size of the difference.",
    flops=lambda y_shape: 2 * math.prod(y_shape),
    samples=[S((3, 4), (3, 4))],
    expose="",
    inplace=False,
)


def _huber(x: Any, target: Any, delta: float = 1.0) -> Any:
    size = np.abs(np.subtract(x, target))
    inner = np.minimum(size, delta)
    return inner * (size - 0.5 * inner)


def _huber_slope(g: Any, difference: Any, delta: float) -> Any:
    outside = delta * (keep(g, difference > delta) - keep(g, difference < -delta))
    return outside + keep(g * difference, abs(difference) <= delta)


huber_error = elementwise(
    "huber_error",
    _huber,
    inputs="x target",
    grad={
        "x": lambda g, x, target, delta: _huber_slope(g, x - target, delta),
        "target": lambda g, x, target, delta: _huber_slope(g, target - x, delta),
    },
    latex=r"\tfrac12 d^2 \text{ if } |d| \le \delta \text{ else } \delta (|d| - \tfrac12 \delta)",
    doc="Half the squared difference up to `delta`, from there on a straight line (Huber 1964).",
    flops=lambda y_shape: 5 * math.prod(y_shape),
    samples=[S((3, 4), (3, 4)), S((3, 4), (3, 4), delta=0.5)],
    expose="",
    inplace=False,
)

smooth_l1_error = elementwise(
    "smooth_l1_error",
    lambda x, target, beta=1.0: (
        _huber(x, target, beta) / beta if beta else np.abs(np.subtract(x, target))
    ),
    inputs="x target",
    grad={
        "x": lambda g, x, target, beta: _smooth_l1_slope(g, x - target, beta),
        "target": lambda g, x, target, beta: _smooth_l1_slope(g, target - x, beta),
    },
    latex=r"\tfrac{d^2}{2 \beta} \text{ if } |d| < \beta \text{ else } |d| - \tfrac12 \beta",
    doc="The absolute difference with its corner rounded off (Girshick 2015).",
    flops=lambda y_shape: 6 * math.prod(y_shape),
    samples=[S((3, 4), (3, 4)), S((3, 4), (3, 4), beta=0.5), S((3, 4), (3, 4), beta=0.0)],
    expose="",
    inplace=False,
)


def _smooth_l1_slope(g: Any, difference: Any, beta: float) -> Any:
    if beta:
        return _huber_slope(g, difference, beta) / beta
    return keep(g, difference > 0) - keep(g, difference < 0)


def _log_loss(x: Any, target: Any) -> Any:
    if x.size and not 0 <= x.min() <= x.max() <= 1:
        raise RuntimeError(
            "binary_cross_entropy: all elements of input should be between 0 and 1, but they lie "
            f"between {x.min()} and {x.max()}; use binary_cross_entropy_with_logits for logits"
        )
    if target.size and not 0 <= target.min() <= target.max() <= 1:
        raise RuntimeError(
            "binary_cross_entropy: all elements of target should be between 0 and 1, but they lie "
            f"between {target.min()} and {target.max()}"
        )
    with np.errstate(divide="ignore"):
        hit, miss = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    return (target - 1) * miss - target * hit


log_loss = elementwise(
    "log_loss",
    _log_loss,
    inputs="x target",
    grad={
        "x": lambda g, x, target: g * ((x - target) / clamp_min(x * (1 - x), 1e-12)),
        "target": lambda g, x: g * (clamp_min(log(1 - x), -100) - clamp_min(log(x), -100)),
    },
    latex=r"-t \ln x - (1 - t) \ln(1 - x)",
    doc="The cross entropy of a probability; its logarithms end at -100, so that it is finite.",
    flops=lambda y_shape: 6 * math.prod(y_shape),
    domain=(0, 1),
    samples=[S((3, 4), (3, 4))],
    expose="",
    inplace=False,
)


def _logit_loss(x: Any, target: Any) -> Any:
    y = np.log1p(np.exp(-np.abs(x)))
    y += np.maximum(x, 0)
    y -= x * target
    return y


logit_loss = elementwise(
    "logit_loss",
    _logit_loss,
    inputs="x target",
    grad={
        "x": lambda g, x, target: g * (sigmoid(x) - target),
        "target": lambda g, x: g * -x,
    },
    latex=r"\ln(1 + e^x) - t x",
    doc="The cross entropy of a probability given by its logit.",
    flops=lambda y_shape: 6 * math.prod(y_shape),
    samples=[S((3, 4), floats((3, 4), 0, 1))],
    expose="",
    inplace=False,
)


def _relative_entropy(x: Any, target: Any, log_target: bool = False) -> Any:
    if log_target:
        return np.exp(target) * (target - x)
    return xlogy(target, target) - target * x


relative_entropy = elementwise(
    "relative_entropy",
    _relative_entropy,
    inputs="x target",
    grad={
        "x": lambda g, target, log_target: -g * (exp(target) if log_target else target),
        "target": lambda g, x, target, log_target: (
            g * (exp(target) * (target - x + 1))
            if log_target
            else keep(g * (log(clamp_min(target, 1e-38)) + 1 - x), target > 0)
        ),
    },
    latex=r"t (\ln t - x)",
    doc="The cells of the Kullback-Leibler divergence; `x` holds logarithms of probabilities.",
    flops=lambda y_shape: 3 * math.prod(y_shape),
    samples=[S((3, 4), floats((3, 4), 0.1, 1)), S((3, 4), (3, 4), log_target=True)],
    expose="",
    inplace=False,
)
