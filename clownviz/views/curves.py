"""Curves over steps: as a table with sparklines, as static SVG, and as a matplotlib figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import look
from .axes import RIGHT, Axes, Curve, smoothed, usual_span
from .figures import letters
from .svg import document, rect, text_element
from .text import fit, printable, table, width
from .view import View

__all__ = ["Curves", "coarse", "legend", "trend"]

_BARS = "▁▂▃▄▅▆▇█"
_TREND_CELLS = 24
_BELOW = 110
"""Height of the chart of the learning rates, in pixels."""


def coarse(value: float) -> str:
    """A number of a training run, with two digits: the third differs from machine to machine.

    >>> coarse(0.12345), coarse(1234), coarse(float("nan"))
    ('0.12', '1200', 'NaN')
    """
    return look.format_number(float(f"{value:.1e}") if math.isfinite(value) else value)


def trend(values: np.ndarray, cells: int = _TREND_CELLS) -> str:
    """A sparkline of means from the lowest to the highest; a cell with NaN or Inf shows `×`.

    >>> trend(np.array([4.0, 3.0, 2.0, 1.0])), trend(np.array([1.0, np.nan, 1.0]))
    ('█▆▃▁', '▁×▁')
    """
    values = np.asarray(values, np.float64)
    parts = np.array_split(values, min(cells, len(values))) if len(values) else []
    with np.errstate(all="ignore"):
        means = np.array([part.mean() for part in parts])
    finite = means[np.isfinite(means)]
    low, span = (finite.min(), np.ptp(finite)) if finite.size else (0.0, 0.0)
    levels = (means - low) / (span or 1) * (len(_BARS) - 1)
    return "".join(_BARS[round(level)] if math.isfinite(level) else "×" for level in levels)


@dataclass(frozen=True)
class Curves(View):
    """Named curves on one chart; learning rates beside others have one of their own below it.

    Args:
        curves: name → (steps, values), or name → values counted from step 1.
        log: a logarithmic axis of values.
        title: what the picture is called.
        span: steps over which the line averages; 0 draws the values as they are, None is what
            suits the number of steps.

    >>> print(Curves({"loss": [2.0, 1.0, 0.5]}).text())
    curve  first  last  lowest       trend
    loss       2   0.5  0.5 at 3     █▃▁
    """

    curves: Mapping[str, Any]
    log: bool = False
    title: str = "Curves"
    span: float | None = None
    drawn: list[Curve] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        made = []
        for number, (name, given) in enumerate(self.curves.items()):
            steps, values = given if isinstance(given, tuple) else (None, given)
            values = np.asarray(values, np.float64)
            steps = np.arange(1, len(values) + 1) if steps is None else np.asarray(steps)
            if steps.shape != values.shape or values.ndim != 1:
                raise ValueError(
                    f"curve {name!r} has {steps.shape} steps and {values.shape} values:"
                    " expected two lists of one length."
                )
            made.append(Curve(name, steps, values, f"series.{number % 8}"))
        object.__setattr__(self, "drawn", made)

    def text(self) -> str:
        header, body = table(
            ("curve", "first", "last", "lowest", "trend"),
            [_row(curve) for curve in self.drawn],
            (False, True, True, False, False),
        )
        return "\n".join([header, *body])

    def json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "log": self.log,
            "curves": [
                {
                    "name": curve.name,
                    "steps": curve.steps.tolist(),
                    "values": [v if math.isfinite(v) else None for v in curve.values.tolist()],
                }
                for curve in self.drawn
            ],
        }

    def _charts(self) -> list[list[Curve]]:
        """The curves of each chart: a rate is a thousandth of a loss, and flat beside it."""
        rates = [curve for curve in self.drawn if curve.name.partition("/")[0] == "lr"]
        others = [curve for curve in self.drawn if curve not in rates]
        return [others, rates] if rates and others else [self.drawn]

    def svg(self) -> str:
        wide, high = 640, 300
        first, *below = self._charts()
        plots = Axes.around(first, (0, 44, wide, high - 48), log=self.log).plot(first, self.span)
        for chart in below:
            axes = Axes.around(chart, (0, high, wide, _BELOW - 4), log=self.log)
            plots += axes.plot(chart, self.span)
            high += _BELOW
        parts = [rect(0, 0, wide, high, "background", ' rx="8"')]
        parts.append(text_element(16, 26, fit(printable(self.title), 30), size=14, weight=600))
        parts += legend(self.drawn, wide - RIGHT, 26)
        return document(wide, high, [*parts, *plots], self._label())

    def _label(self) -> str:
        ends = [f"{c.name} {look.format_number(c.values[-1])}" for c in self.drawn if len(c.values)]
        return f"{printable(self.title)}: {printable(', '.join(ends))}"

    def html(self) -> str:
        return self.image(self._label())

    def figure(self, theme: str = "light") -> Any:
        """A matplotlib figure in the same colours: ``.figure().savefig("loss.pdf")``."""
        from matplotlib.figure import Figure

        ink, charts = look.colors(theme), self._charts()
        size = (6.4, 3.2 + 1.2 * (len(charts) - 1))
        figure = Figure(figsize=size, layout="constrained", facecolor=ink["background"])
        ratios = [3.2, 1.2][: len(charts)]
        panels = figure.subplots(len(charts), 1, squeeze=False, sharex=True, height_ratios=ratios)
        for chart, axes in zip(charts, panels[:, 0]):
            self._draw(axes, chart, ink, theme)
        title = letters(self.title)
        panels[0, 0].set_title(title, loc="left", color=ink["text"], fontsize=11, parse_math=False)
        panels[-1, 0].set_xlabel("step", color=ink["muted"])
        return figure

    def _draw(self, axes: Any, chart: list[Curve], ink: Mapping[str, str], theme: str) -> None:
        whole = Axes.around(chart, (0, 0, 1, 1)).steps
        span = usual_span(*whole) if self.span is None else self.span
        axes.set_facecolor(ink["background"])
        for curve in chart:
            color = look.color(curve.color, theme)
            mean = smoothed(curve.steps, curve.values, span)
            if span:
                axes.plot(curve.steps, curve.values, color=color, linewidth=0.7, alpha=0.3)
            marker = "o" if len(curve.steps) == 1 else None
            name = letters(curve.name)
            axes.plot(curve.steps, mean, color=color, linewidth=1.6, label=name, marker=marker)
        if self.log:
            axes.set_yscale("log")
        axes.tick_params(colors=ink["muted"], which="both", length=0)
        axes.grid(color=ink["grid"], linewidth=0.8)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(ink["border"])
        if len(self.drawn) > 1:
            axes.legend(frameon=False, labelcolor=ink["text"])


def _row(curve: Curve) -> list[str]:
    name = fit(printable(curve.name), 24)
    if not len(curve.values):
        return [name, "–", "–", "–", ""]
    finite = np.isfinite(curve.values)
    lowest = "–"
    if finite.any():
        at = int(np.argmin(np.where(finite, curve.values, np.inf)))
        lowest = f"{coarse(curve.values[at])} at {curve.steps[at]:,}"
    first, last = coarse(curve.values[0]), coarse(curve.values[-1])
    return [name, first, last, lowest, trend(curve.values)]


def legend(curves: Iterable[Curve], right: float, y: float) -> list[str]:
    """Swatches and names in one line that ends at `right`."""
    parts = []
    for curve in reversed(list(curves)):
        name = fit(printable(curve.name), 18)
        right -= width(name) * 7 + 4
        parts.append(text_element(right, y, name, size=12))
        parts.append(rect(right - 14, y - 9, 9, 9, curve.color, ' rx="2"'))
        right -= 26
    return parts
