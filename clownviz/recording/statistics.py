"""What is known of an array without keeping it: moments, range, zeros, NaN, Inf, a histogram.

Statistics merge: those of two arrays give those of both together, so that a hundred steps of
training are one histogram. That works because every histogram stands on the same grid. The bits
of a float32 are its sign, its exponent and its mantissa, in this order; cut off behind the first
few bits of the mantissa they number the cells of a grid that is logarithmic on both sides of
zero, fits every range, and needs no arithmetic to fill. Quantiles are read from it too, to
within the width of a cell, and a coarser grid is the finer one with the last bits cut off.

A large array is looked at in a few thousand places spread evenly, because a watched training
step must not become slower. `statistics` looks at one array and by default searches all of it for
its range and for NaN, because a single one is what one looks for; `statistics_of_each` does so
with many arrays. `statistics_of` computes many samples at once and is meant for the end of a
training step. `Stats.exact` tells them apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = [
    "BINS", "QUICK", "SAMPLE", "Stats", "sampled", "spread", "statistics", "statistics_of",
    "statistics_of_each",
]  # fmt: skip

SAMPLE, QUICK = 4096, 1024
"""How many values of a large array are looked at: for one picture, and in every training step."""

BINS = 32
FINE, COARSE = 5, 3
"""Bits of the mantissa that a cell is told by: 2^bits cells for every power of two."""

_TOGETHER = 16 * QUICK  # Values that still fit into a processor's cache.
_STEPS = np.linspace(0.0, 1.0, BINS + 1)
_LARGEST, _WIDEST = (float(np.finfo(dtype).max) for dtype in (np.float32, np.float64))


@dataclass(slots=True)
class Stats:
    """Statistics of one array, or of several merged; every moment is over finite values only.

    Attributes:
        count: how many values there are.
        seen: how many finite values were looked at; moments, `zeros` and cells are theirs.
        mean, std: population deviation; NaN if there is no finite value.
        min, max: of the finite values; NaN if there is none.
        zeros: exact zeros among the values seen; `zero_fraction` is what to show.
        nan, posinf, neginf: how many there are.
        exact: whether range, NaN and Inf are those of all values; False means of the values
            looked at, and then something rare may have been missed.
        bits: how fine the grid is: a cell is at most a 2^bits-th of its value wide.
        cells, counts: numbers of the grid's cells that are not empty, ascending as the values
            do, and how many values each has.
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
    exact: bool
    bits: int
    cells: np.ndarray
    counts: np.ndarray

    @property
    def zero_fraction(self) -> float:
        """The share of exact zeros."""
        return self.zeros / self.seen if self.seen else 0.0

    @property
    def finite(self) -> bool:
        """Whether there is neither NaN nor Inf."""
        return not (self.nan or self.posinf or self.neginf)

    @property
    def m2(self) -> float:
        """The sum of squared deviations from the mean."""
        return self.seen * self.std * self.std if self.seen else 0.0

    @property
    def rms(self) -> float:
        """The root of the mean square, √(mean² + std²)."""
        return math.hypot(self.mean, self.std)

    @property
    def edges(self) -> np.ndarray:
        """The edges of `BINS` bins of equal width from `min` to `max`, one more than bins."""
        if not self.seen:
            return np.zeros(BINS + 1)
        low, high = self.min, self.max
        if low == high:
            widened = abs(low) * 0.5 or 0.5
            low, high = np.clip((low - widened, high + widened), -_WIDEST, _WIDEST).tolist()
        return low * _STEPS[::-1] + high * _STEPS

    @property
    def histogram(self) -> np.ndarray:
        """Counts between `edges`, read from the grid: a cell is shared out evenly."""
        if not self.seen:
            return np.zeros(BINS, np.int64)
        # The last edge belongs to the last bin, wherever rounding has put it.
        below = [0, *self._below(self.edges[1:-1]), self.seen]
        return np.diff(np.rint(below).astype(np.int64))

    def _below(self, values: np.ndarray) -> np.ndarray:
        """How many values lie below each of these, a cell being shared out evenly."""
        borders = np.stack(self.bounds(), axis=1).ravel()
        if max(-self.min, self.max) < 1e-290:
            # A slope between subnormal numbers would not be finite.
            values, borders = np.ldexp(values, 600), np.ldexp(borders, 600)
        above = np.cumsum(self.counts)
        return np.interp(values, borders, np.stack([above - self.counts, above], axis=1).ravel())

    def share_below(self, value: float) -> float:
        """The share of the values that are smaller than this, to within a cell of the grid."""
        if not self.seen:
            return math.nan
        if not self.min < value <= self.max:
            return float(value > self.max)
        return float(self._below(np.array([value]))[0]) / self.seen

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest value that each cell may hold, no further than `min` and `max`."""
        cells = self.cells.astype(np.int64)
        magnitude = np.where(cells < 0, ~cells, cells)
        inner, outer = (
            (step << (23 - self.bits)).astype(np.uint32).view(np.float32).astype(np.float64)
            for step in (magnitude, magnitude + 1)
        )
        low, high = np.where(cells < 0, (-outer, -inner), (inner, outer))
        return low.clip(self.min, self.max), high.clip(self.min, self.max)

    def quantile(self, q: float) -> float:
        """The value below which a share `q` of the values lies; NaN if there is no finite value.

        It is in the same cell as the ⌈q·seen⌉-th smallest value seen.
        """
        if not self.seen:
            return math.nan
        rank = min(max(math.ceil(q * self.seen), 1), self.seen)
        above = np.cumsum(self.counts)
        at = int(np.searchsorted(above, rank))
        share = float(1 - (above[at] - rank + 0.5) / self.counts[at])
        low, high = (float(bound[at]) for bound in self.bounds())
        return min(max(low * (1 - share) + high * share, low), high)

    def merge(self, other: Stats) -> Stats:
        """The statistics of both arrays together; in any order the same, up to rounding.

        T. Chan, G. Golub, R. LeVeque, *Updating formulae and a pairwise algorithm for computing
        sample variances*, 1979.
        """
        bits = min(self.bits, other.bits)
        cells, places = np.unique(
            np.concatenate([self.cells >> (self.bits - bits), other.cells >> (other.bits - bits)]),
            return_inverse=True,
        )
        counts = np.zeros(cells.size, np.int64)
        np.add.at(counts, places, np.concatenate([self.counts, other.counts]))
        mean, std = _merged_moments(self, other)
        return Stats(
            self.count + other.count,
            self.seen + other.seen,
            mean,
            std,
            float(np.fmin(self.min, other.min)),
            float(np.fmax(self.max, other.max)),
            self.zeros + other.zeros,
            self.nan + other.nan,
            self.posinf + other.posinf,
            self.neginf + other.neginf,
            self.exact and other.exact,
            bits,
            cells,
            counts,
        )

    def json(self) -> dict[str, Any]:
        """Plain numbers and lists."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in ((name, getattr(self, name)) for name in self.__slots__)
        }


