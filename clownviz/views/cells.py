"""One grid of cells as static SVG: its colours, its cuts, and signs for what no colour says."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import look
from .codes import marks
from .layout import Axis, Piece
from .raster import cell_image, colors_of
from .svg import rect, text_element

__all__ = ["GAP", "RULER", "SMALLEST_SIGN", "Block", "Size", "asked", "gap_line", "starts"]

GAP = 8
RULER = (34.0, 16.0)
"""Room for the numbers beside rows and above columns."""

SMALLEST_SIGN = 8
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
        tops, lefts = starts(rows, y, cell), starts(columns, x, cell)
        for row, top in zip(rows, tops):
            for column, left in zip(columns, lefts):
                parts += self._piece(row, column, left, top, cell)
        parts += [gap_line(left - GAP / 2, y, 0, high) for left in lefts[1:]]
        parts += [gap_line(x, top - GAP / 2, wide, 0) for top in tops[1:]]
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


def starts(pieces: Sequence[Piece], at: float, cell: float) -> list[float]:
    """Where each piece begins, a gap behind the one before it."""
    return [at + piece.start * cell + GAP * number for number, piece in enumerate(pieces)]


def _ends(axis: Axis, at: float, cell: float) -> list[tuple[float, int]]:
    """Where the first and the last cell of each piece begin, and which places they are."""
    pieces = axis.pieces()
    ends = []
    for piece, start in zip(pieces, starts(pieces, at, cell)):
        ends += [(start, piece.first), (start + (piece.stop - piece.start - 1) * cell, piece.last)]
    return ends


def _number(x: float, y: float, place: int, anchor: str) -> str:
    return text_element(x, y, str(place), fill="muted", anchor=anchor, size=10)


def gap_line(x: float, y: float, wide: float, high: float) -> str:
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
