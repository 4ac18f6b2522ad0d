"""How much of a tensor stays on a tape, and how the tape keeps to its budget of bytes."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .statistics import COARSE, FINE, QUICK, SAMPLE, spread, statistics, statistics_of
from .tape import AttentionWeights, Value

__all__ = ["KEEPS", "Full", "Keeper", "Pace", "Sample", "parse_bytes"]

KEEPS = ("shapes", "statistics", "sample", "full")

SAMPLE_VALUES = 65_536
STATS_BYTES = 1200
RECORD_BYTES = 1000
"""What a value takes, together with its share of the calls and operations around it."""

MOST_WAITING = 512
"""So many samples wait for their statistics at most, with 4 kB each."""

_UNITS = {"b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def parse_bytes(budget: str | int) -> int:
    """A number of bytes from `"256 MiB"`.

    >>> parse_bytes("1.5 KiB"), parse_bytes(100)
    (1536, 100)

    Raises:
        ValueError: it is not a size.
    """
    if isinstance(budget, int) and not isinstance(budget, bool) and budget >= 0:
        return budget
    match = re.fullmatch(r"\s*([\d.]+)\s*([a-zA-Z]*)\s*", str(budget))
    unit = _UNITS.get(match[2].lower() or "b") if match else None
    try:
        return int(float(match[1]) * unit) if match and unit else _no_size(budget)
    except ValueError:
        return _no_size(budget)


def _no_size(budget: object) -> int:
    raise ValueError(
        f"budget={budget!r} is not a size: expected bytes as a number, or a text such as "
        '"256 MiB" or "1 GiB"'
    )


# -- which part of a tensor ------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """A part of every tensor: some examples of the batch, some positions, some channels.

    The batch is dimension 0. Of (N, T, E) positions are dimension 1 and channels dimension 2; of
    (N, C, …) with four or more dimensions, and of (N, F), channels are dimension 1 and positions
    all that follow. A tensor of one dimension stays whole.

    Args:
        batch, positions, channels: a slice, a number for one of them, or None for all.
        most: how many values to keep at most; a larger part is cut, dimension by dimension.

    >>> array, part = Sample(batch=2, positions=slice(None, None, 4)).of(np.zeros((8, 16, 3)))
    >>> array.shape, part
    ((1, 4, 3), 'batch 2, every 4th position')
    """

    batch: int | slice | None = 0
    positions: int | slice | None = None
    channels: int | slice | None = None
    most: int = SAMPLE_VALUES

    def of(self, array: np.ndarray) -> tuple[np.ndarray, str]:
        """A copy of the part, and in words which part it is: "" for the whole."""
        whole = slice(None)
        if array.ndim < 2:
            names, parts = ["position"] * array.ndim, [whole] * array.ndim
        elif array.ndim == 3:
            names = ["batch", "position", "channel"]
            parts = [*map(_slice, (self.batch, self.positions, self.channels))]
        else:
            names = ["batch", "channel", *["position"] * (array.ndim - 2)]
            positions = _slice(self.positions)
            parts = [_slice(self.batch), _slice(self.channels), *[positions] * (array.ndim - 2)]
        places = [range(*part.indices(size)) for part, size in zip(parts, array.shape)]
        places = _within(places, self.most)
        said = [_said(*each) for each in zip(names, places, array.shape)]
        index = tuple(slice(p.start, p.stop if p.stop >= 0 else None, p.step) for p in places)
        # Height and width are cut alike, which need not be said twice.
        return array[index].copy(), ", ".join(filter(None, dict.fromkeys(said)))


@dataclass(frozen=True)
class Full:
    """The whole tensor.

    Args:
        dtype: "float16" halves what floating-point numbers take; beyond its range they stay
            at its end. None keeps them as they are.

    Raises:
        ValueError: it is no floating-point type.
    """

    dtype: str | None = None

    def __post_init__(self) -> None:
        try:
            fits = self.dtype is None or np.dtype(self.dtype).kind == "f"
        except TypeError:
            fits = False
        if not fits:
            raise ValueError(
                f"Full(dtype={self.dtype!r}): expected a floating-point type such as 'float16', or "
                "None for the tensor's own"
            )

    def of(self, array: np.ndarray) -> tuple[np.ndarray, str]:
        """A copy, and "" for the whole."""
        if self.dtype is None or array.dtype.kind != "f":
            return array.copy(), ""
        with np.errstate(over="ignore"):
            copied = array.astype(self.dtype)
        lost = np.isinf(copied) & np.isfinite(array)
        if lost.any():
            largest = np.finfo(copied.dtype).max
            copied[lost] = np.where(array[lost] < 0, -largest, largest)
        return copied, ""


def _slice(part: int | slice | None) -> slice:
    if not isinstance(part, int):
        return part or slice(None)
    return slice(part, part + 1 if part != -1 else None)


def _within(places: list[range], most: int) -> list[range]:
    """The places, cut dimension by dimension until there are at most so many values."""
    places = list(places)
    for axis in range(len(places)):
        count = 1
        for each in places:
            count *= len(each)
        if count <= most:
            break
        rest = count // len(places[axis])
        places[axis] = places[axis][: max(1, most // rest)]
    return places


def _said(name: str, places: range, size: int) -> str:
    if len(places) == size:
        return ""
    each = "example" if name == "batch" else name
    if not places:
        return f"none of the {size} {each}s"
    if len(places) == 1:
        return f"{name} {places[0]}"
    ends = f"{places[0]}–{places[-1]}"
    if places.step == 1:
        return f"{'batch' if name == 'batch' else name + 's'} {ends}"
    every = f"every {ordinal(places.step)} {each}"
    whole = len(places) == len(range(0, size, places.step)) and places[0] < places.step
    return every if whole else f"{every} of {ends}"


def ordinal(number: int) -> str:
    """2nd, 3rd, 4th, 11th, 22nd; -1st for backwards."""
    ones, tens = abs(number) % 10, abs(number) // 10 % 10
    ending = {1: "st", 2: "nd", 3: "rd"}.get(ones, "th") if tens != 1 else "th"
    return f"{number}{ending}"


# -- the budget ------------------------------------------------------------------------------


class Keeper:
    """Looks at arrays, and lets go of the oldest ones when the budget is used up.

    Full arrays go first and leave their statistics; then statistics go and leave shapes. Where
    statistics fill the budget, an eighth of it stays with the newest arrays. What the tape takes
    besides is reserved: it may use up half of the budget.

    Args:
        keep: one of `KEEPS`, a `Sample` or a `Full`.
        budget: in bytes.
        exact: search large arrays as a whole for their range, NaN and Inf, at once. Otherwise a
            sample of each is taken. Of small arrays, and of samples, the statistics of many are
            computed together later.

    Attributes:
        value: gives the value of an id; whoever has values that are looked at sets it.
        part: what copies arrays; None if none are kept.
        looks: whether arrays are looked at, beyond their shapes.

    Raises:
        ValueError: `keep` is none of these.
    """

    def __init__(self, keep: str | Sample | Full, budget: int, *, exact: bool = True) -> None:
        if not isinstance(keep, (Sample, Full)) and keep not in KEEPS:
            raise ValueError(
                f"keep={keep!r} is not known: expected one of {', '.join(KEEPS)}, or a "
                "clownviz.Sample or clownviz.Full"
            )
        known: dict[str, Sample | Full] = {"sample": Sample(), "full": Full()}
        self.part = known.get(keep) if isinstance(keep, str) else keep
        self.looks = keep != "shapes"
        self.budget = budget
        self.exact = exact
        self.value: Callable[[int], Value]
        self.used = 0
        self._reserved = 0
        self._held = 0  # by arrays
        self.dropped_arrays = 0
        self.dropped_stats = 0
        self._arrays: deque[Value | AttentionWeights] = deque()
        self._stats: deque[int] = deque()  # ids
        self._waiting: list[tuple[int, np.ndarray, int]] = []

    def look(self, at: int, array: np.ndarray) -> None:
        """Fill in statistics of a value, now or at the next `settle`, and, if wanted, a copy."""
        self.measure(at, array)
        if self.part is not None:
            value = self.value(at)
            copied, value.part = self.part.of(array)
            self.hold(value, copied)

    def measure(self, at: int, array: np.ndarray) -> None:
        """Fill in statistics of a value, now or at the next `settle`."""
        if self.exact and array.size > SAMPLE:
            self.value(at).stats = statistics(array)
        else:
            most = SAMPLE if self.exact else QUICK
            self._waiting.append((at, spread(array, most), array.size))
            if len(self._waiting) >= MOST_WAITING:
                self.settle()
        self.used += STATS_BYTES
        self._stats.append(at)
        if self.used > self.budget:
            self._let_go()

    def hold(self, value: Value | AttentionWeights, array: np.ndarray) -> None:
        """Let a value have an array of its own, under the budget."""
        value.array = array
        self.used += array.nbytes
        self._held += array.nbytes
        self._arrays.append(value)
        if self.used > self.budget:
            self._let_go()

    def reserve(self, size: int) -> None:
        """So many bytes of the budget are taken by what is neither an array nor statistics."""
        self.used += size - self._reserved
        self._reserved = size
        if self.used > self.budget:
            self._let_go()

    def settle(self) -> None:
        """Compute the statistics that are still to be computed."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            ids, samples, sizes = zip(*waiting)
            bits = FINE if self.exact else COARSE
            for at, stats in zip(ids, statistics_of(samples, sizes, bits=bits)):
                self.value(at).stats = stats

    def copy_parameter(self, array: np.ndarray) -> np.ndarray | None:
        """A copy of a parameter if arrays are kept and there is room for it."""
        if self.part is None or self.used + array.nbytes > self.budget:
            return None
        self.used += array.nbytes
        return array.copy()

    def _let_go(self) -> None:
        self._let_arrays_go(self.budget // 8)
        if self.used > self.budget:
            self.settle()
        while self.used > self.budget and self._stats:
            self.value(self._stats.popleft()).stats = None
            self.used -= STATS_BYTES
            self.dropped_stats += 1
        self._let_arrays_go(0)

    def _let_arrays_go(self, least: int) -> None:
        """The oldest, until the budget is kept or they take no more than this."""
        while self.used > self.budget and self._held > least:
            value = self._arrays.popleft()
            if value.array is not None:
                self.used -= value.array.nbytes
                self._held -= value.array.nbytes
                value.array = None
                self.dropped_arrays += 1

    def notes(self) -> list[str]:
        """What was let go, as sentences."""
        return [
            f"{count} of the oldest {what} were let go to keep the tape within its budget of "
            f"{self.budget:,} bytes; what is left of them is {left}."
            for count, what, left in (
                (self.dropped_arrays, "arrays", "their statistics"),
                (self.dropped_stats, "statistics", "their shapes"),
            )
            if count
        ]


class Pace:
    """Which runs of the model are looked at: every so many, and more rarely as the tape fills.

    Once records have filled half of the budget it is every second of them, and whenever they have
    grown by another 32nd of it, half as many again: that is enough for any training.

    >>> pace = Pace(every=1, budget=64 * RECORD_BYTES)
    >>> values, looked = 0, []
    >>> for step in range(100):
    ...     if pace.looks_at(step, values):
    ...         looked.append(step)
    ...         values += 8
    >>> looked
    [0, 1, 2, 3, 4, 6, 8, 16, 32, 64]
    """

    def __init__(self, every: int, budget: int) -> None:
        self.every = every
        self._budget = budget
        self._full = budget // 2
        self._dense: int | None = None

    def looks_at(self, step: int, values: int) -> bool:
        """Whether to look at this run, with so many values on the tape."""
        if step % self.every == 0 and values * RECORD_BYTES > self._full:
            if self._dense is None:
                self._dense = step
            self._full = values * RECORD_BYTES + self._budget // 32
            self.every *= 2
        return step % self.every == 0

    def notes(self) -> list[str]:
        """What was not looked at, as sentences."""
        if self._dense is None:
            return []
        return [
            f"From run {self._dense:,} of the model on fewer and fewer were looked at, at last "
            f"every {ordinal(self.every)}, to keep the tape within its budget of "
            f"{self._budget:,} bytes; a larger budget keeps more, and every=… spreads them evenly."
        ]
