"""Attention: all heads of a model side by side, or one head with its tokens.

Rows are queries, columns are keys. Colours grow with the square root of a weight, because a weight
of a hundredth is much in a text of a hundred tokens.
"""

from __future__ import annotations

import base64
import html
import math
import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from .. import look
from ..analysis.attention import Head, Layer, attention_layers
from ..recording.attention import MASKED
from ..recording.tape import Tape
from .cells import asked
from .codes import TOP
from .figures import Figure, color_scale, new_figure
from .frame import ASKED, PAD, card, head_width
from .legend import color_bar, swatches
from .raster import cell_image, colors_of
from .svg import document, rect, text_element
from .text import fit, printable, table, width
from .view import View

__all__ = ["Attention", "token_text"]

WIDE, HIGH = 1120, 1400
PAGE_BYTES = 1_000_000
"""What the heads of a grid may take as pictures: beyond it they lose the last bits of colours, and
then some layers are not drawn."""

MOST_ROWS = 48
MOST_LAYERS = 24
MOST_SHIFT = 3
_GAP = 8
_TILES = (44.0, 168.0)
_SPACES = {" ": "␣", "\n": "⏎", "\t": "⇥", "": "∅"}


def token_text(token: Any) -> str:
    """A token as a label: spaces and line ends are seen.

    >>> [token_text(token) for token in (" the", "\\n", 17, "")]
    ['␣the', '⏎', '17', '∅']
    """
    text = str(token)
    if not text:
        return _SPACES[""]
    return printable("".join(_SPACES.get(letter, letter) for letter in text))


