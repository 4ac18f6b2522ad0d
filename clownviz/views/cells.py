"""Grids of cells as static SVG: blocks with their cuts and signs, facets, bars."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import look
from .codes import decode, marks
from .layout import Axis, Piece
from .raster import cell_image, colors_of
from .svg import rect, text_element

__all__ = ["GAP", "RULER", "Block", "Size", "asked", "draw_bars", "draw_facets"]

GAP = 8
RULER = (34.0, 16.0)
"""Room for the numbers beside rows and above columns."""

LABEL = 13
LARGEST_CELL = 16
SMALLEST_SIGN = 8
SMALLEST_TILE = 40
SMALL_TILE, MANY_TILES = 84, 25
MOST_CELL = 28
MOST_SIGNS = 1500

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Block:
    """One grid of cells.

    Attributes:
        codes: (rows, columns), of a range that ends at `limit`.
        rows, columns: which places of the tensor they are.
        index: how the cell is written, with `{r}` and `{c}` for its row and column.
        masked: which cells are grey.
    """

    codes: np.ndarray
    limit: float
    signed: bool
    rows: Axis
    columns: Axis
    index: str = "[{r}, {c}]"
    masked: np.ndarray | None = None

    @property
    def map(self) -> str:
        """The colour map's name."""
        return "diverging" if self.signed else "sequential"

    def size(self, cell: float) -> Size:
        """Width and height."""
        high, wide = self.codes.shape
        cuts = [len(axis.pieces()) > 1 for axis in (self.columns, self.rows)]
        return wide * cell + GAP * cuts[0], high * cell + GAP * cuts[1]

    def draw(self, x: float, y: float, cell: float) -> list[str]:
        """SVG elements, with the top left corner at x, y."""
        parts: list[str] = []
        wide, high = self.size(cell)
        if self.masked is not None and self.masked.any():
            parts.append(rect(x, y, wide, high, "masked"))
        rows, columns = self.rows.pieces(), self.columns.pieces()
        tops, lefts = _starts_of(rows, y, cell), _starts_of(columns, x, cell)
        for row, top in zip(rows, tops):
            for column, left in zip(columns, lefts):
                parts += self._piece(row, column, left, top, cell)
        parts += [_gap(left - GAP / 2, y, 0, high) for left in lefts[1:]]
        parts += [_gap(x, top - GAP / 2, wide, 0) for top in tops[1:]]
        return parts

    def rulers(self, x: float, y: float, wide: float) -> list[str]:
        """The numbers of the first and last rows and columns, on both sides of a cut.

        `x`, `y` and `wide` are those of the drawn block.
        """
        cell = (wide - GAP * (len(self.columns.pieces()) - 1)) / max(1, self.codes.shape[1])
        parts: list[str] = []
        taken = -math.inf
        for edge, place in _ends(self.rows, y, cell):
            middle = edge + cell / 2 + 3.5
            if middle - taken >= 10:
                parts.append(_number(x - 6, middle, place, "end"))
                taken = middle
        taken = -math.inf
        for at, (edge, place) in enumerate(_ends(self.columns, x, cell)):
            # A number stands within its piece: the first begins there, the last ends there.
            long = len(str(place)) * 6.0
            left = edge if at % 2 == 0 else edge + cell - long
            if left - taken >= 4:
                parts.append(_number(left, y - 5, place, "start"))
                taken = left + long
        return parts

    def _piece(self, row: Piece, column: Piece, x: float, y: float, cell: float) -> list[str]:
        part = np.s_[row.start : row.stop, column.start : column.stop]
        codes = self.codes[part]
        facts = {
            "index": self.index,
            "rows": [row.first, row.step],
            "columns": [column.first, column.step],
            "limit": self.limit,
            "signed": self.signed,
        }
        high, wide = codes.shape
        masked = None if self.masked is None else self.masked[part]
        image = cell_image(
            codes, (x, y, wide * cell, high * cell), self.map, masked=masked, facts=asked(facts)
        )
        return [image, *_signs(codes, masked, self.map, x, y, cell)]


def asked(facts: dict[str, Any]) -> dict[str, str]:
    """Facts of a picture as the attribute that a page reads when somebody points at a cell."""
    return {"cells": json.dumps(facts, ensure_ascii=False, separators=(",", ":"))}