def _merged_moments(a: Stats, b: Stats) -> tuple[float, float]:
    if not a.seen or not b.seen:
        known = a if a.seen else b
        return known.mean, known.std
    share, rest = a.seen / (a.seen + b.seen), b.seen / (a.seen + b.seen)
    # Written with roots, so that the squares of 1e300 need not exist.
    root = math.sqrt(share * rest)
    apart = root * a.mean - root * b.mean
    std = math.hypot(math.sqrt(share) * a.std, math.sqrt(rest) * b.std, apart)
    return share * a.mean + rest * b.mean, std


# -- one array -------------------------------------------------------------------------------


def statistics(array: np.ndarray, *, exact: bool = True) -> Stats:
    """The statistics of any array, of any shape, layout and dtype; of complex ones how large.

    Args:
        exact: search a large array as a whole for its range, NaN and Inf, which takes time in
            proportion to its size.

    >>> s = statistics(np.array([1.0, 3.0, 0.0, np.nan]))
    >>> s.count, s.mean, s.max, s.zeros, s.nan
    (4, 1.3333333333333333, 3.0, 1, 1)
    >>> s.merge(statistics(np.array([7.0]))).max
    7.0
    """
    with np.errstate(all="ignore"):
        sample = sampled(array, SAMPLE)
        whole = array if exact and array.size > SAMPLE else sample
        return _one(sample, whole, array.size, exact or array.size <= SAMPLE, FINE)


