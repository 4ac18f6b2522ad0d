"""Rows of numbers that grow while something runs, and never outgrow their limit."""

from __future__ import annotations

import numpy as np

__all__ = ["Series"]


class Series:
    """Float32 rows of one width, each at a step; appending costs about a microsecond.

    The buffer doubles as it fills. At ``limit`` rows every second one is dropped and from then on
    only every second one is kept, so that a run of any length has between ``limit / 2`` and
    ``limit`` rows, evenly spread; ``generation`` says how often that happened. ``last`` is always
    the newest row.

    >>> loss = Series(width=1, limit=4)
    >>> for step in range(1, 7):
    ...     loss.append(step, 1 / step)
    >>> loss.steps.tolist(), loss.last[0]
    ([1, 3, 5], 6)
    """

    __slots__ = ("_rows", "_steps", "count", "generation", "last", "limit", "seen", "stride")

    def __init__(self, width: int, limit: int = 65_536) -> None:
        self._steps = np.empty(min(limit, 64), np.int64)
        self._rows = np.empty((min(limit, 64), width), np.float32)
        self.limit = limit
        self.count = self.seen = self.generation = 0
        self.stride = 1
        self.last: tuple[int, np.ndarray | float] | None = None

    def append(self, step: int, row: np.ndarray | float) -> None:
        """Add ``row`` (an array of the width, or a number for width 1) seen at ``step``."""
        self.last = (step, row)
        seen = self.seen
        self.seen = seen + 1
        if seen % self.stride:
            return
        if self.count == len(self._steps):
            self._make_room()
            if seen % self.stride:
                return
        self._steps[self.count] = step
        self._rows[self.count] = row
        self.count += 1

    def _make_room(self) -> None:
        if self.count < self.limit:
            capacity = min(2 * self.count, self.limit)
            self._steps = np.resize(self._steps, capacity)
            self._rows = np.resize(self._rows, (capacity, self._rows.shape[1]))
            return
        kept = (self.count + 1) // 2
        self._steps[:kept] = self._steps[: self.count : 2].copy()
        self._rows[:kept] = self._rows[: self.count : 2].copy()
        self.count = kept
        self.stride *= 2
        self.generation += 1

    @property
    def steps(self) -> np.ndarray:
        """The steps of the kept rows: ``(count,)`` int64, a copy."""
        return self._steps[: self.count].copy()

    @property
    def rows(self) -> np.ndarray:
        """The kept rows: ``(count, width)`` float32, a copy."""
        return self._rows[: self.count].copy()

    def since(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Steps and rows that were kept after the first ``count`` ones, as copies."""
        part = slice(count, self.count)
        return self._steps[part].copy(), self._rows[part].copy()
