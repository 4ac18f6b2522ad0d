"""Heat strips as static SVG: a row a layer, steps from left to right, colours on a log scale."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from .. import look
from ..recording.training import ABSENT
from .svg import rect, text_element

__all__ = ["HeatScale", "norm_scale", "ratio_scale"]

LEVELS = 33
COLUMNS = 120


@dataclass(frozen=True, slots=True)
class HeatScale:
    """Colours from `low` to `high` by logarithm; `map` is a colour map of the look."""

    map: str
    low: float
    high: float

    def level(self, value: float) -> int:
        """The number of a positive value's colour; zero has the lowest."""
        if value <= 0:
            return 0
        place = math.log(value / self.low) / math.log(self.high / self.low)
        return round(min(max(place, 0.0), 1.0) * (LEVELS - 1))

    def color(self, value: float) -> str:
        """What a cell is filled with, as CSS."""
        if math.isnan(value):
            return look.variable("nan")
        if math.isinf(value):
            return look.variable("infinite")
        if value == ABSENT:
            return look.variable("masked")
        return _colors(self.map)[self.level(value)]

    def rows(self, values: np.ndarray, box: tuple[float, float, float, float]) -> list[str]:
        """Rows of cells in a box (x, y, width, height of a row): one path a colour and row."""
        x, y, wide, high = box
        parts = []
        for layer in range(values.shape[1]):
            cells = [self.color(value) for value in binned(values[:, layer])]
            cell = wide / max(1, len(cells))
            top = y + layer * high + 1
            for start, stop, color in _runs(cells):
                # Both ends are rounded alike: neighbours that share one leave no gap between them.
                left, right = round(x + start * cell, 1), round(x + stop * cell, 1)
                parts.append(
                    f'<path shape-rendering="crispEdges" style="fill:{color}" '
                    f'd="M{left:.1f} {top:g}H{right:.1f}v{high - 2:g}H{left:.1f}z"/>'
                )
        return parts

    def legend(self, x: float, y: float) -> list[str]:
        """The scale with its ends, and what the other colours mean."""
        table = look.colormap_table(self.map, 16)
        low, high = look.format_number(self.low), look.format_number(self.high)
        if self.map == "diverging":
            low, high = f"≤ {low}", f"≥ {high}"
        start = x + len(low) * 6.6 + 6
        parts = [text_element(x, y + 9, low, fill="muted", size=11)]
        for at, (red, green, blue) in enumerate(table.tolist()):
            parts.append(
                f'<rect x="{start + at * 6:g}" y="{y:g}" width="6" height="9" '
                f'shape-rendering="crispEdges" fill="#{red:02x}{green:02x}{blue:02x}"/>'
            )
        x = start + 16 * 6 + 6
        parts.append(text_element(x, y + 9, f"{high}, log scale", fill="muted", size=11))
        x += (len(high) + 11) * 6.2 + 12
        for color, name in (("nan", "NaN"), ("infinite", "∞"), ("masked", "no gradient")):
            parts.append(rect(x, y, 9, 9, color))
            parts.append(text_element(x + 13, y + 9, name, fill="muted", size=11))
            x += 22 + len(name) * 6.4
        return parts


@functools.cache
def _colors(name: str) -> list[str]:
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in look.colormap_table(name, LEVELS).tolist()]


def norm_scale(norms: np.ndarray) -> HeatScale:
    """From the smallest norm to the largest, but at most eight powers of ten below it."""
    positive = norms[np.isfinite(norms) & (norms > 0)]
    if not positive.size:
        return HeatScale("sequential", 0.1, 1.0)
    low, high = float(positive.min()), float(positive.max())
    return HeatScale("sequential", max(min(low, high / 10), high * 1e-8), high)


def ratio_scale() -> HeatScale:
    """Update ratios have a usual size: 1e-3 is neutral, a hundred times less or more is the end."""
    return HeatScale("diverging", 1e-5, 1e-1)


def binned(values: np.ndarray, columns: int = COLUMNS) -> list[float]:
    """One value a column: the geometric mean, but NaN or Inf if any is, `ABSENT` if all are.

    >>> binned(np.array([1.0, 4.0, np.nan, 2.0]), columns=2)
    [2.0, nan]
    """
    if not len(values):
        return []
    parts = np.array_split(np.asarray(values, np.float64), min(columns, len(values)))
    return [_joined(part) for part in parts]


def _joined(values: np.ndarray) -> float:
    if np.isnan(values).any():
        return math.nan
    if np.isinf(values).any():
        return math.inf
    positive = values[values > 0]
    if positive.size:
        return float(np.exp(np.log(positive).mean()))
    return 0.0 if (values == 0).any() else ABSENT


def _runs(cells: list[str]) -> list[tuple[int, int, str]]:
    runs: list[tuple[int, int, str]] = []
    for at, color in enumerate(cells):
        if runs and runs[-1][2] == color:
            runs[-1] = (runs[-1][0], at + 1, color)
        else:
            runs.append((at, at + 1, color))
    return runs
