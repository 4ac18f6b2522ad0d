"""Gradient flow: how large gradients and updates are from the first layer to the last.

One step is drawn as bars, many as a heat map with a column a step. Sizes are logarithmic, so that a
gradient which shrinks by the same factor from layer to layer gives a straight line of bars.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import look
from ..analysis.flow import Flow
from ..recording.tape import ABSENT
from .cells import asked
from .codes import CODES, TOP
from .curves import coarse, trend
from .figures import Figure, color_scale, letters, new_figure, plain_axes
from .frame import ASKED, PAD, card
from .legend import color_bar, swatches
from .raster import MASKED, cell_image, colors_of
from .strip import HeatScale, binned, norm_scale, ratio_scale
from .svg import document, rect, text_element
from .text import fit, fit_pixels, printable, table
from .view import View

__all__ = ["GradientFlow", "listed", "logarithm", "remark", "typical"]

TOO_FAST, TOO_SLOW = 1e-1, 1e-5
MOST_ROWS = 48
HEAT_FROM = 3
"""From so many steps on there is a heat map."""

_COLUMNS = 160
_ROW = 19.0
_LABEL = 200.0
_SIDE = 320.0


def typical(values: np.ndarray) -> float:
    """The median of the last tenth of what is there; `ABSENT` where nothing is."""
    tail = values[-max(1, len(values) // 10) :]
    present = tail[tail != ABSENT]
    return float(np.median(present)) if present.size else ABSENT


def remark(gradient: np.ndarray, ratio: np.ndarray | None) -> str:
    """What is striking in a layer's last tenth of steps, in words."""
    tail = gradient[-max(1, len(gradient) // 10) :]
    if not np.isfinite(tail).all():
        return "NaN!" if np.isnan(tail).any() else "Inf!"
    if (tail == ABSENT).all():
        return "no gradient"
    if (tail <= 0).all():
        return "zero gradient"
    if ratio is None:
        return ""
    size = typical(ratio)
    if not math.isfinite(size):
        return "weights not finite"
    return "large steps" if size > TOO_FAST else "hardly moves" if size < TOO_SLOW else ""


class GradientFlow(View):
    """Gradient norms and update-to-weight ratios by depth.

    Args:
        flow: see `analysis.flow.flow_of`.
    """

    script = "asking.js"

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        count = len(flow.paths)
        self.rows = list(range(count))
        if count > MOST_ROWS:
            # The first and the last layers of a deep model say more than its middle.
            self.rows = [*self.rows[: MOST_ROWS // 2], *self.rows[-MOST_ROWS // 2 :]]

    @property
    def title(self) -> str:
        """What the picture shows."""
        return f"Gradient flow of {self.flow.model}"

    @property
    def note(self) -> str:
        """How many rows and steps, and what is left out."""
        steps, count = len(self.flow.steps), len(self.flow.paths)
        left = f" of {count:,}" if len(self.rows) < count else ""
        return f"{len(self.rows)}{left} rows, {steps:,} step{'s' if steps != 1 else ''}"

    def name(self, row: int) -> str:
        """A row's path as it is written."""
        return printable(self.flow.paths[row]) or "(model)"

    def _ratio(self, row: int) -> np.ndarray | None:
        return None if self.flow.ratio is None else self.flow.ratio[:, row]

    def text(self) -> str:
        header = ["layer", "‖gradient‖", "‖update‖/‖w‖", "trend", ""]
        lines = []
        for row in self.rows:
            gradient, ratio = self.flow.gradient[:, row], self._ratio(row)
            lines.append(
                [
                    fit(self.name(row), 44),
                    _written(typical(gradient)),
                    "–" if ratio is None else _written(typical(ratio)),
                    trend(logarithm(gradient), 12),
                    remark(gradient, ratio),
                ]
            )
        if len(self.rows) < len(self.flow.paths):
            left = len(self.flow.paths) - len(self.rows)
            lines[MOST_ROWS // 2 : MOST_ROWS // 2] = [[f"… {left} more", "", "", "", ""]]
        head, body = table(header, lines, (False, True, True, False, False))
        return "\n".join([f"{printable(self.title)}: {self.note}", "", head, *body])

    def json(self) -> dict[str, Any]:
        flow = self.flow
        return {
            "model": flow.model,
            "steps": flow.steps.tolist(),
            "rows": [
                {
                    "path": path,
                    "gradient": listed(flow.gradient[:, row]),
                    "update_ratio": None if flow.ratio is None else listed(flow.ratio[:, row]),
                    "remark": remark(flow.gradient[:, row], self._ratio(row)),
                }
                for row, path in enumerate(flow.paths)
            ],
        }

    # -- pictures ----------------------------------------------------------------------------

    @property
    def heat(self) -> bool:
        """Whether there are steps enough for a heat map."""
        return len(self.flow.steps) >= HEAT_FROM

    def _panels(self) -> list[tuple[str, np.ndarray, HeatScale]]:
        """The title, values (S, rows) and scale of each side of the picture."""
        gradient = self.flow.gradient[:, self.rows]
        panels = [("‖gradient‖", gradient, norm_scale(gradient))]
        if self.flow.ratio is not None:
            ratio = self.flow.ratio[:, self.rows]
            panels.append(("‖update‖ / ‖weights‖", ratio, ratio_scale()))
        return panels

    def svg(self) -> str:
        top = 74.0
        parts, high = self._names(top)
        panels = self._panels()
        side = _SIDE if len(panels) > 1 else 1.6 * _SIDE
        for number, (title, values, scale) in enumerate(panels):
            x = PAD + _LABEL + number * (side + 84)
            parts.append(text_element(x, top - 14, title, size=12, weight=600))
            draw = self._heat if self.heat else self._bars
            parts += draw(x, top, side, values, scale)
            parts += self._sizes(x + side + 8, top, values)
            parts += _legend(x, top + high + (26 if self.heat else 12), scale, values)
            if self.heat:
                parts += self._steps(x, top + high + 14, side)
        whole = PAD + _LABEL + len(panels) * (side + 84) + PAD - 20
        tall = top + high + 58
        parts = [*card(whole, tall, self.title, self.note, "gradient"), *parts]
        return document(whole, tall, parts, f"{printable(self.title)}: {self.note}")

    def html(self) -> str:
        return self.image(f"{printable(self.title)}: {self.note}", kind=ASKED)

    def _names(self, top: float) -> tuple[list[str], float]:
        parts = []
        for at, row in enumerate(self.rows):
            y = top + at * _ROW + 13
            name = fit_pixels(self.name(row), _LABEL - 10, 11.5)
            parts.append(text_element(PAD + _LABEL - 10, y, name, size=11.5, anchor="end"))
        return parts, max(1, len(self.rows)) * _ROW

    def _sizes(self, x: float, top: float, values: np.ndarray) -> list[str]:
        parts = []
        for at in range(values.shape[1]):
            size = typical(values[:, at])
            color = "nan" if math.isnan(size) else "muted"
            text = "no gradient" if size == ABSENT else coarse(size)
            parts.append(text_element(x, top + at * _ROW + 13, text, fill=color, size=11))
        return parts

    def _bars(
        self, x: float, top: float, side: float, values: np.ndarray, scale: HeatScale
    ) -> list[str]:
        """A bar a row on the logarithmic axis of the scale."""
        high = values.shape[1] * _ROW
        first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
        last = max(last, first + 1)
        parts = []
        for power in range(first, last + 1, max(1, (last - first) // 4)):
            at = x + side * (power - first) / (last - first)
            parts.append(
                f'<path d="M{at:.1f} {top:g}v{high:g}" style="stroke:{look.variable("grid")}"/>'
            )
            text = look.format_number(10.0**power)
            parts.append(
                text_element(at, top + high + 12, text, fill="muted", anchor="middle", size=10)
            )
        for at in range(values.shape[1]):
            size = typical(values[:, at])
            if not math.isfinite(size) or size <= 0:
                continue
            place = (math.log10(size) - first) / (last - first)
            wide = max(2.0, min(1.0, max(0.0, place)) * side)
            bar = f"<title>{coarse(size)}</title>"
            y = top + at * _ROW + 3
            parts.append(
                f'<rect x="{x:g}" y="{y:g}" width="{wide:.1f}" height="{_ROW - 6:g}" rx="2" '
                f'style="fill:{look.variable("role.gradient.mark")}">{bar}</rect>'
            )
        return parts

    def _heat(
        self, x: float, top: float, side: float, values: np.ndarray, scale: HeatScale
    ) -> list[str]:
        codes = heat_codes(values, scale)
        masked = codes == MASKED
        edges = np.linspace(0, len(self.flow.steps), codes.shape[1] + 1).astype(int)[:-1]
        facts = {
            "index": "{r}, step {c}:",
            "rows": [0, 1],
            "columns": [0, 1],
            "row_names": [self.name(row) for row in self.rows],
            "column_names": [str(step) for step in self.flow.steps[edges].tolist()],
            "numbered": False,
            "limit": scale.high,
            "low": scale.low,
            "scale": "log",
            "signed": scale.map == "diverging",
        }
        box = (x, top, side, values.shape[1] * _ROW)
        image = cell_image(codes, box, scale.map, masked=masked, facts=asked(facts))
        # Lines between the rows let each be followed to its name.
        lines = "".join(
            f"M{x:g} {top + at * _ROW:g}h{side:g}" for at in range(1, values.shape[1])
        )
        rule = look.variable("background")
        cell = side / codes.shape[1]
        # A picture has no colour for infinity but that of its end, and here it must be seen.
        infinite = "".join(
            f"M{x + column * cell:.1f} {top + row * _ROW:g}h{cell:.1f}v{_ROW:g}h{-cell:.1f}z"
            for row, column in np.argwhere(codes == CODES["posinf"]).tolist()
        )
        ink = look.variable("infinite")
        return [
            rect(*box, "masked"),
            image,
            f'<path d="{infinite}" pointer-events="none" style="fill:{ink}"/>' if infinite else "",
            f'<path d="{lines}" pointer-events="none" style="stroke:{rule};stroke-width:2"/>',
        ]

    def _steps(self, x: float, y: float, side: float) -> list[str]:
        first, last = int(self.flow.steps[0]), int(self.flow.steps[-1])
        return [
            text_element(x, y, f"step {first:,}", fill="muted", size=11),
            text_element(x + side, y, f"{last:,}", fill="muted", size=11, anchor="end"),
        ]

    def figure(self, theme: str = "light") -> Figure:
        """A matplotlib figure in the same colours, with the same limits."""
        from matplotlib.colors import LogNorm

        panels = self._panels()
        tall = max(2.2, 0.19 * len(self.rows) + 1.0)
        figure = new_figure(self.title, (4.2 * len(panels) + 1.2, tall), theme)
        grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        names = [letters(fit(self.name(row), 30)) for row in self.rows]
        ink = look.colors(theme)
        for axes, (title, values, scale) in zip(grid, panels):
            plain_axes(axes, theme)
            axes.set_title(title, loc="left", fontsize=9, color=ink["text"])
            axes.set_yticks(range(len(names)), names)
            for label in axes.get_yticklabels():
                label.set_parse_math(False)
            if self.heat:
                codes = heat_codes(values, scale)
                rgba = colors_of(codes, scale.map)
                rgba[codes == MASKED] = (*look.rgb(ink["masked"]), 255)
                rgba[codes == CODES["posinf"]] = (*look.rgb(ink["infinite"]), 255)
                extent = (self.flow.steps[0], self.flow.steps[-1], len(names) - 0.5, -0.5)
                axes.grid(False)
                axes.imshow(rgba, aspect="auto", interpolation="nearest", extent=extent)
                axes.set_xlabel("step", color=ink["muted"], fontsize=8)
                norm = LogNorm(scale.low, scale.high)
                color_scale(figure, axes, scale.map, norm, theme)
            else:
                sizes = np.array([typical(column) for column in values.T])
                drawn = np.where(np.isfinite(sizes) & (sizes > 0), sizes, np.nan)
                color = look.color("role.gradient.mark", theme)
                axes.barh(range(len(names)), drawn, height=0.7, color=color)
                axes.set_xscale("log")
                axes.set_xlim(scale.low / 1.5, scale.high * 1.5)
                axes.set_ylim(len(names) - 0.5, -0.5)
        return figure


def heat_codes(values: np.ndarray, scale: HeatScale) -> np.ndarray:
    """(rows, columns) codes of (S, rows) values on a logarithmic scale."""
    columns = [binned(values[:, row], _COLUMNS) for row in range(values.shape[1])]
    cells = np.array(columns, np.float64).reshape(values.shape[1], -1)
    with np.errstate(all="ignore"):
        share = np.log(cells / scale.low) / math.log(scale.high / scale.low)
    codes = np.rint(np.nan_to_num(share, neginf=0.0).clip(0, 1) * TOP).astype(np.uint8)
    codes[np.isnan(cells)] = CODES["nan"]
    codes[np.isposinf(cells)] = CODES["posinf"]
    codes[cells == ABSENT] = MASKED
    return codes


def _legend(x: float, y: float, scale: HeatScale, values: np.ndarray) -> list[str]:
    low, high = look.format_number(scale.low), look.format_number(scale.high)
    entries = []
    if np.isnan(values).any():
        entries.append(("nan", "NaN"))
    if np.isinf(values).any():
        entries.append(("infinite", "∞"))
    if len(values) < HEAT_FROM:
        return swatches(x, y + 16, entries)[0]
    if (values == ABSENT).any():
        entries.append(("masked", "no gradient"))
    ends = (f"≤ {low}", f"≥ {high}") if scale.map == "diverging" else (low, high)
    parts, wide = color_bar(x, y, scale.map, ends)
    return parts + swatches(x + wide + 14, y, entries)[0]


def _written(value: float) -> str:
    return "–" if value == ABSENT else coarse(value)


def logarithm(values: np.ndarray) -> np.ndarray:
    """Logarithms of what is positive; zero and absent stand at the lowest."""
    positive = values[np.isfinite(values) & (values > 0)]
    floor = float(positive.min()) if positive.size else 1.0
    with np.errstate(invalid="ignore"):
        return np.log(np.where(values <= 0, floor, values))


def listed(values: np.ndarray) -> list[float | str | None]:
    """Numbers as JSON knows them: None where there was no gradient, "NaN" and "∞" as text."""
    return [
        None if value == ABSENT else value if math.isfinite(value) else look.format_number(value)
        for value in values.tolist()
    ]
