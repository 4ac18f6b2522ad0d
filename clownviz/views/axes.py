"""Axes over steps as static SVG: ticks, averages, and curves that lose no spike.

They are those of the live chart (``front/curves.js``); the cases of
``tests/clownviz/views/axes.json`` hold for both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import look
from .svg import text_element

__all__ = ["Axes", "Curve", "linear_ticks", "log_ticks", "smoothed", "usual_span"]

SPANS = (0, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Curves are drawn as averages over about so many steps, with the measured values behind."""

LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 22


def usual_span(first: float, last: float) -> int:
    """The average that suits a run: over at most a fiftieth of its steps, so it hardly lags.

    >>> usual_span(1, 60), usual_span(1, 1000), usual_span(0, 10**6)
    (0, 10, 1000)
    """
    return max(span for span in SPANS if span == 0 or span * 50 <= last - first)


def smoothed(steps: np.ndarray, values: np.ndarray, span: float) -> np.ndarray:
    r"""A moving average that decays by :math:`e^{-\Delta/\mathit{span}}` over :math:`\Delta` steps.

    It is divided by the share of weights seen so far, so it is right from the first point on
    (Kingma & Ba, 2015, section 3). What is not finite is passed through and not averaged.

    >>> smoothed(np.array([1, 1000]), np.array([3.0, 7.0]), 10).tolist()
    [3.0, 7.0]
    """
    out = np.array(values, np.float64)
    if not span or not len(out):
        return out
    average = share = 0.0
    before = float(steps[0]) - 1
    for at, (step, value) in enumerate(zip(np.asarray(steps).tolist(), out.tolist())):
        if math.isfinite(value):
            kept = math.exp((before - step) / span)
            average = kept * average + (1 - kept) * value
            share = kept * share + (1 - kept)
            before = step
            # Steps that share a number add no weight of their own.
            out[at] = average / share if share else value
    return out


