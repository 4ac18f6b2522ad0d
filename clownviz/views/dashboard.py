"""The dashboard of a training run, without a kernel: text, a still picture, data, figures.

Update ratios are read against 1e-3: an optimizer that changes a layer's weights by about a
thousandth a step learns steadily; a hundred times more is rarely stable, a hundred times less
hardly learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import look
from ..recording.training import ABSENT, Training
from .axes import LEFT, RIGHT, Axes, Curve
from .curves import Curves, coarse, legend, trend
from .gradient_flow import listed, logarithm, remark, typical
from .strip import norm_scale, ratio_scale
from .svg import document, text_element
from .text import fit, printable, table
from .view import View

__all__ = ["Dashboard", "is_loss"]

_MOST_EVENTS = 5
_MOST_ROWS = 24
_WIDE = 920
_ROW = 18
_GUTTER = 160


def is_loss(name: str) -> bool:
    """Whether a curve belongs into the chart of losses."""
    return "loss" in name.lower()


@dataclass(frozen=True)
class Dashboard(View):
    """A recorded run as text, SVG, HTML, JSON and figures.

    >>> from clownviz.recording.training import Training
    >>> loss = np.arange(1, 5), np.array([2.0, 1.5, 1.2, 1.1])
    >>> print(Dashboard(Training("Net", "SGD", steps=4, scalars={"loss": loss})).text())
    Training Net with SGD: 4 steps
    <BLANKLINE>
    curve  first  last    lowest  trend
    loss       2   1.1  1.1 at 4  █▄▂▁
    """

    training: Training

    @property
    def title(self) -> str:
        """Who trains whom."""
        return (
            f"Training {printable(self.training.model)} with {printable(self.training.optimizer)}"
        )

    @cached_property
    def grad_norm(self) -> np.ndarray:
        """Gradient norms by layer, (R, L)."""
        return self.training.layer_grad_norm()

    @cached_property
    def update_ratio(self) -> np.ndarray:
        """‖update‖ / ‖weights‖ by layer, (R, L)."""
        return self.training.layer_update_ratio()

    @property
    def layers(self) -> list[str]:
        """The layers' paths as they are written."""
        return [printable(path) or "(model)" for path in self.training.layers]

    # ------------------------------------------------------------------ text

    def text(self) -> str:
        run = self.training
        blocks = [f"{self.title}: {_counted(run.steps, 'step')}"]
        if run.scalars:
            blocks.append(Curves(self._named(lambda name: True)).text())
        if len(run.norm_steps):
            blocks.append(self._layer_table())
        if run.events:
            blocks.append("\n".join(self.events()))
        return "\n\n".join(blocks)

    def _named(self, wanted: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        scalars = self.training.scalars
        order = sorted(scalars, key=lambda name: (not is_loss(name), name.startswith("lr")))
        return {name: scalars[name] for name in order if wanted(name)}

    def events(self) -> list[str]:
        """What was not finite first, a line each; the rest is counted."""
        events = [f"× {printable(str(event))}" for event in self.training.events]
        more = len(events) - _MOST_EVENTS
        return events[:_MOST_EVENTS] + (
            [f"× and {_counted(more, 'more place')}"] if more > 0 else []
        )

    def _layer_table(self) -> str:
        rows = [
            [
                fit(name, 32),
                _typical(self.grad_norm[:, at]),
                _typical(self.update_ratio[:, at]),
                trend(logarithm(self.grad_norm[:, at]), 12),
                self.remark(at),
            ]
            for at, name in enumerate(self.layers)
        ]
        # A deep model's first and last layers say more than its middle.
        if len(rows) > 2 * _MOST_ROWS:
            left_out = len(rows) - 2 * _MOST_ROWS
            rows[_MOST_ROWS:-_MOST_ROWS] = [[f"… {left_out} more", "", "", "", ""]]
        header, body = table(
            ("layer", "‖gradient‖", "‖update‖/‖w‖", "‖gradient‖ trend", ""),
            rows,
            (False, True, True, False, False),
        )
        return "\n".join([header, *body])

    def remark(self, layer: int) -> str:
        """What is striking in a layer's last tenth of steps, in words."""
        return remark(self.grad_norm[:, layer], self.update_ratio[:, layer])

    # ------------------------------------------------------------------ data

    def json(self) -> dict[str, Any]:
        run = self.training
        return {
            "model": run.model,
            "optimizer": run.optimizer,
            "steps": run.steps,
            "curves": Curves(self._named(lambda name: True)).json()["curves"],
            "norm_steps": run.norm_steps.tolist(),
            "layers": [
                {
                    "path": path,
                    "grad_norm": listed(self.grad_norm[:, at]),
                    "update_ratio": listed(self.update_ratio[:, at]),
                    "remark": self.remark(at) if len(run.norm_steps) else "",
                }
                for at, path in enumerate(run.layers)
            ],
            "events": [str(event) for event in run.events],
        }

    # ------------------------------------------------------------------ pictures

    def svg(self) -> str:
        parts, y = self._head()
        half = _WIDE / 2
        left = self._numbers(0, y, half)
        right = self._layers(half, y, half)
        high = max(left[1], right[1]) + 10
        border = look.variable("border")
        frame = (
            f'<rect x="0.5" y="0.5" width="{_WIDE - 1}" height="{high - 1:g}" rx="8" '
            f'style="fill:{look.variable("background")};stroke:{border}"/>'
            f'<path d="M0 {y:g}H{_WIDE}M{half:g} {y:g}V{high:g}" style="stroke:{border}"/>'
        )
        label = f"{self.title}: {', '.join(self._facts())}"
        return document(_WIDE, high, [frame, *parts, *left[0], *right[0]], label)

    def html(self) -> str:
        return self.svg()

    def _facts(self) -> list[str]:
        last = [
            f"{printable(name)} {coarse(values[-1])}"
            for name, (_, values) in self._named(lambda name: is_loss(name) or name == "lr").items()
            if len(values)
        ]
        return [_counted(self.training.steps, "step"), *last[:4]]

    def _head(self) -> tuple[list[str], float]:
        title = fit(self.title, 60)
        parts = [
            text_element(16, 27, title, size=15, weight=600),
            text_element(
                _WIDE - 16, 27, fit(" · ".join(self._facts()), 60), fill="muted", anchor="end"
            ),
        ]
        y = 42.0
        for line in self.events():
            parts.append(text_element(16, y + 6, fit(line, 120), fill="error"))
            y += 18
        return parts, y

    def _numbers(self, x: float, y: float, wide: float) -> tuple[list[str], float]:
        losses = self._drawn(is_loss)
        parts = [_heading(x + 16, y + 24, "Loss")]
        if len(losses) > 1:
            parts += legend(losses, x + wide - RIGHT, y + 24)
        axes = Axes.around(losses, (x, y + 34, wide - 4, 210), steps=self._steps)
        parts += axes.plot(losses)
        y += 250
        # Learning rates are always there, so they stand back for what was logged.
        others = self._drawn(lambda name: not is_loss(name))
        logged = [curve for curve in others if not curve.name.startswith("lr")]
        changing = [curve for curve in others if (curve.values != curve.values[:1]).any()]
        for curve in (logged or changing)[:2]:
            parts.append(_heading(x + 16, y + 18, curve.name))
            axes = Axes.around([curve], (x, y + 22, wide - 4, 110), steps=self._steps)
            parts += axes.plot([curve])
            y += 136
        return parts, y

    def _drawn(self, wanted: Any) -> list[Curve]:
        colors = {
            name: f"series.{at % 8}" for at, name in enumerate(self._named(lambda name: True))
        }
        return [
            Curve(name, steps, values, colors[name])
            for name, (steps, values) in self._named(wanted).items()
        ]

    @cached_property
    def _steps(self) -> tuple[float, float]:
        """The range of steps that all charts share."""
        all_steps = [self.training.norm_steps, *(s for s, _ in self.training.scalars.values())]
        ends = [float(s) for steps in all_steps if len(steps) for s in (steps[0], steps[-1])]
        return (min(ends), max(ends)) if ends else (1.0, 2.0)

    def _layers(self, x: float, y: float, wide: float) -> tuple[list[str], float]:
        parts: list[str] = []
        for title, values, scale in (
            ("Gradient norm of each layer", self.grad_norm, norm_scale(self.grad_norm)),
            ("Update ‖Δw‖ / ‖w‖ of each layer", self.update_ratio, ratio_scale()),
        ):
            parts.append(_heading(x + 16, y + 24, title))
            y += 36
            shown = min(len(self.layers), _MOST_ROWS)
            box = (x + LEFT - 36, y, wide - LEFT + 36 - _GUTTER, _ROW)
            parts += scale.rows(values[:, :shown], box)
            right = x + wide - _GUTTER
            for at in range(shown):
                line = y + at * _ROW + 13
                parts.append(text_element(right + 10, line, fit(self.layers[at], 15), size=11.5))
                size = _typical(values[:, at])
                parts.append(
                    text_element(x + wide - 14, line, size, fill="muted", size=11.5, anchor="end")
                )
            y += shown * _ROW
            if len(self.layers) > shown:
                more = f"{len(self.layers) - shown} more layers"
                parts.append(text_element(box[0], y + 14, more, fill="muted", size=11.5))
                y += 16
            parts += scale.legend(box[0], y + 8)
            y += 30
        return parts, y

    def figure(self, theme: str = "light") -> Any:
        """The losses as a matplotlib figure; `Curves` draws any others."""
        losses = self._named(is_loss) or self._named(lambda name: True)
        return Curves(losses, title=self.title).figure(theme)


def _heading(x: float, y: float, text: str) -> str:
    return text_element(x, y, fit(printable(text), 40), size=13, weight=600)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _typical(values: np.ndarray) -> str:
    """The median of the last tenth, as text."""
    size = typical(values)
    return "–" if size == ABSENT else coarse(size)