class Attention(View):
    """Who looks at whom.

    Args:
        tape: a run with `keep="sample"` or `"full"`.
        layer: a layer by number (from 0, or from the end) or by its path.
        head: a head by number; with it one head is drawn large. One layer of one head is, too.
        tokens: a text for each position; numbers without.
        example: which of the batch, where more than one is kept.
        step: which run of the model, where the tape has several.
        budget: the most bytes that a grid of heads may take.

    Raises:
        ValueError: there are no attention weights on the tape, or the tokens do not fit.
        IndexError: there is no such layer, head or example.
        KeyError: no layer has that path.
    """

    script = "asking.js"

    def __init__(
        self,
        tape: Tape,
        *,
        layer: int | str | None = None,
        head: int | None = None,
        tokens: Sequence[Any] | None = None,
        example: int = 0,
        step: int = 0,
        budget: int = PAGE_BYTES,
    ) -> None:
        self.model, self.budget = tape.model, budget
        found = attention_layers(tape, step)
        if not found:
            raise ValueError(_nothing(tape, step))
        self.numbers = [_place(found, layer)] if layer is not None else list(range(len(found)))
        if head is not None and layer is None:
            self.numbers = self.numbers[:1]
        self.layers = [found[number] for number in self.numbers]
        self.head = None if head is None else _index(head, self.layers[0].heads, "head")
        self.example = _index(example, min(len(one.codes) for one in self.layers), "example")
        if self.head is None and len(self.layers) == 1 and self.layers[0].heads == 1:
            self.head = 0
        self.tokens = self._tokens(tokens)
        self._sizes: dict[tuple[int, int], int] = {}

    def _tokens(self, tokens: Sequence[Any] | None) -> list[str] | None:
        if tokens is None:
            return None
        longest = max(max(one.shape[2:]) for one in self.layers)
        given = [token_text(token) for token in tokens]
        if len(given) != longest:
            raise ValueError(
                f"{len(given)} tokens were given for a text of {longest} positions: expected one "
                "text a position"
            )
        return given

    @property
    def title(self) -> str:
        """What the picture shows."""
        layer = self.layers[0]
        if self.head is not None:
            return f"Attention of {layer.label}, head {self.head}"
        return f"Attention of {layer.label if len(self.layers) == 1 else self.model}"

    @property
    def note(self) -> str:
        """Heads, positions, and what is left out."""
        layer = self.layers[0]
        length, keys = layer.shape[2:]
        size = f"{length}" if length == keys else f"{length} × {keys}"
        parts = [f"{size} positions"]
        if self.head is None:
            heads = sum(one.heads for one in self.layers)
            parts.insert(0, f"{heads} head{'s' if heads != 1 else ''}")
        if layer.shape[0] > 1:
            parts.append(f"example {self.example} of {layer.shape[0]:,}")
        return ", ".join([*parts, *([layer.part] if layer.part else [])])

    @property
    def drawn(self) -> str:
        """The note of the picture, which may leave out layers."""
        count = len(self.layers)
        shown = len(self._grid_of[0]) if self.head is None else count
        left = f", {shown} of {count} layers drawn: layer=… draws one" if shown < count else ""
        return self.note + left

    # -- text and data -----------------------------------------------------------------------

    def text(self) -> str:
        """A line a head: on how many keys it spreads, and what it looks at."""
        rows = []
        for layer in self.layers:
            heads = layer.facts if self.head is None else [layer.facts[self.head]]
            rows += [self._row(layer, head) for head in heads]
        left = len(rows) - MOST_ROWS
        if left > 0:
            rows[MOST_ROWS // 2 : -MOST_ROWS // 2] = [[f"… {left} more heads", *[""] * 7]]
        names = ("layer", "head", "looks at", "keys", "itself", "previous", "first", "peak")
        header, body = table(names, rows, (False, True, False, True, True, True, True, False))
        return "\n".join([f"{printable(self.title)}: {self.note}", "", header, *body])

    def _row(self, layer: Layer, head: Head) -> list[str]:
        numbers = [_rounded(head.spread, 3)]
        numbers += [f"{share:.0%}" for share in (head.itself, head.previous, head.first)]
        row, column = (fit(self._name(place), 12) for place in head.peak_at)
        peak = f"{head.peak:.2f} {row} → {column}"
        return [fit(printable(layer.label), 40), str(head.number), head.kind or "–", *numbers, peak]

    def _name(self, place: int) -> str:
        return self.tokens[place] if self.tokens else str(place)

    def json(self) -> dict[str, Any]:
        """Every head in numbers; the weights as `codes`: zlib, base64, a byte a weight."""
        layers = []
        for layer in self.layers:
            codes = layer.codes[self.example]
            heads = layer.facts
            if self.head is not None:
                codes, heads = codes[self.head : self.head + 1], [heads[self.head]]
            layers.append(
                {
                    "path": layer.label,
                    "shape": list(layer.shape),
                    "heads": [_facts(head) for head in heads],
                    "codes": base64.b64encode(zlib.compress(codes.tobytes())).decode(),
                    "codes_shape": list(codes.shape),
                }
            )
        return {
            "model": self.model,
            "example": self.example,
            "tokens": self.tokens,
            "code": {"top": TOP, "masked": MASKED, "scale": "square"},
            "layers": layers,
        }

    # -- pictures ----------------------------------------------------------------------------

    def svg(self) -> str:
        parts, wide, high = self._grid() if self.head is None else self._one(self.head)
        legend, legend_wide = self._legend(PAD, high + 14)
        if self.tokens:
            names = asked({"row_names": self.tokens, "column_names": self.tokens})["cells"]
            parts = [f'<g data-names="{html.escape(names, quote=True)}">', *parts, "</g>"]
        whole = max(wide, legend_wide + 2 * PAD, 420.0, head_width(self.title, self.drawn))
        tall = high + 52
        parts = [*card(whole, tall, self.title, self.drawn, "activation"), *parts, *legend]
        return document(whole, tall, parts, f"{printable(self.title)}: {self.drawn}")

    def html(self) -> str:
        return self.image(f"{printable(self.title)}: {self.note}", kind=ASKED)

    @cached_property
    def _grid_of(self) -> tuple[list[Layer], int]:
        """The layers that a grid draws, and how many last bits of their codes it leaves out."""
        room = self.budget * 3 / 4
        for count in range(min(MOST_LAYERS, len(self.layers)), 0, -1):
            places = np.linspace(0, len(self.layers) - 1, count).astype(int)
            layers = [self.layers[at] for at in places]
            for shift in range(MOST_SHIFT + 1):
                if sum(self._size(layer, shift) for layer in layers) <= room:
                    return layers, shift
        return self.layers[:1], MOST_SHIFT

    def _size(self, layer: Layer, shift: int) -> int:
        """About how many bytes the heads of a layer take as pictures."""
        key = (id(layer), shift)
        if key not in self._sizes:
            self._sizes[key] = sum(
                len(zlib.compress(_coarse(codes, shift).tobytes(), 1)) + 300
                for codes in layer.codes[self.example]
            )
        return self._sizes[key]

    def _grid(self) -> tuple[list[str], float, float]:
        """Layers down, heads across."""
        layers, shift = self._grid_of
        across = max(one.heads for one in layers)
        label = min(170.0, max(width(printable(one.label)) for one in layers) * 6.4 + 10)
        room = min((WIDE - 2 * PAD - label) / across, HIGH / len(layers)) - _GAP
        tile = max(_TILES[0], min(_TILES[1], room))
        left, top = PAD + label, 62.0
        parts = [
            text_element(left + at * (tile + _GAP) + tile / 2, top - 6, str(at), fill="muted",
                         anchor="middle", size=11)
            for at in range(across)
        ]  # fmt: skip
        parts.append(text_element(left - 10, top - 6, "head", fill="muted", anchor="end", size=11))
        for row, layer in enumerate(layers):
            y = top + row * (tile + _GAP)
            name = fit(printable(layer.label), int(label / 6.4))
            parts.append(text_element(left - 10, y + tile / 2 + 4, name, anchor="end", size=11.5))
            for head in range(layer.heads):
                x = left + head * (tile + _GAP)
                facts = self._asked(f"{printable(layer.label)}, head {head}: ")
                codes = _coarse(layer.codes[self.example, head], shift)
                parts += _matrix(codes, (x, y, tile, tile), facts)
        wide = left + across * (tile + _GAP) - _GAP + PAD
        return parts, wide, top + len(layers) * (tile + _GAP) - _GAP

    def _legend(self, x: float, y: float) -> tuple[list[str], float]:
        parts, wide = color_bar(x, y, "sequential", ("0", "1"), middle="0.25")
        entries = [("", "colours by the root of a weight")]
        if any((layer.codes == MASKED).any() for layer in self.layers):
            entries.insert(0, ("masked", "masked"))
        if any(head.nan for layer in self.layers for head in layer.facts):
            entries.insert(0, ("nan", "NaN"))
        more, more_wide = swatches(x + wide + 20, y, entries)
        return parts + more, wide + 20 + more_wide

    def _asked(self, before: str) -> dict[str, str]:
        facts: dict[str, Any] = {
            "index": before + "{r} → {c}",
            "rows": [0, 1],
            "columns": [0, 1],
            "limit": 1,
            "signed": False,
            "scale": "square",
        }
        return asked(facts)

    def _one(self, head: int) -> tuple[list[str], float, float]:
        """One head, large, with the tokens on both sides."""
        layer = self.layers[0]
        codes = layer.codes[self.example, head]
        rows, columns = codes.shape
        cell = min(26.0, 760 / max(rows, columns, 1))
        cell = math.floor(cell) if cell >= 4 else cell
        names = [[self._name(at) for at in range(count)] for count in (rows, columns)]
        beside, above = (
            (min(16, max(map(width, group), default=1)) * 6.6 + 10) for group in names
        )
        left, top = PAD + 14 + beside, 62.0 + above
        parts = _token_labels(names[0], left, top, cell, across=False)
        parts += _token_labels(names[1], left, top, cell, across=True)
        wide, high = columns * cell, rows * cell
        parts.append(text_element(left + wide / 2, 58, "key →", fill="muted", size=11,
                                  anchor="middle"))  # fmt: skip
        parts.append(
            f'<g transform="translate({PAD + 8},{top + high / 2:g}) rotate(-90)">'
            f"{text_element(0, 0, '← query', fill='muted', size=11, anchor='middle')}</g>"
        )
        facts = self._asked("")
        parts += _matrix(codes, (left, top, wide, high), facts)
        return parts, left + wide + PAD, top + high

    def figure(self, theme: str = "light") -> Figure:
        """A matplotlib figure in the same colours."""
        from matplotlib.colors import PowerNorm

        across = 1 if self.head is not None else max(one.heads for one in self.layers)
        down = len(self.layers)
        tile = 4.6 if self.head is not None else min(1.6, 8.0 / across)
        size = (tile * across + 1.2, (tile + 0.1) * down + 0.6)
        figure = new_figure(self.title, size, theme)
        grid = figure.subplots(down, across, squeeze=False)
        muted = look.color("muted", theme)
        for line, layer in zip(grid, self.layers):
            heads = [self.head] if self.head is not None else list(range(layer.heads))
            for axes in line:
                axes.set_axis_off()
            for axes, head in zip(line, heads):
                pixels = layer.codes[self.example, head]
                rgba = colors_of(pixels, "sequential")
                rgba[pixels == MASKED] = (*look.rgb(look.color("masked", theme)), 255)
                axes.imshow(rgba, interpolation="nearest")
                if line is grid[0] and self.head is None:
                    axes.set_title(str(head), fontsize=8, pad=2, color=muted)
        norm = PowerNorm(0.5, 0.0, 1.0)
        color_scale(figure, grid.ravel().tolist(), "sequential", norm, theme)
        return figure


def _matrix(
    codes: np.ndarray, box: tuple[float, float, float, float], facts: dict[str, str]
) -> list[str]:
    x, y, wide, high = box
    parts = [rect(x, y, wide, high, "masked")]
    if codes.size:
        masked = codes == MASKED
        parts.append(cell_image(codes, box, "sequential", masked=masked, facts=facts))
    return parts


def _coarse(codes: np.ndarray, shift: int) -> np.ndarray:
    """Codes without their last bits; masks and NaN stay."""
    if not shift:
        return codes
    half = (1 << shift) >> 1
    rounded = ((codes.astype(np.int32) + half) >> shift) << shift
    return np.where(codes > TOP, codes, np.minimum(rounded, TOP)).astype(np.uint8)


def _token_labels(
    names: Sequence[str], x: float, y: float, cell: float, *, across: bool
) -> list[str]:
    """Names along an edge; where cells are low, as many as can be read."""
    stride = max(1, math.ceil(11 / cell))
    upright = max(map(width, names), default=0) <= 2 and cell >= 9
    parts = []
    for at in range(0, len(names), stride):
        name = fit(names[at], 16)
        middle = (at + 0.5) * cell
        if across and upright:
            parts.append(text_element(x + middle, y - 5, name, size=11, anchor="middle"))
        elif across:
            place = f"translate({x + middle + 3.5:g},{y - 5:g}) rotate(-90)"
            parts.append(f'<g transform="{place}">{text_element(0, 0, name, size=11)}</g>')
        else:
            parts.append(text_element(x - 6, y + middle + 3.5, name, anchor="end", size=11))
    return parts


def _place(layers: Sequence[Layer], layer: int | str) -> int:
    if isinstance(layer, int):
        return _index(layer, len(layers), "layer")
    for number, one in enumerate(layers):
        if layer in (one.label, one.label.partition("#")[0]):
            return number
    known = ", ".join(printable(one.label) for one in layers[:6])
    raise KeyError(f"no attention ran in {layer!r}: expected one of {known}")


def _index(number: int, count: int, what: str) -> int:
    if not -count <= number < count:
        kept = " kept" if what == "example" else ""
        raise IndexError(
            f"there is no {what} {number}: {count} {'is' if count == 1 else 'are'}{kept}, "
            "counted from 0"
        )
    return number % count


def _nothing(tape: Tape, step: int) -> str:
    if any(one.array is None for one in tape.attention):
        return "the attention weights were let go to keep the tape within its budget: raise it"
    if tape.attention:
        return f"no attention ran in step {step} of this tape"
    return (
        f"there are no attention weights on this tape of {tape.model}: they are read off "
        "scaled_dot_product_attention, or softmax(q @ kᵀ) @ v, while a run is captured with "
        'keep="sample" or keep="full"'
    )


def _rounded(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}g}"


def _facts(head: Head) -> dict[str, Any]:
    return {
        "head": head.number,
        "looks_at": head.kind,
        "keys": None if math.isnan(head.spread) else round(head.spread, 4),
        "itself": round(head.itself, 4),
        "previous": round(head.previous, 4),
        "first": round(head.first, 4),
        "peak": round(head.peak, 4),
        "peak_at": list(head.peak_at),
        "nan": head.nan,
    }