def _starts_of(pieces: Sequence[Piece], at: float, cell: float) -> list[float]:
    return [at + piece.start * cell + GAP * number for number, piece in enumerate(pieces)]


def _ends(axis: Axis, at: float, cell: float) -> list[tuple[float, int]]:
    """Where the first and the last cell of each piece begin, and which places they are."""
    pieces = axis.pieces()
    ends = []
    for piece, start in zip(pieces, _starts_of(pieces, at, cell)):
        ends += [(start, piece.first), (start + (piece.stop - piece.start - 1) * cell, piece.last)]
    return ends


def _number(x: float, y: float, place: int, anchor: str) -> str:
    return text_element(x, y, str(place), fill="muted", anchor=anchor, size=10)


def _gap(x: float, y: float, wide: float, high: float) -> str:
    """A dotted line where something is left out."""
    return (
        f'<path d="M{x:g} {y:g}l{wide:g} {high:g}" '
        f'style="stroke:{look.variable("muted")};stroke-width:2;stroke-dasharray:2 4"/>'
    )


def _signs(
    codes: np.ndarray, masked: np.ndarray | None, name: str, x: float, y: float, cell: float
) -> list[str]:
    if cell < SMALLEST_SIGN:
        return []
    parts: list[str] = []
    for sign, where in marks(codes):
        places = np.argwhere(where if masked is None else where & ~masked)
        for row, column in places[: MOST_SIGNS - len(parts)].tolist():
            left, base = x + (column + 0.5) * cell, y + (row + 0.5) * cell + cell * 0.3
            parts.append(
                f'<text x="{left:g}" y="{base:g}" text-anchor="middle" pointer-events="none" '
                f'fill="{_ink(int(codes[row, column]), name)}" '
                f'style="font:700 {cell * 0.85:g}px sans-serif">{sign[-1]}</text>'
            )
    return parts


def _ink(code: int, name: str) -> str:
    """Black or white, whichever is read on the colour of a code."""
    red, green, blue, _ = colors_of(np.array(code), name).tolist()
    return "#000" if red * 0.3 + green * 0.6 + blue * 0.1 > 150 else "#fff"


@dataclass(frozen=True, slots=True)
class _Tiles:
    """How many tiles stand in a row, how many there are, and how large a cell is."""

    cell: float
    across: int
    shown: int


