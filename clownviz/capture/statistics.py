"""What is known of an array without keeping it: moments, range, zeros, NaN, Inf, a histogram.

Range and non-finite values are exact for every size, because a single NaN is what one looks
for; mean, deviation, zeros and histogram of a large array come from 4,096 of its values, spread
evenly, because a watched training step must not become slower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["BINS", "SAMPLE", "Stats", "statistics"]

SAMPLE = 4096
BINS = 32
_STEPS = np.linspace(0.0, 1.0, BINS + 1)


@dataclass(slots=True)
class Stats:
    """Statistics of one array; every moment is over its finite values only.

    Attributes:
        count: how many values the array has.
        seen: how many of them `mean`, `std`, `zeros` and `histogram` were computed from.
        mean, std: of the finite values (population deviation); NaN if there is none.
        min, max: of all finite values; NaN if there is none.
        zeros: exact zeros among the values seen; `zero_fraction` is what to show.
        nan, posinf, neginf: how many there are in the whole array.
        histogram, edges: counts of the finite values seen, and the bin edges, one more.
    """

    count: int
    seen: int
    mean: float
    std: float
    min: float
    max: float
    zeros: int
    nan: int
    posinf: int
    neginf: int
    histogram: np.ndarray
    edges: np.ndarray

    @property
    def zero_fraction(self) -> float:
        """The share of exact zeros."""
        return self.zeros / self.seen if self.seen else 0.0

    @property
    def finite(self) -> bool:
        """Whether there is neither NaN nor Inf."""
        return not (self.nan or self.posinf or self.neginf)

    def json(self) -> dict[str, Any]:
        """Plain numbers and lists."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in ((name, getattr(self, name)) for name in self.__slots__)
        }


@lru_cache(maxsize=256)
def _places(count: int) -> np.ndarray:
    """`SAMPLE` places spread over `range(count)`, sorted, without a period.

    Multiples of the golden ratio fall evenly into every interval, while a fixed stride would
    see only some of the channels whenever it shares a factor with the row length.
    """
    golden = (math.sqrt(5) - 1) / 2
    fractions = (np.arange(SAMPLE) * golden) % 1.0
    return np.sort((fractions * count).astype(np.intp))


def _sample(array: np.ndarray) -> np.ndarray:
    if array.size <= SAMPLE:
        return array.ravel()
    places = _places(array.size)
    if array.flags.c_contiguous:
        return array.reshape(-1)[places]
    if array.flags.f_contiguous:
        return array.T.reshape(-1)[places]
    return array[np.unravel_index(places, array.shape)]


def statistics(array: np.ndarray) -> Stats:
    """The statistics of any real array, of any shape, layout and dtype.

    >>> s = statistics(np.array([1.0, 3.0, 0.0, np.nan]))
    >>> s.count, s.mean, s.max, s.zeros, s.nan
    (4, 1.3333333333333333, 3.0, 1, 1)
    """
    with np.errstate(all="ignore"):
        return _statistics(array)


def _statistics(array: np.ndarray) -> Stats:
    seen = _sample(array).astype(np.float64)
    nan = posinf = neginf = 0
    if array.size == 0:
        low = high = math.nan
    else:
        low, high = _range(array)
        if not math.isfinite(low + high) and array.dtype.kind == "f":
            nan = int(np.count_nonzero(np.isnan(array)))
            posinf = int(np.count_nonzero(array == np.inf))
            neginf = int(np.count_nonzero(array == -np.inf))
            if nan or posinf or neginf:
                finite = array[np.isfinite(array)]
                low, high = _range(finite) if finite.size else (math.nan, math.nan)
                seen = seen[np.isfinite(seen)]
    mean, std = _moments(seen, low, high)
    histogram, edges = _histogram(seen, low, high)
    zeros = int(seen.size - np.count_nonzero(seen))
    return Stats(
        array.size, seen.size, mean, std, low, high, zeros, nan, posinf, neginf, histogram, edges
    )


def _range(array: np.ndarray) -> tuple[float, float]:
    return float(array.min()), float(array.max())


def _moments(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    if values.size == 0:
        return math.nan, math.nan
    # Dividing by the largest magnitude keeps squares of 1e300 and of 1e-300 representable.
    scale = max(abs(low), abs(high)) or 1.0
    scaled = values / scale
    mean = float(scaled.mean())
    deviation = scaled - mean
    return mean * scale, math.sqrt(float(deviation @ deviation) / values.size) * scale


def _histogram(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    if values.size == 0:
        return np.zeros(BINS, dtype=np.int64), np.zeros(BINS + 1)
    if low == high:
        widened = abs(low) * 0.5 or 0.5
        low, high = low - widened, high + widened
    scale = BINS / (high - low)
    if not 0.0 < scale < math.inf:
        # The width overflows or vanishes: halve the values, and give up below the smallest float.
        values, low, high = values / 2, low / 2, high / 2
        scale = BINS / (high - low) if high - low > 1e-300 else 0.0
        edges = low * 2 * _STEPS[::-1] + high * 2 * _STEPS
    else:
        edges = low * _STEPS[::-1] + high * _STEPS
    bins = np.minimum(((values - low) * scale).astype(np.intp), BINS - 1)
    return np.bincount(bins, minlength=BINS), edges
