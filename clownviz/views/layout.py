"""Which cells of a tensor a picture shows, and in which order: maps, a heatmap or a vector.

What is left out is left out of the middle, so that both ends of an axis are seen; only the pixels
of an image are thinned instead, for a photograph without its middle is no photograph.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

__all__ = [
    "BUDGET", "MOST_COLUMNS", "MOST_MAPS", "MOST_SIDE", "Axis", "Layout", "Piece", "layout_of",
]  # fmt: skip

MOST_MAPS = 64
MOST_SIDE = 64
MOST_COLUMNS = 128
MOST_ACROSS = 8
BUDGET = MOST_MAPS * MOST_SIDE * MOST_SIDE


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring places of an axis: they are `first`, `first + step`, … in the tensor."""

    start: int
    stop: int
    first: int
    step: int

    @property
    def last(self) -> int:
        """The last place in the tensor."""
        return self.first + (self.stop - self.start - 1) * self.step


@dataclass(slots=True)
class Axis:
    """Which places of an axis are kept: all, every n-th, or the beginning and the end."""

    size: int
    kept: np.ndarray
    cut: int | None = None
    step: int = 1

    @classmethod
    def whole(cls, size: int) -> Axis:
        """All of them."""
        return cls(size, np.arange(size))

    @classmethod
    def ends(cls, size: int, most: int, room: int = 0) -> Axis:
        """At most `most` from both ends."""
        # "64 of 65 rows" would hide a row for nothing, so an axis may run over into `room`.
        if size <= max(most, min(most + most // 4, room)):
            return cls.whole(size)
        head = (most + 1) // 2
        places = np.concatenate([np.arange(head), np.arange(size - (most - head), size)])
        return cls(size, places, cut=head)

    @classmethod
    def every(cls, size: int, most: int) -> Axis:
        """At most `most`, evenly spread."""
        step = max(1, -(-size // max(1, most)))
        return cls(size, np.arange(0, size, step), step=step)

    @property
    def complete(self) -> bool:
        """Whether nothing is left out."""
        return len(self.kept) == self.size

    def pieces(self) -> list[Piece]:
        """What lies on either side of the cut, or all of it."""
        count = len(self.kept)
        if self.cut is None or not 0 < self.cut < count:
            return [Piece(0, count, 0, self.step)] if count else []
        tail = Piece(self.cut, count, int(self.kept[self.cut]), 1)
        return [Piece(0, self.cut, 0, 1), tail]

    def text(self, noun: str) -> str:
        """What of the axis is shown: "64 of 300 rows"; nothing where that is all."""
        if self.complete:
            return ""
        if self.step > 1:
            return f"every {_ordinal(self.step)} {noun.removesuffix('s')}"
        return f"{len(self.kept)} of {self.size:,} {noun}"


def _ordinal(number: int) -> str:
    special = 10 <= number % 100 <= 20
    return f"{number}{'th' if special else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


@dataclass(slots=True)
class Layout:
    """How a tensor becomes a picture.

    Attributes:
        kind: "maps", "heatmap" or "vector".
        prefix: the index of what is shown in the dimensions before `axes`.
        axes: one a dimension of the picture.
        names: of the maps, where they are indexed by several dimensions: "3, 0".
        columns: how many maps stand in a row, where the tensor says so.
        array: what `axes` pick from; the maps of `names` are picked already.
    """

    kind: str
    prefix: tuple[int, ...]
    axes: list[Axis]
    names: list[str] | None = None
    columns: int | None = None
    array: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def cells(self) -> np.ndarray:
        """The values that are shown."""
        picked = self.array
        for axis, places in enumerate(self.axes):
            if axis or self.names is None:
                picked = np.take(picked, places.kept, axis=axis)
        return picked


def layout_of(
    array: np.ndarray, role: str, image: bool, budget: int, *, tiles: bool = False
) -> Layout:
    """Choose a layout and its cells.

    `image` says that three dimensions are one example's maps; `tiles` draws maps of one cell as
    maps too, which are otherwise one vector or matrix.
    """
    prefix: tuple[int, ...] = ()
    if role != "weight" and array.ndim > 2 and not (image and array.ndim == 3):
        prefix = (0,)
        array = array[0] if len(array) else array.reshape(0, *array.shape[2:])
    if array.ndim > 3 and array.shape[-2:] == (1, 1) and not tiles:
        array = array.reshape(array.shape[:-2])
    if array.ndim > 3:
        return _facets(array, prefix, budget)
    if array.ndim == 3 and (tiles or array.shape[1:] != (1, 1)):
        return _maps(array, prefix, budget)
    if array.ndim == 2 and 1 in array.shape:
        if array.shape[0] == 1:
            prefix += (0,)
        array = array.reshape(-1)
    if array.ndim == 2:
        rows = Axis.ends(array.shape[0], _fits(budget, 2, MOST_SIDE), budget // MOST_COLUMNS)
        fits = budget // max(1, len(rows.kept))
        columns = Axis.ends(array.shape[1], _fits(fits, 1), fits)
        return Layout("heatmap", prefix, [rows, columns], array=array)
    array = array.reshape(-1)
    return Layout("vector", prefix, [Axis.ends(array.size, _fits(budget, 1))], array=array)


def _fits(budget: int, axes: int, most: int = MOST_COLUMNS) -> int:
    return max(2, min(most, int(budget ** (1 / axes))))


def _maps(array: np.ndarray, prefix: tuple[int, ...], budget: int) -> Layout:
    count, rows, columns = array.shape
    side = max(4, min(2 * MOST_SIDE, int(math.sqrt(budget / max(1, min(count, MOST_MAPS))))))
    step = max(1, -(-max(rows, columns) // side))
    axes = [Axis.every(size, -(-size // step)) for size in (rows, columns)]
    cells = max(1, len(axes[0].kept) * len(axes[1].kept))
    kept = Axis.ends(count, max(1, min(MOST_MAPS, budget // cells)))
    return Layout("maps", prefix, [kept, *axes], array=array)


def _facets(array: np.ndarray, prefix: tuple[int, ...], budget: int) -> Layout:
    """Maps (h, w) by several dimensions: the last of these counts columns, the others rows.

    Convolution weights (out, in, h, w) get a row of kernels for each output channel.
    """
    lead, size = array.shape[:-2], array.shape[-2:]
    if sum(length != 1 for length in lead) < 2:
        return _maps(array.reshape(-1, *size), prefix, budget)
    columns = Axis.ends(lead[-1], min(lead[-1], MOST_ACROSS))
    above = math.prod(lead[:-1])
    rows = Axis.ends(above, max(1, MOST_MAPS // max(1, len(columns.kept))))
    joined = array.reshape(above, lead[-1], *size)
    picked = joined[np.ix_(rows.kept, columns.kept)].reshape(-1, *size)
    layout = _maps(picked, prefix, budget)
    kept = layout.axes[0]
    indices = list(itertools.product(_indices(lead[:-1], rows.kept), columns.kept.tolist()))
    layout.names = [", ".join(map(str, (*row, column))) for row, column in indices]
    layout.names = [layout.names[at] for at in kept.kept]
    layout.columns = len(columns.kept) if kept.complete else None
    layout.array = picked[kept.kept]
    layout.axes[0] = Axis(math.prod(lead), np.arange(len(layout.names)), cut=kept.cut)
    return layout


def _indices(shape: tuple[int, ...], flat: np.ndarray) -> Iterator[tuple[int, ...]]:
    """Flat places as indices, for as many dimensions as there may be."""
    for place in flat.tolist():
        index = []
        for size in reversed(shape):
            index.append(place % size)
            place //= size
        yield tuple(reversed(index))