def _fit_tiles(count: int, tile: Size, box: Size, columns: int | None, extra: float) -> _Tiles:
    """The largest whole cells with which all tiles fit the box; at least a few tiles of a size."""
    wide, high = box
    columns_of_cells, rows_of_cells = tile
    # Few cells may be large: a kernel of 3 × 3 should not be a dot, nor one map a stamp.
    tall = 200 if count == 1 else SMALL_TILE
    roomy = min(MOST_CELL, int(min(wide / columns_of_cells, tall / max(tile))))
    largest = max(LARGEST_CELL, roomy) if count < MANY_TILES else LARGEST_CELL
    smallest = min(1.0, SMALLEST_TILE / max(tile))
    for cell in [*range(largest, 0, -1), smallest]:
        across = int((wide + GAP) // (columns_of_cells * cell + GAP))
        across = min(across, columns) if columns and across >= columns else across
        down = int((high + GAP) // (rows_of_cells * cell + extra + GAP))
        if across and (across * down >= count or cell == smallest):
            break
    across = max(1, across)
    return _Tiles(cell, across, min(count, across * max(1, down)))


def draw_facets(
    blocks: Sequence[Block],
    names: Sequence[str],
    x: float,
    y: float,
    box: Size,
    *,
    columns: int | None = None,
    notes: Sequence[str] = (),
) -> tuple[list[str], float, float]:
    """Blocks of one size as tiles with their names above, as many as fit the box.

    Args:
        columns: how many stand in a row, if there is room for them.
        notes: a word a tile, after its name: "dead".

    Returns:
        The elements, and the width and height that they take.
    """
    rows, cells = blocks[0].codes.shape
    named = len(blocks) > 1
    extra = LABEL if named else 0
    tiles = _fit_tiles(len(blocks), (cells, rows), box, columns, extra)
    wide, high = cells * tiles.cell, rows * tiles.cell
    parts: list[str] = []
    more = len(blocks) - tiles.shown
    shown = tiles.shown - 1 if more else tiles.shown
    for number, block in enumerate(blocks[:shown]):
        row, column = divmod(number, tiles.across)
        left, top = x + column * (wide + GAP), y + row * (high + GAP + extra) + extra
        if named:
            note = notes[number] if notes else ""
            parts += _label(names[number], note, left, top - 3, wide)
        parts += block.draw(left, top, tiles.cell)
    if more:
        row, column = divmod(shown, tiles.across)
        left, top = x + column * (wide + GAP), y + row * (high + GAP + extra) + extra
        text = f"+{more + 1}"
        parts.append(text_element(left + wide / 2, top + high / 2 + 4, text, fill="muted",
                                  anchor="middle", size=11))  # fmt: skip
    down, across = -(-tiles.shown // tiles.across), min(tiles.shown, tiles.across)
    return parts, across * (wide + GAP) - GAP, down * (high + GAP + extra) - GAP


def _label(name: str, note: str, x: float, y: float, wide: float) -> list[str]:
    size = 9.5
    if len(name) * size * 0.58 > wide + GAP - 2:
        return []
    parts = [text_element(x, y, name, fill="muted", size=size)]
    if note and (len(name) + len(note) + 1) * size * 0.58 <= wide + GAP - 2:
        at = x + (len(name) + 1) * size * 0.58
        parts.append(text_element(at, y, note, fill="warning", size=size))
    return parts


def draw_bars(block: Block, x: float, y: float, box: Size) -> tuple[list[str], float, float]:
    """A vector, the only row of a block, as bars from zero, each in the colour of its value."""
    codes = block.codes[0]
    pieces = block.columns.pieces()
    slot = max(2, min(28, int((box[0] - GAP * (len(pieces) - 1)) // max(1, len(codes)))))
    high = min(box[1], 90.0)
    zero = y + (high / 2 if block.signed else high)
    reach = high / 2 if block.signed else high
    values = decode(codes, block.limit, block.signed)
    wide = slot * len(codes) + GAP * (len(pieces) - 1)
    parts = [
        f'<path d="M{x:g} {zero:g}h{wide:g}" '
        f'style="stroke:{look.variable("border")};stroke-width:1"/>'
    ]
    colors = colors_of(codes, block.map)[:, :3].tolist()
    signs = {int(at): sign for sign, where in marks(codes) for at in np.flatnonzero(where)}
    for number, (piece, left) in enumerate(zip(pieces, _starts_of(pieces, x, slot))):
        if number:
            parts.append(_gap(left - GAP / 2, y, 0, high))
        for at in range(piece.start, piece.stop):
            bar = left + (at - piece.start) * slot
            masked = block.masked is not None and bool(block.masked[0, at])
            tall, top = _bar(values[at], block.limit, reach, zero)
            fill = look.variable("masked") if masked else "#{:02x}{:02x}{:02x}".format(*colors[at])
            place = piece.first + (at - piece.start) * piece.step
            said = "masked" if masked else _said(values[at], signs.get(at, ""))
            index = html.escape(block.index.replace("{c}", str(place)))
            parts.append(
                f'<rect x="{bar + 0.5:g}" y="{top:.1f}" width="{slot - 1:g}" height="{tall:.1f}" '
                f'style="fill:{fill};stroke:{look.variable("muted")};stroke-width:.5">'
                f"<title>{index} {said}</title></rect>"
            )
            if at in signs and not masked and slot >= SMALLEST_SIGN:
                parts.append(_sign_of_bar(signs[at], bar + slot / 2, top, zero, values[at]))
    return parts, wide, high


def _bar(value: float, limit: float, reach: float, zero: float) -> tuple[float, float]:
    """Height and top of a bar."""
    share = 0.0 if math.isnan(value) or not limit else max(-1.0, min(1.0, value / limit))
    tall = max(1.0, abs(share) * reach)
    return tall, zero - tall if share >= 0 else zero


def _said(value: float, sign: str) -> str:
    number = look.format_number(value)
    return {"+": f"&gt; {number}", "−": f"&lt; {number}"}.get(sign, f"≈ {number}")


def _sign_of_bar(sign: str, x: float, top: float, zero: float, value: float) -> str:
    fill = "nan" if sign == "×" else "text"
    y = top + 10 if value > 0 else zero - 3 if math.isnan(value) else zero + 10
    return text_element(x, y, sign, fill=fill, anchor="middle", size=10, weight=700)