def linear_ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round numbers from `low` to `high`, about `wanted`, at 1, 2 or 5 times a power of ten.

    >>> linear_ticks(0, 2.3, 5)
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    span = high - low
    if not 0 < span < math.inf:
        return [low]
    rough = span / max(1, wanted)
    power = 10.0 ** math.floor(math.log10(rough))
    factor = next((f for f in (1, 2, 5) if f * power >= rough * 0.999), 10)
    step = factor * power
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def log_ticks(low: float, high: float, wanted: int) -> list[float]:
    """Powers of ten, fewer where they would crowd; 1, 2, 5 times them where there are hardly any.

    >>> log_ticks(0.02, 300, 4), log_ticks(1.5, 7, 4)
    ([0.1, 1.0, 10.0, 100.0], [2.0, 5.0])
    """
    first = math.ceil(math.log10(low) - 1e-9)
    last = math.floor(math.log10(high) + 1e-9)
    if last - first + 1 < 2:
        return _fine_log_ticks(low, high)
    stride = -(-(last - first + 1) // max(2, wanted))
    start = -(-first // stride) * stride
    return [float(f"1e{power}") for power in range(start, last + 1, stride)]


def _fine_log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    all_ticks = (float(f"{factor}e{power}") for power in powers for factor in (1, 2, 5))
    ticks = [tick for tick in all_ticks if low * 0.999 <= tick <= high * 1.001]
    return ticks if len(ticks) > 1 else linear_ticks(low, high, 4)


@dataclass(frozen=True, slots=True)
class Curve:
    """Values at steps; `color` is a name of the look, `faint` is drawn thin and behind."""

    name: str
    steps: np.ndarray
    values: np.ndarray
    color: str = "series.0"
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """Where steps and values stand on the paper: a plot area with its top left corner at x, y."""

    x: float
    y: float
    wide: float
    high: float
    steps: tuple[float, float]
    values: tuple[float, float]
    log: bool = False

    @staticmethod
    def around(
        curves: Iterable[Curve],
        box: tuple[float, float, float, float],
        *,
        log: bool = False,
        steps: tuple[float, float] | None = None,
    ) -> Axes:
        """Axes in a box (x, y, width, height) on which all curves have room."""
        curves = list(curves)
        x, y, wide, high = box
        ends = [float(s) for c in curves if len(c.steps) for s in (c.steps.min(), c.steps.max())]
        first, last = steps or ((min(ends), max(ends)) if ends else (1.0, 2.0))
        return Axes(
            x + LEFT,
            y + TOP,
            wide - LEFT - RIGHT,
            high - TOP - BOTTOM,
            (first, last) if first < last else (first, first + 1),
            _value_range([curve.values for curve in curves], log),
            log,
        )

    def across(self, step: np.ndarray | float) -> Any:
        """The x of a step."""
        first, last = self.steps
        return self.x + (np.asarray(step, np.float64) - first) / (last - first) * self.wide

    def up(self, value: np.ndarray | float) -> Any:
        """The y of a value; on a log axis what is not positive stands on the floor."""
        low, high = self.values
        value = np.asarray(value, np.float64)
        if self.log:
            place = np.log(np.maximum(value, low) / low) / math.log(high / low)
        else:
            place = (value - low) / (high - low)
        return self.y + self.high - place * self.high

    def drawn(self) -> list[str]:
        """Grid lines, the floor, and the numbers beside them."""
        wanted = max(2, round(self.high / 44))
        ticks = (log_ticks if self.log else linear_ticks)(*self.values, wanted)
        parts = []
        for tick in ticks:
            y = round(float(self.up(tick))) + 0.5
            parts.append(_rule(self.x, y, self.wide, "grid"))
            parts.append(_number(self.x - 7, y + 4, look.format_number(tick), "end"))
        floor = self.y + self.high
        parts.append(_rule(self.x, floor + 0.5, self.wide, "border"))
        for tick in linear_ticks(*self.steps, max(2, round(self.wide / 90))):
            x = float(self.across(tick))
            if tick.is_integer():
                # The last number ends where the axis does, so that it stays inside the picture.
                anchor = "end" if x > self.x + self.wide - 12 else "middle"
                x = min(x, self.x + self.wide)
                parts.append(_number(x, floor + 16, f"{tick:,.0f}", anchor))
        return parts

    def line(self, curve: Curve, values: np.ndarray, stroke: float, opacity: float) -> str:
        """A curve as one path: per pixel its first, lowest, highest and last value."""
        finite = np.isfinite(values)
        if not finite.any():
            return ""
        x, y = self.across(curve.steps[finite]), self.up(values[finite])
        columns = np.floor(x)
        starts = np.flatnonzero(np.concatenate([[True], columns[1:] != columns[:-1]]))
        stops = np.append(starts[1:], len(x)) - 1
        corners = np.stack(
            [y[starts], np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts), y[stops]], 1
        )
        points = []
        for at, (start, stop) in enumerate(zip(starts, stops)):
            heights = [corners[at, 0]] if start == stop else dict.fromkeys(corners[at].tolist())
            points += [f"{x[start]:.1f} {height:.1f}" for height in heights]
        # A path of a single point is drawn only with round ends.
        return (
            f'<path d="M{"L".join(points)}{"h0" if len(points) == 1 else ""}" '
            f'style="fill:none;stroke:{look.variable(curve.color)};stroke-width:{stroke:g};'
            f'opacity:{opacity:g};stroke-linejoin:round;stroke-linecap:round"/>'
        )

    def odd(self, curve: Curve) -> list[str]:
        """A mark at the upper edge wherever a curve is not finite, once a pixel."""
        marks: dict[int, float] = {}
        for step, value in zip(curve.steps.tolist(), curve.values.tolist()):
            if not math.isfinite(value):
                marks.setdefault(int(self.across(step)), value)
        return [
            text_element(
                x,
                self.y + 4,
                "×" if math.isnan(value) else "∞",
                fill="nan" if math.isnan(value) else "infinite",
                anchor="middle",
                weight=700,
            )
            for x, value in marks.items()
        ]

    def plot(self, curves: Iterable[Curve], span: float | None = None) -> list[str]:
        """Everything: axes, faint curves, what was measured, averages, marks."""
        if span is None:
            span = usual_span(*self.steps)
        shown = [curve for curve in curves if len(curve.steps)]
        parts = self.drawn()
        if not shown:
            x, y = self.x + self.wide / 2, self.y + self.high / 2
            return [*parts, text_element(x, y, "nothing recorded", fill="muted", anchor="middle")]
        means = {id(curve): smoothed(curve.steps, curve.values, span) for curve in shown}
        front = [curve for curve in shown if not curve.faint]
        parts += [self.line(c, means[id(c)], 1, 0.55) for c in shown if c.faint]
        if span:
            parts += [self.line(c, np.asarray(c.values, np.float64), 1, 0.25) for c in front]
        parts += [self.line(c, means[id(c)], 1.75, 1) for c in front]
        return parts + [mark for curve in shown for mark in self.odd(curve)]


def _value_range(series: list[np.ndarray], log: bool) -> tuple[float, float]:
    values = np.concatenate([np.asarray(s, np.float64) for s in series] or [np.empty(0)])
    values = values[np.isfinite(values) & (values > 0 if log else True)]
    if not values.size:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        room = max((high / low) ** 0.05, 1.15)
        return low / room, high * room
    room = (high - low or abs(high) or 1.0) * 0.05
    # An axis that nearly reaches zero goes to it; one of positive numbers does not pass it.
    floor = 0.0 if low >= 0 and low - room < (high - low) * 0.1 else low - room
    return floor, high + room


def _rule(x: float, y: float, wide: float, color: str) -> str:
    return f'<path d="M{x:g} {y:g}h{wide:g}" style="stroke:{look.variable(color)}"/>'


def _number(x: float, y: float, text: str, anchor: str) -> str:
    return text_element(x, y, text, fill="muted", anchor=anchor, size=11)