def _one(
    sample: np.ndarray, searched: np.ndarray, count: int, exact: bool, bits: int
) -> Stats:
    if sample.dtype.kind == "c":
        sample, searched = np.abs(sample), np.abs(searched)
    seen = sample.astype(np.float64)
    low, high, nan, posinf, neginf = _range(searched)
    if nan or posinf or neginf:
        seen = seen[np.isfinite(seen)]
    mean, std = _moments(seen, low, high)
    cells = _cells(seen.clip(-_LARGEST, _LARGEST).astype(np.float32), bits)
    filled = np.bincount(cells + _half(bits), minlength=1)
    places = np.flatnonzero(filled != 0)
    return Stats(
        count,
        seen.size,
        mean,
        std,
        low,
        high,
        int(seen.size - np.count_nonzero(seen)),
        nan,
        posinf,
        neginf,
        exact,
        bits,
        (places - _half(bits)).astype(np.int16),
        filled[places].astype(np.int32),
    )


def _range(array: np.ndarray) -> tuple[float, float, int, int, int]:
    """Lowest and highest finite value, and how many NaN, Inf and -Inf there are."""
    if array.size == 0:
        return math.nan, math.nan, 0, 0, 0
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind != "f" or (math.isfinite(low) and math.isfinite(high)):
        return low, high, 0, 0, 0
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    nan, posinf, neginf = (
        int(np.count_nonzero(found))
        for found in (np.isnan(array), array == np.inf, array == -np.inf)
    )
    return low, high, nan, posinf, neginf


