"""Many grids of cells as tiles in rows, with their names above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .cells import GAP, Block, Size
from .svg import text_element

__all__ = ["draw_facets"]

LABEL = 13
LETTER = 5.5
LARGEST_CELL, MOST_CELL = 16, 28
SMALLEST_TILE = 40
SMALL_TILE, MANY_TILES = 84, 25


@dataclass(frozen=True, slots=True)
class _Tiles:
    """Tiles of one size in rows.

    Attributes:
        rows, columns: cells of a tile.
        cell: the side of a cell.
        label: room for a name above each tile.
        across: how many tiles stand in a row.
        count: how many fit.
    """

    rows: int
    columns: int
    cell: float
    label: float
    across: int
    count: int

    @property
    def size(self) -> Size:
        """Width and height of a tile."""
        return self.columns * self.cell, self.rows * self.cell

    def place(self, number: int) -> tuple[float, float]:
        """The left top corner of a tile, below its name."""
        row, column = divmod(number, self.across)
        wide, high = self.size
        return column * (wide + GAP), row * (high + GAP + self.label) + self.label

    @property
    def whole(self) -> Size:
        """Width and height of all of them."""
        wide, high = self.size
        across, down = min(self.count, self.across), -(-self.count // self.across)
        return across * (wide + GAP) - GAP, down * (high + GAP + self.label) - GAP


def _fitted(blocks: Sequence[Block], box: Size, columns: int | None) -> _Tiles:
    """The largest whole cells with which all tiles fit the box; at least a few tiles of a size."""
    count = len(blocks)
    high, wide = blocks[0].codes.shape
    label = LABEL if count > 1 else 0
    # Few cells may be large: a kernel of 3 × 3 should not be a dot, nor one map a stamp.
    tall = 200 if count == 1 else SMALL_TILE
    roomy = min(MOST_CELL, int(min(box[0] / wide, tall / max(high, wide))))
    largest = max(LARGEST_CELL, roomy) if count < MANY_TILES else LARGEST_CELL
    smallest = min(1.0, SMALLEST_TILE / max(high, wide))
    for cell in [*range(largest, 0, -1), smallest]:
        across = int((box[0] + GAP) // (wide * cell + GAP))
        across = min(across, columns) if columns else across
        down = int((box[1] + GAP) // (high * cell + label + GAP))
        if across and across * down >= count:
            break
    across = max(1, across)
    return _Tiles(high, wide, cell, label, across, min(count, across * max(1, down)))


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
    """Blocks of one size as tiles, as many as fit the box; the last one counts the others.

    Args:
        columns: how many stand in a row, if there is room for them.
        notes: a word a tile, after its name: "dead".

    Returns:
        The elements, and the width and height that they take.
    """
    tiles = _fitted(blocks, box, columns)
    wide, high = tiles.size
    hidden = len(blocks) - tiles.count
    shown = tiles.count - 1 if hidden else tiles.count
    parts: list[str] = []
    for number, block in enumerate(blocks[:shown]):
        across, down = tiles.place(number)
        if tiles.label:
            note = notes[number] if notes else ""
            parts += _label(names[number], note, x + across, y + down - 3, wide)
        parts += block.draw(x + across, y + down, tiles.cell)
    if hidden:
        across, down = tiles.place(shown)
        middle = (x + across + wide / 2, y + down + high / 2 + 4)
        more = f"+{hidden + 1}"
        parts.append(text_element(*middle, more, fill="muted", anchor="middle", size=11))
    return parts, *tiles.whole


def _label(name: str, note: str, x: float, y: float, wide: float) -> list[str]:
    """The name of a tile, and its note, if there is room."""
    room = (wide + GAP - 2) / LETTER
    if len(name) > room:
        return []
    parts = [text_element(x, y, name, fill="muted", size=9.5)]
    if note and len(name) + 1 + len(note) <= room:
        at = x + (len(name) + 1) * LETTER
        parts.append(text_element(at, y, note, fill="warning", size=9.5))
    return parts
