"""One array as a picture: which of its cells are shown, and a byte for each of them.

A byte is cheap to send and enough to colour with: codes 0…250 run over the range of a cell's map,
about zero where data is signed, and the five codes above say what no number says: clipped, NaN,
±Inf. Every map has a range of its own, so the page can colour by map, by tensor or by model
without asking again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import look
from ..capture.statistics import Stats, statistics
from .cells import draw_bars, draw_grid, draw_maps
from .svg import document, rect, text_element
from .text import printable, tensor_line
from .view import View

__all__ = ["ArrayView", "decode", "encode", "rms_limit"]

_CODES = look.LOOK["codes"]
TOP: int = _CODES["top"]
MOST_MAPS = 64
MOST_SIDE = 64
MOST_COLUMNS = 128
MOST_BARS = 128
_LEGEND = {"+": "clipped +", "−": "clipped −", "×": "NaN ×", "∞": "∞", "-∞": "-∞"}
BUDGET = MOST_MAPS * MOST_SIDE * MOST_SIDE


def encode(values: np.ndarray, limit: float, signed: bool) -> np.ndarray:
    """Codes of values whose range ends at `limit`.

    >>> encode(np.array([-1.0, 0.0, 1.0, 3.0, np.nan]), 1.0, signed=True).tolist()
    [0, 125, 250, 252, 253]
    """
    values = np.asarray(values, dtype=np.float64)
    middle = TOP / 2 if signed else 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        share = values / limit if limit > 0 else np.sign(values)
        steps = np.floor(share * (TOP - middle) + middle + 0.5)
        # Rounding may put the end of the range itself just outside.
        slack = 1 + 1e-6
        codes = np.clip(np.nan_to_num(steps), 0, TOP).astype(np.uint8)
        codes[share > slack] = _CODES["high"]
        codes[share < (-slack if signed else -1e-6)] = _CODES["low"]
    codes[np.isnan(values)] = _CODES["nan"]
    codes[values == np.inf] = _CODES["posinf"]
    codes[values == -np.inf] = _CODES["neginf"]
    return codes


def decode(codes: np.ndarray, limit: float, signed: bool) -> np.ndarray:
    """The values that codes stand for, to half a step; a clipped one is the end of the range.

    >>> decode(np.array([0, 125, 250, 253], np.uint8), 2.0, signed=True).tolist()
    [-2.0, 0.0, 2.0, nan]
    """
    codes = np.asarray(codes)
    middle = TOP / 2 if signed else 0.0
    values = (codes.astype(np.float64) - middle) / (TOP - middle) * limit
    for name, value in (
        ("low", -limit if signed else 0.0),
        ("high", limit),
        ("nan", np.nan),
        ("posinf", np.inf),
        ("neginf", -np.inf),
    ):
        values[codes == _CODES[name]] = value
    return values


def rms_limit(stats: Stats) -> float:
    """Where colours end, estimated from statistics alone: 3σ about zero, at most max|x|."""
    if not math.isfinite(stats.min):
        return 0.0
    largest = max(abs(stats.min), abs(stats.max))
    return min(largest, look.LOOK["scale"]["sigmas"] * math.hypot(stats.mean, stats.std))


@dataclass(slots=True)
class _Axis:
    """Which places of an axis are kept: all, every n-th, or the beginning and the end."""

    size: int
    kept: np.ndarray
    cut: int | None = None
    step: int = 1

    @classmethod
    def whole(cls, size: int) -> _Axis:
        return cls(size, np.arange(size))

    @classmethod
    def ends(cls, size: int, most: int, room: int = 0) -> _Axis:
        # "64 of 65 rows" would hide a row for nothing, so an axis may run over into `room`.
        if size <= max(most, min(most + most // 4, room)):
            return cls.whole(size)
        head = (most + 1) // 2
        places = np.concatenate([np.arange(head), np.arange(size - (most - head), size)])
        return cls(size, places, cut=head)

    @classmethod
    def every(cls, size: int, most: int) -> _Axis:
        step = -(-size // max(1, most))
        return cls(size, np.arange(0, size, step), step=max(1, step))

    @property
    def complete(self) -> bool:
        return len(self.kept) == self.size

    def text(self, noun: str) -> str:
        if self.complete:
            return ""
        if self.step > 1:
            return f"every {_ordinal(self.step)} {noun.removesuffix('s')}"
        return f"{len(self.kept)} of {self.size:,} {noun}"


def _ordinal(number: int) -> str:
    special = 10 <= number % 100 <= 20
    return f"{number}{'th' if special else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


@dataclass(slots=True)
class _Plan:
    """How a tensor becomes a picture."""

    layout: str
    prefix: tuple[int, ...]
    axes: list[_Axis]
    names: list[str] | None = None
    columns: int | None = None
    array: np.ndarray = field(default_factory=lambda: np.zeros(0))


def _plan(array: np.ndarray, role: str, image: bool, budget: int) -> _Plan:
    """Choose layout and cells. `image` says that three dimensions are one example's maps."""
    prefix: tuple[int, ...] = ()
    if role != "weight" and array.ndim > 2 and not (image and array.ndim == 3):
        prefix, array = (0,), array[:1].reshape(array.shape[1:])
    if role == "weight" and array.ndim == 4:
        return _kernels(array, budget)
    if array.ndim > 3:
        array = array.reshape(-1, *array.shape[-2:])
    if array.ndim == 3 and array.shape[1:] != (1, 1):
        return _maps(array, prefix, budget)
    if array.ndim == 2 and (array.shape[0] == 1 or array.shape[1] == 1):
        if array.shape[0] == 1:
            prefix += (0,)
        array = array.reshape(-1)
    if array.ndim == 2:
        rows = _Axis.ends(array.shape[0], _fits(budget, 2, MOST_SIDE), budget // MOST_COLUMNS)
        fits = budget // max(1, len(rows.kept))
        columns = _Axis.ends(array.shape[1], _fits(fits, 1), fits)
        return _Plan("heatmap", prefix, [rows, columns], array=array)
    array = array.reshape(-1)
    return _Plan("vector", prefix, [_Axis.ends(array.size, _fits(budget, 1))], array=array)


def _fits(budget: int, axes: int, most: int = MOST_COLUMNS) -> int:
    return max(2, min(most, int(budget ** (1 / axes))))


def _maps(array: np.ndarray, prefix: tuple[int, ...], budget: int) -> _Plan:
    count, rows, columns = array.shape
    side = max(4, min(2 * MOST_SIDE, int(math.sqrt(budget / max(1, min(count, MOST_MAPS))))))
    # A photograph without its middle is no photograph: images are thinned, not cut.
    step = max(1, -(-max(rows, columns) // side))
    axes = [_Axis.every(size, -(-size // step)) for size in (rows, columns)]
    cells = max(1, len(axes[0].kept) * len(axes[1].kept))
    kept = _Axis.ends(count, max(1, min(MOST_MAPS, budget // cells)))
    return _Plan("maps", prefix, [kept, *axes], array=array)


def _kernels(array: np.ndarray, budget: int) -> _Plan:
    """Convolution weights (out, in, h, w): a row of kernels for each output channel."""
    outputs, inputs, *size = array.shape
    if size == [1, 1]:
        return _plan(array.reshape(outputs, inputs), "weight", False, budget)
    if min(outputs, inputs) == 1:
        return _maps(array.reshape(-1, *size), (), budget)
    columns = _Axis.ends(inputs, min(inputs, 8))
    rows = _Axis.ends(outputs, max(1, MOST_MAPS // len(columns.kept)))
    picked = array[np.ix_(rows.kept, columns.kept)].reshape(-1, *size)
    plan = _maps(picked, (), budget)
    flat = [f"{o}, {i}" for o in rows.kept for i in columns.kept]
    plan.names = [flat[at] for at in plan.axes[0].kept]
    plan.columns = len(columns.kept) if plan.axes[0].complete else None
    shown = _Axis(outputs * inputs, np.arange(len(plan.names)))
    shown.cut = plan.axes[0].cut
    plan.array = picked[plan.axes[0].kept]
    plan.axes[0] = shown
    return plan


class ArrayView(View):
    """One tensor as codes, with the facts that say what they mean.

    Args:
        array: any real array.
        title: what it is: "Output", "weight".
        role: "activation", "weight" or "gradient".
        image: a 3-d activation is one example's maps, not a batch of matrices.
        shape: of the whole tensor, where `array` is a part of it.
        stats: of the whole tensor; computed from `array` otherwise.
        model_limit: where colours end for all tensors of the role.
        budget: the most cells to keep.
    """

    def __init__(
        self,
        array: Any,
        *,
        title: str = "array",
        role: str = "activation",
        key: str = "",
        image: bool = False,
        shape: Sequence[int] | None = None,
        stats: Stats | None = None,
        model_limit: float = 0.0,
        budget: int = BUDGET,
    ) -> None:
        array = np.asarray(array)
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"an array of {array.dtype} has no picture: expected real numbers or booleans"
            )
        self.title, self.role, self.key = title, role, key or title
        self.array, self.dtype = array, array.dtype.name
        self.full_shape = tuple(array.shape if shape is None else shape)
        self.stats = statistics(array) if stats is None else stats
        plan = _plan(array, role, image, max(1, budget))
        self.layout, self.prefix, self.columns = plan.layout, plan.prefix, plan.columns
        self.axes, self.names = plan.axes, plan.names
        picked: Any = plan.array
        for axis, places in enumerate(plan.axes):
            if axis or plan.names is None:
                picked = np.take(picked, places.kept, axis=axis)
        self._encode(np.asarray(picked, dtype=np.float64), model_limit)

    def _encode(self, cells: np.ndarray, model_limit: float) -> None:
        # The whole tensor decides on the sign, so that all of its maps share one colour map.
        self.signed = self.stats.min < 0
        self.limit = look.scale_of(cells).limit
        maps = cells if self.layout == "maps" else cells[None]
        scales = [look.scale_of(one) for one in maps]
        self.limits = [scale.limit for scale in scales]
        # A map's codes reach as far as any scale may ask, and not to an outlier beyond.
        self.ranges = [
            max(min(_largest(one), self.limit), limit) for one, limit in zip(maps, self.limits)
        ]
        codes = [encode(one, end, self.signed) for one, end in zip(maps, self.ranges)]
        self.codes = np.stack(codes).reshape(cells.shape) if codes else cells.astype(np.uint8)
        self.model_limit = max(model_limit, self.limit)

    @property
    def data(self) -> bytes:
        """The codes, in C order."""
        return self.codes.tobytes()

    @property
    def shown(self) -> str:
        """What of the tensor is shown, or nothing where that is all: "example 0 of 32"."""
        parts = []
        if self.prefix and self.full_shape[0] > 1:
            parts.append(f"example 0 of {self.full_shape[0]:,}")
        nouns = {"maps": ("maps", "rows", "columns"), "heatmap": ("rows", "columns")}
        for axis, noun in zip(self.axes, nouns.get(self.layout, ("values",))):
            parts.append(axis.text(noun))
        if self.names is not None and len(self.names) < self.full_shape[0] * self.full_shape[1]:
            parts = [f"{len(self.names)} of {self.axes[0].size:,} kernels", *parts[1:]]
        return ", ".join(part for part in parts if part)

    def facts(self, offset: int = 0) -> dict[str, Any]:
        """What the page must know beside the bytes, which begin at `offset`."""
        stats = self.stats
        return {
            "key": self.key,
            "title": self.title,
            "role": self.role,
            "layout": self.layout,
            "shape": list(self.codes.shape),
            "full_shape": list(self.full_shape),
            "dtype": self.dtype,
            "text": self.shown,
            "index": self._index(),
            "cuts": [axis.cut for axis in self.axes],
            "columns": self.columns,
            "prefix": list(self.prefix),
            "signed": self.signed,
            "lo": _finite(stats.min),
            "hi": _finite(stats.max),
            "limit": self.limit,
            "model_limit": self.model_limit,
            "limits": self.limits,
            "ranges": self.ranges,
            "offset": offset,
            "length": self.codes.size,
            **stats_facts(stats),
        }

    def _index(self) -> list[list[Any] | None]:
        index: list[list[Any] | None] = [
            None if axis.complete else axis.kept.tolist() for axis in self.axes
        ]
        if self.names is not None:
            index[0] = list(self.names)
        return index

    def json(self) -> dict[str, Any]:
        return self.facts()

    def text(self) -> str:
        return tensor_line(np.broadcast_to(np.zeros((), self.dtype), self.full_shape), self.stats)

    def svg(self) -> str:
        picture, wide, high = self.drawing(12, 34, 640, 420)
        wide = max(wide, 360.0)
        parts = [
            rect(0, 0, wide + 24, high + 64, "background"),
            text_element(12, 22, printable(self.title), weight=600),
            *picture,
            text_element(12, high + 52, self.legend(), fill="muted", size=11),
        ]
        return document(wide + 24, high + 64, parts, f"{printable(self.title)}: {self.text()}")

    def legend(self) -> str:
        """The sentence under the picture: which range its colours span, and what they hide."""
        end = look.format_number(self.limit)
        parts = [f"colours from {'-' + end if self.signed else '0'} to {end}"]
        codes = self.codes if self.layout == "maps" else self.codes[None]
        if codes.size:
            values = [decode(one, end, self.signed) for one, end in zip(codes, self.ranges)]
            signs = self._signs(codes, np.stack(values))
            for letter, text in _LEGEND.items():
                count = int(np.count_nonzero(signs == letter))
                parts += [f"{look.format_count(count)} {text}"] if count else []
        return ", ".join([*parts, *([self.shown] if self.shown else [])])

    def drawing(
        self, x: float, y: float, wide: float, high: float
    ) -> tuple[list[str], float, float]:
        """SVG elements for a box, and the width and height that they take."""
        if not self.codes.size:
            return [text_element(x, y + 14, "no values", fill="muted")], 0.0, 20.0
        codes = self.codes if self.layout == "maps" else self.codes[None]
        values = np.stack([decode(one, end, self.signed) for one, end in zip(codes, self.ranges)])
        if self.layout == "vector":
            return draw_bars(values[0], self.limit, self.signed, x, y, wide, high)
        signs = self._signs(codes, values)
        if self.layout == "maps":
            return draw_maps(values, signs, self.limit, self.signed, x, y, wide, high)
        rows, columns = values[0].shape
        cell = max(1, min(16, int(wide // columns), int(high // rows)))
        parts = draw_grid(values[0], signs[0], self.limit, self.signed, x, y, cell)
        return parts, columns * cell, rows * cell

    def _signs(self, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """A letter for each cell that is clipped or no number, else ""."""
        signs = np.full(codes.shape, "", dtype="<U2")
        # A value within half a step of the limit may well lie below it.
        edge = self.limit + np.array(self.ranges) / TOP / 2
        edge = edge.reshape(-1, *[1] * (codes.ndim - 1))
        with np.errstate(invalid="ignore"):
            signs[(values > edge) | (codes == _CODES["high"])] = "+"
            signs[(values < -edge) | (codes == _CODES["low"])] = "−"
        for name, letter in (("nan", "×"), ("posinf", "∞"), ("neginf", "-∞")):
            signs[codes == _CODES[name]] = letter
        return signs


def _largest(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def stats_facts(stats: Stats) -> dict[str, Any]:
    """Statistics as the page shows them: texts, and the histogram where there is one."""
    number = look.format_number
    texts = [("values", look.format_count(stats.count))]
    if math.isfinite(stats.min):
        texts += [("min", number(stats.min)), ("max", number(stats.max))]
        texts += [("mean", number(stats.mean)), ("std", number(stats.std))]
    if stats.zeros:
        texts.append(("zero", f"{number(100 * stats.zero_fraction)}%"))
    for name, count in (("NaN", stats.nan), ("+∞", stats.posinf), ("-∞", stats.neginf)):
        if count:
            texts.append((name, look.format_count(count)))
    histogram = None
    if stats.histogram.sum():
        # Six digits place an edge to a pixel; more would only be bytes.
        edges = [float(f"{edge:.6g}") for edge in stats.edges.tolist()]
        histogram = {"edges": edges, "counts": stats.histogram.tolist()}
    return {"stats": [list(pair) for pair in texts], "histogram": histogram}