def _moments(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    if values.size == 0:
        return math.nan, math.nan
    # Dividing by the largest magnitude keeps squares of 1e300 and of 1e-300 representable.
    scale = max(abs(low), abs(high)) or 1.0
    scaled = values / scale
    mean = float(scaled.mean())
    deviation = scaled - mean
    return mean * scale, math.sqrt(float(deviation @ deviation) / values.size) * scale


def _cells(values: np.ndarray, bits: int) -> np.ndarray:
    """The cells of finite float32 values, ascending as the values do, from -2^(8+bits).

    The bits of a negative float32 count upwards as its value goes down: turned over below the
    sign, they are in order.
    """
    values = values + np.float32(0)  # of two zeros that are equal, one
    cells = values.view(np.int32) >> (23 - bits)
    turned = cells >> 31
    turned &= _half(bits) - 1
    cells ^= turned
    return cells


def _half(bits: int) -> int:
    """How many cells there are on either side of zero."""
    return 1 << (8 + bits)


# -- many samples ----------------------------------------------------------------------------


def spread(array: np.ndarray, most: int = QUICK) -> np.ndarray:
    """A copy of at most so many values, spread evenly: what `statistics_of` is given later."""
    sample = sampled(array, most)
    return sample if sample.base is None else sample.copy()


def statistics_of_each(arrays: Sequence[np.ndarray]) -> list[Stats]:
    """What `statistics` says of each array, the small ones together."""
    small = [at for at, array in enumerate(arrays) if array.size <= SAMPLE]
    together = statistics_of([arrays[at].reshape(-1) for at in small], bits=FINE)
    found = dict(zip(small, together))
    return [found.get(at) or statistics(array) for at, array in enumerate(arrays)]


def statistics_of(
    samples: Sequence[np.ndarray], sizes: Sequence[int] | None = None, *, bits: int = COARSE
) -> list[Stats]:
    """The statistics of many samples, in a fraction of the time that one by one would take.

    Args:
        samples: what `spread` made; float32 is fast.
        sizes: the sizes of the arrays that the samples are of; without it the samples are all.
        bits: of the grid.

    >>> [s.mean for s in statistics_of([np.ones(3, np.float32), np.zeros(2, np.float32)])]
    [1.0, 0.0]
    """
    counts = [sample.size for sample in samples] if sizes is None else sizes
    alike: dict[int, list[int]] = {}
    for at, sample in enumerate(samples):
        if sample.dtype == np.float32 and sample.size:
            alike.setdefault(sample.size, []).append(at)
    found: dict[int, Stats] = {}
    with np.errstate(all="ignore"):
        for size, names in alike.items():
            step = max(1, _TOGETHER // size)
            for start in range(0, len(names), step):
                some = names[start : start + step]
                values = np.array([samples[at] for at in some])
                rows = _rows(values, [counts[at] for at in some], bits)
                found.update((at, stats) for at, stats in zip(some, rows) if stats is not None)
        return [
            found.get(at) or _one(sample, sample, counts[at], sample.size == counts[at], bits)
            for at, sample in enumerate(samples)
        ]


def _rows(values: np.ndarray, counts: Sequence[int], bits: int) -> list[Stats | None]:
    """Statistics of each row; None of one that is not finite, which asks for more care.

    Sorted, a row has its range at its ends, NaN at the last, and equal cells beside each other.
    """
    values += 0.0  # of the two zeros one, so that the order of values is that of their cells
    values.sort(axis=1)
    low, high = values[:, 0], values[:, -1]
    finite = (np.isfinite(low) & np.isfinite(high)).tolist()
    rows, seen = values.shape
    wide = values.astype(np.float64)
    mean = np.add.reduce(wide, axis=1) / seen
    wide -= mean[:, None]
    std = np.sqrt(np.einsum("ij,ij->i", wide, wide) / seen)
    zeros = np.add.reduce(values == 0, axis=1, dtype=np.intp)

    cells = _cells(values.reshape(-1), bits)
    differs = np.empty(cells.size, bool)
    np.not_equal(cells[1:], cells[:-1], out=differs[1:])
    differs[::seen] = True
    places = np.flatnonzero(differs)
    filled = np.diff(places, append=cells.size).astype(np.int32)
    cells = cells[places].astype(np.int16)
    ends = np.searchsorted(places, np.arange(rows + 1) * seen).tolist()
    facts = (fact.tolist() for fact in (mean, std, low, high, zeros))
    return [
        Stats(count, seen, mean, std, low, high, zeros, 0, 0, 0, seen == count, bits,
              cells[start:end], filled[start:end])
        if whole
        else None
        for whole, count, start, end, mean, std, low, high, zeros in zip(
            finite, counts, ends, ends[1:], *facts
        )
    ]  # fmt: skip


def sampled(array: np.ndarray, most: int) -> np.ndarray:
    """At most so many values in one dimension; a view where that can be."""
    if array.size <= most:
        return array.reshape(-1)
    places = _places(array.size, most)
    if array.flags.c_contiguous:
        return array.reshape(-1).take(places)
    if array.flags.f_contiguous:
        return array.T.reshape(-1).take(places)
    return array[np.unravel_index(places, array.shape)]


@lru_cache(maxsize=256)
def _places(count: int, most: int) -> np.ndarray:
    """`most` places spread over `range(count)`, sorted, without a period.

    Multiples of the golden ratio fall evenly into every interval, while a fixed stride would
    see only some of the channels whenever it shares a factor with the row length.
    """
    golden = (math.sqrt(5) - 1) / 2
    fractions = (np.arange(most) * golden) % 1.0
    return np.sort((fractions * count).astype(np.intp))
