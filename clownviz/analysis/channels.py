"""The channels of an activation or of a convolution's weight, each in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["ORDERS", "Channel", "channels_of", "ordered"]

ORDERS = ("index", "mean", "std", "max")


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel over all examples that were kept; every moment is over finite values.

    Attributes:
        zeros: the share of exact zeros.
        missing: how many values are NaN or infinite.
    """

    number: int
    low: float
    high: float
    mean: float
    std: float
    zeros: float
    missing: int

    @property
    def state(self) -> str:
        """"dead" if it is zero everywhere, "constant", "NaN", or nothing."""
        if self.missing:
            return "NaN"
        if self.low == self.high:
            return "dead" if self.high == 0 else "constant"
        return ""


def channels_of(array: np.ndarray) -> list[Channel]:
    """The channels of `(N, C, …)`, the second dimension.

    >>> found = channels_of(np.stack([np.zeros((2, 3)), np.ones((2, 3))], axis=1))
    >>> [(one.number, one.state, one.zeros) for one in found]
    [(0, 'dead', 1.0), (1, 'constant', 0.0)]
    """
    flat = np.moveaxis(array, 1, 0).reshape(array.shape[1], -1).astype(np.float64)
    finite = np.isfinite(flat)
    return [_channel(number, row[kept], row.size) for number, (row, kept) in
            enumerate(zip(flat, finite))]  # fmt: skip


def _channel(number: int, values: np.ndarray, size: int) -> Channel:
    if not values.size:
        return Channel(number, math.nan, math.nan, math.nan, math.nan, 0.0, size)
    return Channel(
        number,
        float(values.min()),
        float(values.max()),
        float(values.mean()),
        float(values.std()),
        float(np.count_nonzero(values == 0)) / values.size,
        size - values.size,
    )


def ordered(channels: list[Channel], order: str) -> list[Channel]:
    """The channels as they are, or the strongest first; NaN before all.

    Raises:
        ValueError: there is no such order.
    """
    if order not in ORDERS:
        raise ValueError(f"order={order!r} is not known: expected one of {', '.join(ORDERS)}")
    if order == "index":
        return list(channels)
    name = {"mean": "mean", "std": "std", "max": "high"}[order]

    def strength(channel: Channel) -> float:
        value = getattr(channel, name)
        return math.inf if channel.missing else abs(value)

    return sorted(channels, key=lambda channel: (-strength(channel), channel.number))
