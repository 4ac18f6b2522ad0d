"""One array as a picture: its cells, which of the tensor they are, and what their colours mean.

Every map has a range of its own, so the page can colour by map, by tensor or by model without
asking again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import look
from ..recording.statistics import Stats, statistics
from ..recording.tape import Tape
from .bars import draw_bars
from .cells import RULER, Block
from .codes import encode, marks, recode
from .facets import draw_facets
from .figures import Figure, cell_figure
from .frame import ASKED, card, head_width
from .layout import BUDGET, Axis, layout_of
from .legend import LETTER, color_bar, swatches
from .svg import document, text_element
from .text import printable, tensor_line
from .view import View

__all__ = ["SCALES", "ArrayView", "rms_limit", "role_limits", "stats_facts"]

SCALES = ("unit", "array", "model")
"""Where colours end: for each map by itself, for the whole array, for all arrays of its role."""

_MEANINGS = {"+": "clipped +", "−": "clipped −", "×": "NaN ×", "∞": "∞", "-∞": "-∞"}
WIDE, HIGH = 728, 440
_PAD = 16


def rms_limit(stats: Stats) -> float:
    """Where colours end, estimated from statistics alone: 3σ about zero, at most max|x|."""
    if not math.isfinite(stats.min):
        return 0.0
    largest = max(abs(stats.min), abs(stats.max))
    return min(largest, look.LOOK["scale"]["sigmas"] * math.hypot(stats.mean, stats.std))


def role_limits(tape: Tape) -> dict[str, float]:
    """Where colours end for all tensors of each role."""
    gradients = {v.gradient for v in tape.values if v.gradient is not None}
    for info in tape.modules.values():
        gradients |= {p.gradient for p in info.parameters if p.gradient is not None}
    limits = {"activation": 0.0, "weight": 0.0, "gradient": 0.0}
    for value in tape.values:
        role = "gradient" if value.id in gradients else "activation"
        if value.stats is not None and value.dtype.startswith("float"):
            limits[role] = max(limits[role], rms_limit(value.stats))
    for info in tape.modules.values():
        for parameter in info.parameters:
            if parameter.stats is not None:
                limits["weight"] = max(limits["weight"], rms_limit(parameter.stats))
    return limits


class ArrayView(View):
    """One tensor as codes, with the facts that say what they mean.

    Args:
        array: any real array; what a masked array hides is grey.
        title: what it is: "Output", "weight".
        role: "activation", "weight" or "gradient".
        image: a 3-d activation is one example's maps, not a batch of matrices.
        tiles: maps of one cell are maps too, not one vector or matrix.
        shape: of the whole tensor, where `array` is a part of it.
        part: which part, as a tape says it: "batch 0, every 4th position".
        stats: of the whole tensor; computed from `array` otherwise.
        model_limit: where colours end for all tensors of the role.
        budget: the most cells to keep.
        scale: one of `SCALES`, for the static pictures.
        limit: where colours end, if it should be a certain number.

    Raises:
        TypeError: the array holds no real numbers.
        ValueError: the scale or the limit makes no sense.
    """

    script = "asking.js"

    def __init__(
        self,
        array: Any,
        *,
        title: str = "array",
        role: str = "activation",
        key: str = "",
        image: bool = False,
        tiles: bool = False,
        shape: Sequence[int] | None = None,
        part: str = "",
        stats: Stats | None = None,
        model_limit: float = 0.0,
        budget: int = BUDGET,
        scale: str = "array",
        limit: float | None = None,
    ) -> None:
        hidden = np.ma.getmaskarray(array) if np.ma.isMaskedArray(array) else None
        array = np.asarray(array)
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"an array of {array.dtype} has no picture: expected real numbers or booleans"
            )
        if scale not in SCALES:
            raise ValueError(f"scale={scale!r} is not known: expected one of {', '.join(SCALES)}")
        if limit is not None and not 0 < limit < math.inf:
            raise ValueError(f"limit={limit!r}: expected a positive number, where colours end")
        self.title, self.role, self.key = title, role, key or title
        self.array, self.dtype, self.scale = array, array.dtype.name, scale
        self.part = part
        self.full_shape = tuple(array.shape if shape is None else shape)
        if stats is None:
            stats = statistics(array if hidden is None else array[~hidden])
        self.stats = stats
        layout = layout_of(array, role, image, max(1, budget), tiles=tiles)
        self.layout, self.prefix, self.columns = layout.kind, layout.prefix, layout.columns
        self.axes, self.names = layout.axes, layout.names
        self.masked: np.ndarray | None = None
        cells = np.asarray(layout.cells(), dtype=np.float64)
        if hidden is not None:
            self.masked = layout_of(hidden, role, image, max(1, budget), tiles=tiles).cells()
            cells = np.where(self.masked, np.nan, cells)
        self._encode(cells, model_limit, limit)

    def _encode(self, cells: np.ndarray, model_limit: float, limit: float | None) -> None:
        # The whole tensor decides on the sign, so that all of its maps share one colour map.
        self.signed = self.stats.min < 0
        maps = cells if self.layout == "maps" else cells[None]
        if limit is None:
            limits = look.limits_of(maps)
            self.limit = float(limits[0]) if len(maps) == 1 else look.scale_of(cells).limit
        else:
            limits, self.limit = np.full(len(maps), float(limit)), float(limit)
        # A map's codes reach as far as any scale may ask, and not to an outlier beyond.
        ranges = np.maximum(np.minimum(_largest(maps), self.limit), limits)
        ends = ranges.reshape(-1, *[1] * (maps.ndim - 1))
        self.codes = encode(maps, ends, self.signed).reshape(cells.shape)
        self.limits, self.ranges = limits.tolist(), ranges.tolist()
        self.model_limit = max(model_limit, self.limit)

    @property
    def data(self) -> bytes:
        """The codes, in C order."""
        return self.codes.tobytes()

    @property
    def shown(self) -> str:
        """What of the tensor is shown, or nothing where that is all: "example 0 of 32"."""
        parts = []
        if self.part not in ("", "batch 0"):
            parts.append(self.part)
        elif self.prefix and self.full_shape[0] > 1:
            parts.append(f"example 0 of {self.full_shape[0]:,}")
        nouns = {"maps": ("maps", "rows", "columns"), "heatmap": ("rows", "columns")}
        for axis, noun in zip(self.axes, nouns.get(self.layout, ("values",))):
            kernels = self.role == "weight" and noun == "maps" and self.names is not None
            parts.append(axis.text("kernels" if kernels else noun))
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

    # -- pictures ----------------------------------------------------------------------------

    def limit_of(self, unit: int = 0) -> float:
        """Where the colours of one map end."""
        if self.scale == "unit":
            return self.limits[unit]
        return self.model_limit if self.scale == "model" else self.limit

    def blocks(self) -> list[Block]:
        """What is drawn: one block a map."""
        codes = self.codes
        if self.layout == "vector":
            codes = codes[None]
        if self.layout != "maps":
            codes = codes[None]
        masked = None if self.masked is None else self.masked.reshape(codes.shape)
        rows, columns = self.axes[-2:] if len(self.axes) > 1 else (Axis.whole(1), *self.axes)
        blocks = []
        for unit, one in enumerate(codes):
            limit = self.limit_of(unit)
            blocks.append(
                Block(
                    recode(one, self.ranges[unit], limit, self.signed),
                    limit,
                    self.signed,
                    rows,
                    columns,
                    self._written(unit),
                    None if masked is None else masked[unit],
                )
            )
        return blocks

    def _written(self, unit: int) -> str:
        """The index of a map's cell as NumPy is asked for it."""
        before = [str(place) for place in self.prefix]
        if self.layout == "vector":
            return f"[{', '.join([*before, '{c}'])}]" if self.full_shape else "value"
        if self.layout == "maps":
            before.append(self.unit_names[unit])
        return f"[{', '.join([*before, '{r}', '{c}'])}]"

    @property
    def unit_names(self) -> list[str]:
        """What each map is called: its index."""
        if self.layout != "maps":
            return [""]
        return self.names or [str(place) for place in self.axes[0].kept.tolist()]

    def legend(self) -> str:
        """The sentence under the picture: which range its colours span, and what they hide."""
        if self.scale == "unit" and len(self.limits) > 1:
            parts = ["colours from " + ("-max to max" if self.signed else "0 to max") + " a map"]
        else:
            end = look.format_number(self.limit_of())
            parts = [f"colours from {'-' + end if self.signed else '0'} to {end}"]
        return ", ".join([*parts, *self._odd(self.blocks()), *([self.shown] if self.shown else [])])

    def _odd(self, blocks: Sequence[Block]) -> list[str]:
        """How many cells no colour tells: "3 clipped +", "1 NaN ×"."""
        counts: dict[str, int] = {}
        hidden = 0
        for block in blocks:
            seen = block.codes
            if block.masked is not None:
                hidden += int(block.masked.sum())
                seen = seen[~block.masked]
            for sign, where in marks(seen):
                counts[sign] = counts.get(sign, 0) + int(where.sum())
        told = [
            f"{look.format_count(counts[sign])} {meaning}"
            for sign, meaning in _MEANINGS.items()
            if sign in counts
        ]
        return told + ([f"{look.format_count(hidden)} masked"] if hidden else [])

    def drawing(
        self, x: float, y: float, wide: float, high: float
    ) -> tuple[list[str], float, float]:
        """SVG elements for a box, and the width and height that they take."""
        if not self.codes.size:
            return [text_element(x, y + 14, "no values", fill="muted")], 0.0, 20.0
        blocks = self.blocks()
        if self.layout == "vector":
            return draw_bars(blocks[0], x, y, (wide, high))
        return draw_facets(blocks, self.unit_names, x, y, (wide, high), columns=self.columns)

    def svg(self) -> str:
        ruled = self.layout == "heatmap" and self.codes.size > 0
        left, top = (_PAD + RULER[0], 44 + RULER[1]) if ruled else (_PAD, 48.0)
        picture, wide, high = self.drawing(left, top, WIDE - _PAD - left, HIGH)
        if ruled:
            picture += self.blocks()[0].rulers(left, top, wide)
        below, legend_wide = self.draw_legend(_PAD, top + high + 16)
        if self.shown:
            shown = f"shown: {self.shown}"
            below.append(text_element(_PAD, top + high + 44, shown, fill="muted", size=11))
            legend_wide = max(legend_wide, len(shown) * LETTER)
        kind = f"{look.format_shape(self.full_shape)} {self.dtype}"
        whole = max(left + wide, _PAD + legend_wide, 420.0, head_width(self.title, kind)) + _PAD
        tall = top + high + (60 if self.shown else 42)
        parts = [*card(whole, tall, self.title, kind, self.role), *picture, *below]
        return document(whole, tall, parts, f"{printable(self.title)}: {self.text()}")

    def html(self) -> str:
        return self.image(f"{printable(self.title)}: {self.text()}", kind=ASKED)

    def draw_legend(self, x: float, y: float) -> tuple[list[str], float]:
        """What the colours mean, as SVG elements, and how wide that is."""
        if not self.codes.size:
            return [], 0.0
        each = self.scale == "unit" and len(self.limits) > 1
        end = "max" if each else look.format_number(self.limit_of())
        name = "diverging" if self.signed else "sequential"
        parts, wide = color_bar(x, y, name, (f"-{end}" if self.signed else "0", end))
        entries = [("", "of each map")] if each else []
        for text in self._odd(self.blocks()):
            color = {"NaN ×": "nan", "masked": "masked"}.get(text.partition(" ")[2], "")
            entries.append((color, text))
        more, wide_more = swatches(x + wide + 18, y, entries)
        return parts + more, wide + 18 + wide_more

    def figure(self, theme: str = "light") -> Figure:
        """A matplotlib figure in the same colours, with the same limits."""
        return cell_figure(
            self.title,
            self.blocks(),
            self.unit_names,
            columns=self.columns,
            bars=self.layout == "vector",
            theme=theme,
        )


def _largest(maps: np.ndarray) -> np.ndarray:
    """The largest finite magnitude of each map."""
    rows = np.abs(maps.reshape(len(maps), math.prod(maps.shape[1:])))
    return np.max(rows, axis=1, initial=0.0, where=np.isfinite(rows))


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
    if stats.seen:
        # Six digits place an edge to a pixel; more would only be bytes.
        edges = [float(f"{edge:.6g}") for edge in stats.edges.tolist()]
        histogram = {"edges": edges, "counts": stats.histogram.tolist()}
    return {"stats": [list(pair) for pair in texts], "histogram": histogram}
