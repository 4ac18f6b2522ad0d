"""Histograms over steps: how weights, activations or gradients of a module spread and drift.

Up to a dozen steps are ridges, one above the other; more are columns of a heat map, neighbouring
steps merged so that any number fits. Lines mark the median and what nine tenths of the values lie
between.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import look
from ..analysis.history import History, counts_between
from ..recording.statistics import Stats
from .axes import linear_ticks
from .cells import asked
from .codes import encode
from .figures import Figure, color_scale, new_figure, plain_axes
from .frame import ASKED, PAD, card
from .legend import color_bar, swatches
from .raster import cell_image
from .svg import document, text_element
from .text import printable, sparkline, table
from .view import View

__all__ = ["Histograms"]

RIDGES = 12
COLUMNS, BINS = 160, 48
MOST_ROWS = 24
MOST_DECADES = 1e12
QUANTILES = (0.05, 0.5, 0.95)
_WIDE, _HIGH = 640.0, 260.0
_LEFT = 62.0
_RISE = 1.6
"""How many lines a ridge is high, so that ridges overlap a little."""
_NOTHING, _LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


class Histograms(View):
    """The distribution of one tensor at every step.

    Args:
        history: see `analysis.history.history_of`.
        log: an axis of values that grows by powers of ten to both sides of zero, for what spreads
            over many of them, as gradients do.
    """

    script = "asking.js"

    def __init__(self, history: History, *, log: bool = False) -> None:
        self.history, self.log = history, log
        self.shown = history.grouped(COLUMNS)
        self.whole = history.whole
        self.unit = _unit(self.whole) if log else 0.0
        self.edges = _edges(self.whole, self.unit)
        self.counts = np.array([counts_between(one, self.edges) for one in self.shown.stats])
        seen = np.array([max(1, one.seen) for one in self.shown.stats])
        self.shares = self.counts / seen[:, None]

    @property
    def title(self) -> str:
        """What the picture shows."""
        return f"Histograms of {self.history.title}"

    @property
    def note(self) -> str:
        """How many steps, and how many of them stand in one column."""
        count = len(self.history.steps)
        each = -(-count // len(self.shown.steps))
        parts = [f"{count:,} step{'s' if count != 1 else ''}"]
        return ", ".join([*parts, *([f"{each} merged in a column"] if each > 1 else [])])

    @property
    def odd(self) -> list[str]:
        """What no histogram shows: NaN, infinities, what lies outside of the axis."""
        whole = self.whole
        pairs = [("NaN", whole.nan), ("∞", whole.posinf), ("-∞", whole.neginf)]
        told = [f"{look.format_count(count)} {name}" for name, count in pairs if count]
        outside = 1 - float(self.counts.sum()) / max(1, whole.seen)
        return told + ([f"{outside:.1%} beyond the axis"] if outside >= 0.0005 else [])

    def text(self) -> str:
        few = self.history.grouped(MOST_ROWS)
        rows = [_row(step, stats) for step, stats in zip(few.steps, few.stats)]
        names = ("step", "range", "5%", "median", "95%", "zeros", "histogram", "")
        right = (True, False, True, True, True, True, False, False)
        header, body = table(names, rows, right)
        return "\n".join([f"{printable(self.title)}: {self.note}", "", header, *body])

    def json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "role": self.history.role,
            "edges": self.edges.tolist(),
            "steps": [
                {
                    "step": step,
                    "counts": np.round(counts, 3).tolist(),
                    "values": stats.count,
                    "nan": stats.nan,
                    "inf": stats.posinf + stats.neginf,
                    **{f"q{int(q * 100):02}": _number(stats.quantile(q)) for q in QUANTILES},
                }
                for step, stats, counts in zip(self.shown.steps, self.shown.stats, self.counts)
            ],
        }

    # -- pictures ----------------------------------------------------------------------------

    def svg(self) -> str:
        x, y = PAD + _LEFT, 52.0
        ridges = len(self.shown.steps) <= RIDGES
        parts = self._ridges(x, y) if ridges else [*self._heat(x, y), *self._lines(x, y)]
        below = y + _HIGH + 30
        legend, _ = self._legend(PAD, below, ridges)
        whole, tall = x + _WIDE + PAD + 8, below + 34
        parts = [*card(whole, tall, self.title, self.note, self.history.role), *parts, *legend]
        return document(whole, tall, parts, f"{printable(self.title)}: {self.note}")

    def html(self) -> str:
        return self.image(f"{printable(self.title)}: {self.note}", kind=ASKED)

    def _across(self, value: float) -> float:
        """Where a value lies between the ends, 0…1."""
        return float(np.interp(value, self.edges, np.linspace(0.0, 1.0, len(self.edges))))

    def _ticks(self, most: int) -> list[float]:
        low, high = float(self.edges[0]), float(self.edges[-1])
        return _decades(low, high, self.unit, most) if self.log else linear_ticks(low, high, most)

    @property
    def _top(self) -> float:
        """The share of a bin that has the strongest colour."""
        return max(float(np.quantile(self.shares, 0.995)), float(self.shares.max()) / 4, 1e-12)

    def _codes(self) -> np.ndarray:
        """The heat map, a row a bin, the highest values first."""
        return encode(np.minimum(self.shares.T[::-1], self._top), self._top, signed=False)

    def _heat(self, x: float, y: float) -> list[str]:
        names = [
            f"{look.format_number(a)} … {look.format_number(b)}"
            for a, b in zip(self.edges[-2::-1].tolist(), self.edges[:0:-1].tolist())
        ]
        facts = {
            "index": "step {c}, {r}:",
            "rows": [0, 1],
            "columns": [0, 1],
            "row_names": names,
            "column_names": [str(step) for step in self.shown.steps],
            "numbered": False,
            "limit": 100 * self._top,
            "signed": False,
            "unit": "%",
        }
        image = cell_image(self._codes(), (x, y, _WIDE, _HIGH), "sequential", facts=asked(facts))
        return [image, *self._value_axis(x, y), *self._step_axis(x, y)]

    def _value_axis(self, x: float, y: float) -> list[str]:
        parts = []
        for tick in self._ticks(6):
            at = y + _HIGH * (1 - self._across(tick))
            text = look.format_number(tick)
            parts.append(text_element(x - 8, at + 4, text, fill="muted", anchor="end", size=11))
        return parts

    def _step_axis(self, x: float, y: float) -> list[str]:
        steps = self.shown.steps
        wide = _WIDE / len(steps)
        parts = []
        for tick in linear_ticks(steps[0], steps[-1], 7):
            if not float(tick).is_integer():
                continue
            at = x + (int(np.searchsorted(steps, tick, side="right")) - 0.5) * wide
            text = f"{tick:,.0f}"
            parts.append(
                text_element(at, y + _HIGH + 16, text, fill="muted", anchor="middle", size=11)
            )
        return parts

    def _lines(self, x: float, y: float) -> list[str]:
        """The quantiles, over the heat map."""
        wide = _WIDE / len(self.shown.steps)
        parts = []
        for quantile in QUANTILES:
            points = [
                f"{x + (at + 0.5) * wide:.1f} {y + _HIGH * (1 - self._across(value)):.1f}"
                for at, stats in enumerate(self.shown.stats)
                if math.isfinite(value := stats.quantile(quantile))
            ]
            if points:
                dash = "" if quantile == 0.5 else ";stroke-dasharray:4 3"
                path = f'<path d="M{"L".join(points)}" pointer-events="none" '
                line = f'{path}style="fill:none;stroke:'
                ink = look.variable(f"role.{self.history.role}.mark")
                # A pale rim, so that the line is seen on dark cells too.
                parts.append(f'{line}#fff;stroke-width:3.5;opacity:.75"/>')
                parts.append(f'{line}{ink};stroke-width:1.75{dash}"/>')
        return parts

    def _ridges(self, x: float, y: float) -> list[str]:
        """One histogram a step, the first on top, on one axis of values below."""
        steps = self.shown.steps
        # The first ridge, too, may rise above its own line.
        above = _RISE - 1 if len(steps) > 1 else 0.0
        each = _HIGH / (len(steps) + above)
        reach = each * (_RISE if len(steps) > 1 else 0.95)
        slot = _WIDE / BINS
        mark, fill = (look.variable(f"role.{self.history.role}.{n}") for n in ("mark", "fill"))
        parts = self._grid(x, y)
        for at, (step, shares) in enumerate(zip(steps, self.shares)):
            floor = y + (at + 1 + above) * each
            heights = (shares / (shares.max() or 1.0) * reach).tolist()
            outline = "".join(
                f"L{x + n * slot:.1f} {floor - h:.1f}H{x + (n + 1) * slot:.1f}"
                for n, h in enumerate(heights)
            )
            parts.append(
                f'<path d="M{x:g} {floor:.1f}{outline}V{floor:.1f}z" '
                f'style="fill:{fill};fill-opacity:.85;stroke:{mark};stroke-width:1.2"/>'
            )
            name = f"step {step:,}" if len(steps) > 1 else ""
            parts.append(text_element(x - 8, floor - 2, name, fill="muted", anchor="end", size=11))
        return parts

    def _grid(self, x: float, y: float) -> list[str]:
        parts = []
        for tick in self._ticks(8):
            at = x + _WIDE * self._across(tick)
            color = look.variable("border" if tick == 0 else "grid")
            parts.append(f'<path d="M{at:.1f} {y:g}v{_HIGH:g}" style="stroke:{color}"/>')
            text = look.format_number(tick)
            parts.append(
                text_element(at, y + _HIGH + 16, text, fill="muted", anchor="middle", size=11)
            )
        return parts

    def _legend(self, x: float, y: float, ridges: bool) -> tuple[list[str], float]:
        odd = [("nan" if "NaN" in text else "", text) for text in self.odd]
        if ridges:
            return swatches(x, y, [("", "each as high as its fullest bin"), *odd])
        end = f"{100 * self._top:.3g}% of a step's values"
        parts, wide = color_bar(x, y, "sequential", ("0", end))
        lines = [(f"role.{self.history.role}.mark", "median; dashed 5% and 95%")]
        more, more_wide = swatches(x + wide + 18, y, [*lines, *odd])
        return parts + more, wide + 18 + more_wide

    def figure(self, theme: str = "light") -> Figure:
        """A matplotlib figure in the same colours, with the same limits."""
        figure = new_figure(self.title, (6.4, 3.4), theme)
        axes = figure.subplots()
        plain_axes(axes, theme)
        ink = look.color("muted", theme)
        if len(self.shown.steps) <= RIDGES:
            self._draw_ridges(axes, theme)
            if self.log:
                axes.set_xscale("asinh", linear_width=self.unit)
            axes.set_xlim(float(self.edges[0]), float(self.edges[-1]))
            axes.set_yticks([])
            return figure
        from matplotlib.colors import Normalize

        steps = self.shown.steps
        norm = Normalize(0.0, self._top)
        axes.grid(False)
        # The last edges: a mesh has no width of its own for its last column.
        columns = [*steps, steps[-1] + (steps[-1] - steps[-2])]
        axes.pcolormesh(
            columns, self.edges, np.minimum(self.shares.T, self._top), norm=norm,
            cmap=look.matplotlib_colormap("sequential"), rasterized=True,
        )  # fmt: skip
        if self.log:
            axes.set_yscale("asinh", linear_width=self.unit)
        color = look.color(f"role.{self.history.role}.mark", theme)
        for quantile in QUANTILES:
            values = [stats.quantile(quantile) for stats in self.shown.stats]
            style = "-" if quantile == 0.5 else "--"
            axes.plot(steps, values, color=color, linewidth=1.2, linestyle=style)
        axes.set_ylim(float(self.edges[0]), float(self.edges[-1]))
        axes.set_xlabel("step", color=ink)
        color_scale(figure, axes, "sequential", norm, theme)
        return figure

    def _draw_ridges(self, axes: Any, theme: str) -> None:
        mark, fill = (look.color(f"role.{self.history.role}.{n}", theme) for n in ("mark", "fill"))
        count = len(self.shares)
        for at, (step, shares) in enumerate(zip(self.shown.steps, self.shares)):
            base = float(count - 1 - at)
            axes.stairs(
                base + shares / (shares.max() or 1.0) * _RISE, self.edges, baseline=base, fill=True,
                facecolor=fill, edgecolor=mark, linewidth=1, zorder=at + 2,
            )  # fmt: skip
            axes.annotate(
                f"step {step}",
                (float(self.edges[0]), base),
                fontsize=7,
                color=look.color("muted", theme),
                va="bottom",
                zorder=count + 3,
            )


def _unit(stats: Stats) -> float:
    """Where a logarithmic axis turns linear around zero: a power of ten that few are below."""
    sizes = np.abs(np.stack(stats.bounds())).max(axis=0)
    order = np.argsort(sizes)
    sizes, counts = sizes[order], stats.counts[order]
    known = sizes > _NOTHING
    if not known.any():
        return 1.0
    above = np.cumsum(counts[known])
    common = sizes[known][int(np.searchsorted(above, 0.05 * above[-1]))]
    return float(10 ** np.floor(np.log10(max(common, sizes[-1] / MOST_DECADES))))


def _decades(low: float, high: float, unit: float, most: int) -> list[float]:
    """Zero and the powers of ten on both sides of it that an axis has room for."""
    first = round(math.log10(unit))
    last = math.floor(math.log10(max(abs(low), abs(high), unit)) + 1e-9)
    sides = (low < 0) + (high > 0)
    stride = max(1, -(-sides * (last - first + 1) // most))
    powers = [10.0**power for power in range(last, first - 1, -stride)]
    ticks = [-power for power in powers] + [0.0] + powers[::-1]
    return [tick for tick in ticks if low <= tick <= high]


def _edges(stats: Stats, unit: float = 0.0) -> np.ndarray:
    """Bins over what nearly all values lie between; a few of them never take the whole axis.

    Args:
        unit: of a logarithmic axis, on which all values have room; 0 for a linear one.
    """
    if not stats.seen:
        return np.linspace(-1.0, 1.0, BINS + 1)
    if unit and stats.min < stats.max:
        first, last = np.arcsinh(np.clip([stats.min, stats.max], -_LARGEST, _LARGEST) / unit)
        return unit * np.sinh(np.linspace(first, last, BINS + 1))
    low, high = stats.quantile(0.001), stats.quantile(0.999)
    room = (high - low) * 0.1
    low, high = max(stats.min, low - room), min(stats.max, high + room)
    if not low < high:
        widened = abs(low) * 0.5 or 0.5
        low, high = low - widened, high + widened
    # The grid of statistics ends with float32, and so does the axis.
    return np.linspace(max(low, -_LARGEST), min(high, _LARGEST), BINS + 1)


def _row(step: int, stats: Stats) -> list[str]:
    number = look.format_number
    quantiles = [number(_plain(stats.quantile(q))) for q in QUANTILES]
    odd = "NaN!" if stats.nan else "Inf!" if not stats.finite else ""
    extent = f"[{number(stats.min)}, {number(stats.max)}]"
    zeros = f"{stats.zero_fraction:.0%}"
    return [f"{step:,}", extent, *quantiles, zeros, sparkline(stats.histogram, 12), odd]


def _plain(value: float) -> float:
    """Without what is zero but for the width of a cell around it."""
    return 0.0 if abs(value) < _NOTHING else value


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
