"""How much of a tensor stays on a tape, and how the tape keeps to its budget of bytes."""

from __future__ import annotations

import re
from collections import deque

import numpy as np

from .statistics import statistics
from .tape import AttentionWeights, Value

__all__ = ["KEEPS", "Keeper", "parse_bytes"]

KEEPS = ("shapes", "statistics", "sample", "full")

SAMPLE_VALUES = 65_536
STATS_BYTES = 800
VALUE_BYTES = 200

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


class Keeper:
    """Looks at arrays, and lets go of the oldest ones when the budget is used up.

    Full arrays go first and leave their statistics; then statistics go and leave shapes.
    """

    def __init__(self, keep: str, budget: int) -> None:
        if keep not in KEEPS:
            raise ValueError(f"keep={keep!r} is not known: expected one of {', '.join(KEEPS)}")
        self.keep = keep
        self.budget = budget
        self.used = 0
        self.dropped_arrays = 0
        self.dropped_stats = 0
        self._arrays: deque[Value | AttentionWeights] = deque()
        self._stats: deque[Value] = deque()

    @property
    def looks(self) -> bool:
        """Whether arrays are looked at, beyond their shapes."""
        return self.keep != "shapes"

    def look(self, value: Value, array: np.ndarray) -> None:
        """Fill in statistics and, if wanted, a copy."""
        value.stats = statistics(array)
        self.used += VALUE_BYTES + STATS_BYTES
        self._stats.append(value)
        copied = self.copy(array)
        if copied is not None:
            self.hold(value, copied)
        elif self.used > self.budget:
            self._let_go()

    def hold(self, value: Value | AttentionWeights, array: np.ndarray) -> None:
        """Let a value have an array of its own, under the budget."""
        value.array = array
        self.used += array.nbytes
        self._arrays.append(value)
        if self.used > self.budget:
            self._let_go()

    def copy(self, array: np.ndarray) -> np.ndarray | None:
        """What to keep of an array; None for nothing."""
        if self.keep == "full":
            return array.copy()
        if self.keep == "sample":
            return sample(array).copy()
        return None

    def copy_parameter(self, array: np.ndarray) -> np.ndarray | None:
        """A copy of a parameter if everything is kept and there is room for it."""
        if self.keep not in ("full", "sample") or self.used + array.nbytes > self.budget:
            return None
        self.used += array.nbytes
        return array.copy()

    def _let_go(self) -> None:
        while self.used > self.budget and self._arrays:
            value = self._arrays.popleft()
            if value.array is not None:
                self.used -= value.array.nbytes
                value.array = None
                self.dropped_arrays += 1
        while self.used > self.budget and self._stats:
            self._stats.popleft().stats = None
            self.used -= STATS_BYTES
            self.dropped_stats += 1

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


def sample(array: np.ndarray) -> np.ndarray:
    """The first example of a batch, or as much of it as a picture can show."""
    kept = array[:1] if array.ndim > 1 else array
    axis = 0
    while kept.size > SAMPLE_VALUES and axis < kept.ndim:
        rest = kept.size // max(kept.shape[axis], 1)
        fits = max(1, SAMPLE_VALUES // max(rest, 1))
        kept = kept[(slice(None),) * axis + (slice(0, fits),)]
        axis += 1
    return kept
