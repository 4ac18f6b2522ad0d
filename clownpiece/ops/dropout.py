"""Dropout in all its forms: numbers, channels, and the kind that keeps mean and variance.

The chance is drawn outside of the graph, from the default generator; the record is the product with
the mask that came out, linear and so its own gradient.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import random
from .activation import SELU_ALPHA, SELU_SCALE
from .composition import composition
from .record import op
from .samples import S, bools

__all__ = ["alpha_dropout", "channel_dropout", "dropout", "drop", "keep_mask"]


def _drop(x: Any, mask: Any, scale: float = 1.0) -> Any:
    if x.dtype.kind != "f":
        raise RuntimeError(f"dropout takes floating tensors, which it can scale; got {x.dtype}")
    y = np.multiply(x, mask)
    y *= scale
    return y


drop = op(
    "drop",
    _drop,
    inputs="x mask",
    grad={"x": lambda g, mask, scale: drop(g, mask, scale)},
    latex=r"\frac{1}{1 - p} \, m \odot x",
    doc="`x` where the mask is true, times `scale`; zero elsewhere.",
    flops=lambda y_shape: math.prod(y_shape),
    samples=[S((3, 4), bools((3, 4)), scale=2.0), S((2, 3, 4), bools((2, 3, 1)), scale=1.25)],
    expose="",
)


def keep_mask(shape: tuple[int, ...], p: float) -> np.ndarray:
    """What survives: True with probability 1 − p each, from the default generator."""
    return random.default_generator.numpy.random(shape, dtype=np.float32) >= p


def _checked(p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return p


def _scaled(x: Any, mask: np.ndarray, p: float) -> Any:
    return drop(x, mask, 1 / (1 - p) if p < 1 else 0.0)


def _dropout(x: Any, p: float = 0.5, train: bool = True) -> Any:
    if not train or _checked(p) == 0:
        return x
    return _scaled(x, keep_mask(tuple(x.shape), p), p)


dropout = composition(
    "dropout",
    _dropout,
    latex=r"\frac{1}{1 - p} \, m \odot x, \; m_i \sim \mathrm{Bernoulli}(1 - p)",
    doc="""Each number zeroed with probability `p`, the rest times 1 / (1 − p) (Srivastava 2014).

    In evaluation (`train=False`) it is `x` itself.
    """,
    samples=[S((3, 4)), S((3, 4), p=0.2, train=False), S((3, 4), p=1.0)],
    torch="",
    expose="function",
)


def _channel_dropout(x: Any, p: float = 0.5, train: bool = True, lead: int = 2) -> Any:
    if not train or _checked(p) == 0:
        return x
    shape = tuple(x.shape[:lead]) + (1,) * (x.ndim - lead)
    return _scaled(x, keep_mask(shape, p), p)


channel_dropout = composition(
    "channel_dropout",
    _channel_dropout,
    latex=r"\frac{1}{1 - p} \, m_c \, x_c",
    doc="Whole channels zeroed: one chance for all that lies behind the first `lead` dimensions.",
    samples=[S((3, 4, 2)), S((3, 4), lead=1)],
    expose="",
)


def _alpha_dropout(x: Any, p: float = 0.5, train: bool = False, by_channel: bool = False) -> Any:
    if not train or _checked(p) == 0:
        return x
    if p == 1:
        return x * 0.0
    shape = tuple(x.shape)
    mask = keep_mask(shape[:2] + (1,) * (len(shape) - 2) if by_channel else shape, p)
    # The value that selu tends to far below zero stands in for what is dropped; a and b bring
    # mean and variance back to what they were.
    low = -SELU_SCALE * SELU_ALPHA
    a = 1 / math.sqrt((1 - p) * (1 + p * low * low))
    offset = np.where(mask, 0.0, a * low) - a * low * p
    return drop(x, mask, a) + offset.astype(x.dtype.name)


alpha_dropout = composition(
    "alpha_dropout",
    _alpha_dropout,
    latex=r"a \, (m \odot x + (1 - m) \alpha') + b",
    doc="""Dropout that keeps mean 0 and variance 1, for `selu` (Klambauer et al. 2017).

    What is dropped becomes −λα, and the whole is scaled and shifted. With `by_channel`, whole
    channels are.
    """,
    samples=[S((3, 4), train=True), S((3, 4, 2), p=0.3, train=True, by_channel=True)],
    torch="",
    expose="functional",
)
